"""What an engine brings: statements, types, its catalogue, its locks, and a way to send rows.

An engine is a package beside this one. Its modules fulfil the protocols below as they are, so that
``Dialect`` is only the list of them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from shared.core.fidelity import Cell
from shared.core.measuring import Asked
from shared.core.plans import Slice
from shared.core.schemas import Column, DataType, Kind
from shared.core.selections import Selection
from shared.targets.relational.merging import Merging

if TYPE_CHECKING:
    import pyarrow as pa

Casts = dict[str, str]
"""Columns whose type in the table is not that of the staged values, with their type there."""


@dataclass(frozen=True, slots=True)
class Existing:
    """A column of an existing table: its type as the catalogue writes it, and NOT NULL."""

    type: str
    is_required: bool = False


class ColumnStatements(Protocol):
    """Statements about columns. Pure: names in, text out; names of tables are qualified."""

    def add_column(self, table: str, column: Column) -> str:
        """Return what adds a column that may be NULL."""

    def change_type(self, table: str, column: Column, existing: Existing) -> str:
        """Return what gives an existing column the type of ``column``."""

    def drop_column(self, table: str, name: str) -> str:
        """Return what drops a column."""


class Statements(ColumnStatements, Protocol):
    """Statements about rows. Pure: names in, text out; names of tables are qualified."""

    @property
    def MARKER_TYPE(self) -> str:  # noqa: N802 - a module's constant
        """Type of the column that marks rows as deleted, as the catalogue writes it."""

    @property
    def NOW(self) -> str:  # noqa: N802
        """Returns the server's clock, in UTC without an offset."""

    def qualified(self, schema: str, table: str) -> str:
        """Return a table's full name, quoted."""

    def create_schema(self, schema: str) -> str:
        """Return what creates a schema that is not there."""

    def create_table(
        self, table: str, columns: Sequence[Column], primary_key: Sequence[str]
    ) -> str:
        """Return what creates a table that people will read."""

    def create_staging(
        self, staging: str, columns: Sequence[Column], key: Sequence[str], *, is_unique: bool
    ) -> str:
        """Return what creates a table for a run's rows, if it is not there.

        Keys may be NULL or repeated, unless ``is_unique``.
        """

    def drop(self, table: str) -> str:
        """Return what drops a table that may not be there."""

    def copy_table(self, table: str, copy: str) -> str:
        """Return what makes a copy of a table's columns and rows."""

    def analyze(self, table: str) -> str | None:
        """Return what makes a fresh table known to the planner; None where nothing does."""

    def count(self, table: str) -> str:
        """Return a count of all rows."""

    def has_rows(self, table: str) -> str:
        """Return whether there is any row."""

    def count_unmarked(self, table: str, marker: str) -> str:
        """Return a count of the rows that are not marked as deleted."""

    def add_marker(self, table: str, marker: str) -> str:
        """Return what adds the column that marks rows as deleted."""

    def marker_value(self, snapshot: str) -> str:
        """Return the moment to mark rows with, as the text that is bound."""

    def null_key(self, staging: str, key: Sequence[str]) -> str:
        """Return a count of staged rows in which a part of the key is NULL."""

    def repeated_key(self, staging: str, key: Sequence[str]) -> str:
        """Return a count of the keys that several staged rows share."""

    def too_long(self, staging: str, column: str) -> str:
        """Return a count of staged texts longer than the bound limit."""

    def insert_all(self, table: str, staging: str, columns: Sequence[Column], casts: Casts) -> str:
        """Return INSERT of every staged row."""

    def delete_missing(self, table: str, staging: str, key: Sequence[str], casts: Casts) -> str:
        """Return DELETE of rows whose key is not staged."""

    def is_staged(self, staging: str, key: Sequence[str], casts: Casts) -> str:
        """Return the condition that the key of a row of ``t`` is staged."""

    def keep_readers_out(self, table: str) -> str | None:
        """Return what lets no reader in until the commit, where a reader could see half of it.

        None where readers see the rows as they were when they began.
        """

    def delete_present(self, table: str, staging: str, key: Sequence[str], casts: Casts) -> str:
        """Return DELETE of rows whose key is staged."""

    def mark_missing(
        self, table: str, staging: str, key: Sequence[str], casts: Casts, marker: str
    ) -> str:
        """Return UPDATE that marks rows whose key is not staged; the moment is bound."""

    def unmark_present(
        self, table: str, staging: str, key: Sequence[str], casts: Casts, marker: str
    ) -> str:
        """Return UPDATE that takes the mark from rows whose key is staged."""

    def delete_all(self, table: str) -> str:
        """Return DELETE of every row, which readers see at the commit."""

    def casts(self, existing: dict[str, str], columns: Sequence[Column]) -> Casts:
        """Return the casts that staged values need to fit an existing table's types."""


class TestStatements(Protocol):
    """Statements of ``RowTests``. Rows are called ``s``; names of tables are qualified."""

    def count_repeated(self, rows: str, columns: Sequence[Column]) -> str:
        """Return a count of the rows whose values stand in another row too; NULLs do not count."""

    def repeated(self, rows: str, columns: Sequence[Column], limit: int) -> str:
        """Return some values that several rows have."""

    def count_where(self, rows: str, condition: str) -> str:
        """Return a count of the rows for which a condition is true."""

    def values_where(self, rows: str, columns: Sequence[Column], condition: str, limit: int) -> str:
        """Return the values of some rows for which a condition is true."""

    def stands_in(
        self, table: str, columns: Sequence[str], others: Sequence[str], casts: Casts
    ) -> str:
        """Return whether a row's values stand in a table, or in a query for rows in brackets."""

    def not_staged(self, table: str, staging: str, key: Sequence[str], casts: Casts) -> str:
        """Return a query in brackets for the rows of a table whose key is not staged."""

    def is_known(self, columns: Sequence[str]) -> str:
        """Return whether none of a row's values is NULL."""

    def scan(
        self, cursor: Any, table: str, columns: Sequence[Column], batch_rows: int
    ) -> Iterator[Sequence[Sequence[Any]]]:
        """Yield the rows of a table, so many at a time, as values of Python."""


class Facts(Protocol):
    """Facts of columns. Pure; the rows that are measured have the alias ``t``."""

    def facts_of(self, column: Column, existing: str) -> dict[str, str]:
        """Return the facts that the engine computes of an existing column, each with its SQL."""

    def is_null(self, name: str) -> str:
        """Return the condition that a column is NULL."""

    def within(self, column: Column, piece: Slice) -> str:
        """Return the condition that a value lies in a slice."""

    def measure(self, table: str, asked: Asked, condition: str = "") -> str:
        """Return the query for facts of the rows of a table that meet a condition, or of all."""


class Types(Protocol):
    """Column types in the engine."""

    @property
    def CELLS(self) -> Mapping[Kind, Cell]:  # noqa: N802 - a module's constant
        """What each kind becomes, and what that does to its values."""

    def data_type(self, name: str) -> DataType:
        """Return the column type of an existing column, by its type as the catalogue writes it."""

    def holds(self, existing: str, wanted: DataType) -> bool:
        """Say whether a column of type ``existing`` keeps every value of ``wanted`` as it is."""

    def rounds(self, existing: str, wanted: DataType) -> bool:
        """Say whether a column rounds what it has no digits for, and refuses all else."""

    def widens(self, existing: str, wanted: DataType) -> bool:
        """Say whether a column can become one of type ``wanted`` with all that is in it kept."""

    def type_name(self, data_type: DataType) -> str:
        """Return the type of a new column that is no part of a key."""

    def length_limit(self, existing: str) -> int | None:
        """Return the most characters that an existing column takes; None: any number."""


class Catalog(Protocol):
    """What the engine's own catalogue says. Names of tables are qualified and quoted."""

    def exists(self, cursor: Any, table: str) -> bool:
        """Say whether there is such a table."""

    def schema_exists(self, cursor: Any, schema: str) -> bool:
        """Say whether there is such a schema; its name is not quoted."""

    def columns(self, cursor: Any, table: str) -> list[tuple[str, str, bool]]:
        """Return name, type and NOT NULL of each column, in order."""

    def primary_key(self, cursor: Any, table: str) -> tuple[str, ...]:
        """Return the columns of the primary key, in its order."""

    def tables(self, cursor: Any, schema: str) -> list[str]:
        """Return the names of a schema's tables; the schema's name is not quoted."""

    def destination(self, cursor: Any, table: str) -> dict[str, str]:
        """Return the types that values are checked against before they are sent; none: {}."""


class Books(Protocol):
    """The engine's ``_sluice`` schema: its tables, its statements, its locks."""

    @property
    def VERSION(self) -> int:  # noqa: N802 - a module's constant
        """Version of the tables, as ``_sluice.versions`` records it."""

    @property
    def TABLES(self) -> tuple[str, ...]:  # noqa: N802
        """What creates or completes the tables of any version."""

    @property
    def STATEMENTS(self) -> "BookStatements":  # noqa: N802
        """The statements about their rows."""

    def lock(self, cursor: Any) -> None:
        """Let nobody else create anything in ``_sluice`` until this transaction ends."""

    def ensure_state(self, cursor: Any, table: str) -> None:
        """Make sure that a table has a state row."""

    def lock_state(self, cursor: Any, table: str) -> None:
        """Read the state row, and let nobody else publish the table until the end."""

    def claim(self, cursor: Any, run_id: str, part: str) -> bool:
        """Claim a part for this transaction; False when it is staged already."""

    def settle(self, cursor: Any, run_id: str, part: str) -> None:
        """Note that a claimed part is staged, if the claim has not done so."""

    def forget_files(self, cursor: Any, table: str, kept: list[str]) -> None:
        """Forget the table's files except those of the runs that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookStatements:
    """Statements whose parameters are the same for every engine."""

    read_version: str
    write_version: str
    read_state: str
    write_state: str
    read_load: str
    write_load: str
    read_lineage: str
    find_content: str
    write_file: str
    read_staged: str
    read_staging_runs: str
    forget_parts: str
    read_schemas: str
    write_schema: str


class Paging(Protocol):
    """How rows are read for somebody who wants to see them."""

    @property
    def BEFORE(self) -> tuple[str, ...]:  # noqa: N802 - a module's constant
        """Statements that are said before the one that reads."""

    def select(self, table: str, selection: Selection) -> tuple[str, list[str]]:
        """Return the statement that reads a page of rows, and the values to bind."""


class Send(Protocol):
    """Puts rows into a table."""

    def __call__(
        self,
        cursor: Any,
        table: str,
        columns: Sequence[Column],
        batches: "Iterable[pa.RecordBatch]",
        *,
        part: str,
        destination: dict[str, str],
    ) -> None:
        """Insert all rows of a part; ``destination`` has types of the table that they end in.

        Raises:
            ValueNotRepresentableError: the database would alter or refuse a value.
        """


class Read(Protocol):
    """Reads rows."""

    def __call__(
        self, cursor: Any, table: str, columns: Sequence[Column], condition: str = ""
    ) -> "Iterator[pa.RecordBatch]":
        """Yield the rows of a table that meet a condition, or all, in flat memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDialect:
    """How an engine writes columns: all that a comparison with a run's columns needs."""

    sql: ColumnStatements
    types: Types


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect(ColumnDialect):
    """One engine."""

    name: str
    counts_utf16: bool
    """Lengths of texts are in UTF-16 units; otherwise in characters."""
    sql: Statements
    merging: Merging
    tests: TestStatements
    facts: Facts
    catalog: Catalog
    books: Books
    send: Send
    read: Read
    paging: Paging
