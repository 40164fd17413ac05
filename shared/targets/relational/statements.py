"""The statements that an engine brings: names in, text out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from shared.core.schemas import Column
from shared.targets.columns import ColumnStatements

Casts = dict[str, str]
"""Columns whose type in the table is not that of the staged values, with their type there."""


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
