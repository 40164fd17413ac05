"""What an engine brings: statements, types, its catalogue, its locks, and a way to send rows.

An engine is a package beside this one. Its modules fulfil the protocols below as they are, so that
``Dialect`` is only the list of them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from shared.core.measuring import Asked
from shared.core.plans import Slice
from shared.core.schemas import Column
from shared.core.selections import Selection
from shared.targets.columns import ColumnDialect
from shared.targets.relational.merging import Merging
from shared.targets.relational.statements import BookStatements, Statements, TestStatements

if TYPE_CHECKING:
    import pyarrow as pa


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
    def STATEMENTS(self) -> BookStatements:  # noqa: N802
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
