"""Rows out of Snowflake: one snapshot, one window, one query, one schema."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pyarrow as pa

from shared.config.tables import ResolvedTable
from shared.core import measuring
from shared.core.fidelity import Consent, remedy
from shared.core.modes import SyncMode
from shared.core.plans import Slice
from shared.core.receipts import Point
from shared.core.schemas import TableSchema
from shared.core.windows import CursorKind, Span, Window, backfill_window, next_window
from shared.errors import (
    InvalidConfigError,
    InvalidMessageError,
    SourceRefusedError,
    ValueNotRepresentableError,
)
from shared.metering import waiting
from shared.secrets import Secrets
from shared.sources.base import Extent, Snapshot, TableMetadata, Unloaded
from shared.sources.snowflake import answers, chunks, connection, sql, tokens, unload
from shared.sources.snowflake.arrow import conform
from shared.sources.snowflake.description import Description
from shared.sources.snowflake.types import SourceColumn, find
from shared.stage.arrow import arrow_schema


class SnowflakeSource:
    """One table of Snowflake, for one run."""

    def __init__(self, resolved: ResolvedTable, secrets: Secrets, *, run_id: str) -> None:
        place, reach = resolved.table.snowflake, resolved.connections.snowflake
        if place is None or reach is None:
            raise InvalidConfigError(f"table {resolved.table.name} has no snowflake source")
        self._config = resolved.table
        self._table = sql.TableRef(database=place.database, schema=place.schema_, table=place.table)
        self._ref = self._table
        self._snapshot: Snapshot | None = None
        self._query_id: str | None = None
        self._integration = reach.storage_integration
        tag = {"table": resolved.table.name, "run_id": run_id}
        self._connection = connection.connect(reach, secrets, tag)
        self._description = Description(self._connection, resolved.table, self._table)

    @property
    def query_id(self) -> str | None:
        """Snowflake's id of the query that read the rows."""
        return self._query_id

    def schema(self) -> TableSchema:
        """Return the columns as they will be in the target, with the key; none that is dropped.

        Raises:
            SourceRefusedError: the table does not exist, or the role may not see it.
            SchemaConflictError: an unknown type, names that collide, or a key that is no column.
            InvalidConfigError: a column that is protected is not there, or cannot be protected so.
        """
        return self._description.schema()

    def change_token(self) -> str | None:
        """Return a text that differs after every change of the table's rows or columns.

        None for what is no plain table, where Snowflake refuses to say, and within moments of a
        change.
        """
        doing = f"asking for the last change of {self._table.name}"
        try:
            columns = self._description.columns()
            kind, *facts = self._description.facts()
            if kind != tokens.PLAIN_TABLE:
                return None
            change, now = self._row(sql.last_change(self._table), doing)
        except SourceRefusedError:
            return None
        if not change or not tokens.is_settled(int(change), now):
            return None
        return tokens.token(int(change), (self._table.name, *facts), columns)

    def snapshot(self) -> Snapshot:
        """Fix the moment that all later reads see; pinned by time travel where that works."""
        at = str(self._row((sql.NOW, ()), "reading the clock")[0])
        pinned = replace(self._table, at=at)
        try:
            self._row(sql.extent(pinned, (), None, ("", ())), f"pinning {self._table.name}")
        except SourceRefusedError as exc:
            # A missing table fails here too; the reads that follow say so in their own words.
            snapshot = Snapshot(at=at, is_pinned=False, reason=exc.message)
        else:
            snapshot = Snapshot(at=at, is_pinned=True)
        self.resume(snapshot)
        return snapshot

    def resume(self, snapshot: Snapshot) -> None:
        """See the moment that an earlier session fixed."""
        self._snapshot = snapshot
        if snapshot.is_pinned:
            self._ref = replace(self._table, at=snapshot.at)

    def window(self, mode: SyncMode, low: str | None, lag: timedelta | None) -> Window | None:
        """Return the window to read after the watermark ``low``; None without a cursor."""
        cursor = self._description.cursor()
        if cursor is None or self._snapshot is None:
            return None
        largest = None
        if cursor.cursor_kind is CursorKind.NUMBER:
            largest = self._row(sql.largest(self._ref, cursor), "reading the largest cursor")[0]
        appends = self._config.sync_mode is SyncMode.APPEND
        return next_window(
            cursor.cursor_kind,
            # Whatever a run does, the next one appends: rows below its mark must be complete.
            SyncMode.APPEND if appends else mode,
            low=None if mode is SyncMode.FULL else low,
            snapshot=self._snapshot.at,
            largest=largest,
            lag=lag,
        )

    def backfill(self, span: Span, low: str | None) -> Window:
        """Return the window of a backfill; ``low`` is the watermark, which stays.

        Raises:
            InvalidMessageError: the span is nothing of the cursor's kind, or there is no cursor.
        """
        cursor = self._description.cursor()
        if cursor is None:
            raise InvalidMessageError(f"{self._config.name} has no incremental_column to go by")
        return backfill_window(cursor.cursor_kind, span, low=low)

    def extent(self, mode: SyncMode, window: Window | None, piece: Slice | None = None) -> Extent:
        """Count the rows of a window, or of one slice of it.

        Raises:
            ValueNotRepresentableError: times with more digits than microseconds, or NULL cursors
                that the table's policy forbids.
        """
        columns, cursor = self._columns(piece), self._description.cursor()
        where = self._condition(mode, window, piece)
        query = sql.extent(self._ref, columns, None if _is_keys(piece) else cursor, where)
        rows, null_rows, *fine = self._row(query, f"counting {self._table.name}")
        for column, number in zip((c for c in columns if c.has_nanoseconds), fine, strict=True):
            if number and not self._config.accepts(column.target_name, Consent.NANOSECONDS):
                raise ValueNotRepresentableError(
                    f"{number} values of column {column.name} have nanoseconds, which no target "
                    f"keeps; round it in a view, or declare it {column.type_name}(6), or accept "
                    f"the change: {remedy(column.target_name, Consent.NANOSECONDS)}",
                    column=column.name,
                )
        if null_rows and self._null_policy() == "fail":
            raise ValueNotRepresentableError(
                f"{null_rows} rows have NULL in the incremental_column {cursor and cursor.name}; "
                "set null_cursor: skip, or include for a table that is merged by key",
                rows=null_rows,
            )
        ahead, without = self._left_out(mode, window) if piece is None else (0, 0)
        return Extent(
            rows=int(rows),
            null_cursor_rows=int(null_rows),
            rows_ahead=ahead,
            rows_without_cursor=without,
            altered={
                c.target_name: int(number)
                for c, number in zip((c for c in columns if c.has_nanoseconds), fine, strict=True)
                if number
            },
        )

    def measure(self, mode: SyncMode, window: Window | None, piece: Slice | None = None) -> Point:
        """Return the point of a window's rows, or of a slice of them, in one query."""
        columns = self._columns(piece)
        # The one target that does not know the length of texts in bytes.
        has_characters = self._config.sqlserver is not None
        asked = {
            column.target_name: sql.asked_of(column, has_characters=has_characters)
            for column in columns
        }
        query = sql.facts(self._ref, asked, self._condition(mode, window, piece))
        row = self._row(query, f"measuring {self._table.name}")
        return measuring.point((column.column for column in columns), asked, row)

    def split(
        self, mode: SyncMode, window: Window | None, piece: Slice | None, number: int
    ) -> tuple[Slice, ...]:
        """Cut a window, or a slice of it, into about ``number`` slices of about equal rows."""
        column = self._description.split_column()
        if column is None or self._snapshot is None or not self._snapshot.is_pinned:
            return ()
        where = self._condition(mode, window, piece)
        query = sql.quantiles(self._ref, column, where, number)
        found = [row[0] for row in self._rows(query, f"cutting {self._table.name}")]
        ends = list(dict.fromkeys(e for e in found[:-1] if e is not None and e != found[-1]))
        starts = [piece.after if piece else None, *ends]
        return tuple(
            Slice(column=column.name, after=after, upto=upto, is_keys=_is_keys(piece))
            for after, upto in zip(starts, [*ends, piece.upto if piece else None], strict=True)
        )

    def read(
        self, mode: SyncMode, window: Window | None, piece: Slice | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a window or slice; every batch has the schema of ``schema()``.

        Those of a slice of keys have its key's columns alone, in the key's order.
        """
        whole = self.schema()
        schema = arrow_schema(whole.only_key if _is_keys(piece) else whole)
        where = self._condition(mode, window, piece)
        query, values = sql.select(self._ref, self._columns(piece), where)
        with connection.failures(f"reading {self._table.name}"):
            cursor = self._connection.cursor()
            with waiting():
                cursor.execute(query, values or None)
            self._query_id = cursor.sfqid
            for table in chunks.tables(cursor):
                yield from conform(table, schema).to_batches()

    def unload(
        self, mode: SyncMode, window: Window | None, place: str, *, timeout_s: float
    ) -> Unloaded:
        """Write the rows of a window into a bucket, by one statement of Snowflake's own engine.

        Raises:
            InvalidConfigError: the connection names no storage integration.
            TableTooLargeError: the statement took longer than ``timeout_s``.
        """
        if self._integration is None:
            raise InvalidConfigError(
                f"table {self._config.name} has strategy unload, which needs "
                "connections.snowflake.storage_integration"
            )
        query = unload.select(self._ref, self._columns(None), self._condition(mode, window))
        statement = unload.copy_into(query, place, self._integration)
        doing = f"unloading {self._table.name}"
        return unload.run(self._connection, statement, doing, timeout_s=timeout_s)

    def metadata(self) -> TableMetadata:
        """Describe the table without reading it."""
        columns = self._description.columns()
        rows, size_bytes, comment = self._row(sql.size(self._table), "reading statistics")
        return TableMetadata(
            schema=self.schema(),
            source_types={c.target_name: _described(c) for c in columns},
            rows=rows,
            size_bytes=size_bytes,
            comment=comment,
        )

    def close(self) -> None:
        """Close the session."""
        from snowflake.connector.errors import Error

        try:
            self._connection.close()
        except (Error, OSError):
            return

    def _null_policy(self) -> str:
        merges = self._config.sync_mode is SyncMode.INCREMENTAL
        return self._config.null_cursor or ("include" if merges else "fail")

    def _left_out(self, mode: SyncMode, window: Window | None) -> tuple[int, int]:
        """Count the rows that lie beyond a window, and those that the policy leaves out."""
        cursor = self._description.cursor()
        if cursor is None or window is None:
            return 0, 0
        high = window.high if self._ends(mode) else None
        query = sql.left_out(self._ref, cursor, high)
        ahead, without = self._row(query, f"counting what is left out of {self._table.name}")
        return int(ahead), int(without) if self._null_policy() == "skip" else 0

    def _ends(self, mode: SyncMode) -> bool:
        """Say whether the upper end of a window counts; a full read of a merged table has none."""
        # What a full read of an appended table takes beyond the mark would be appended again.
        return mode is not SyncMode.FULL or self._config.sync_mode is SyncMode.APPEND

    def _condition(
        self, mode: SyncMode, window: Window | None, piece: Slice | None = None
    ) -> sql.Query:
        where = sql.condition(
            self._description.cursor(),
            None if _is_keys(piece) else window,
            # A row that must fail the run has to be counted, so only "skip" leaves it out.
            with_null=self._null_policy() != "skip",
            to_high=self._ends(mode),
        )
        if piece is None:
            return where
        return sql.with_slice(
            where, find(self._description.columns(), piece.column, "split"), piece
        )

    def _columns(self, piece: Slice | None) -> tuple[SourceColumn, ...]:
        return self._description.columns_to_read(is_keys=_is_keys(piece))

    def _row(self, query: sql.Query, doing: str) -> Sequence[Any]:
        return answers.row(self._connection, query, doing)

    def _rows(self, query: sql.Query, doing: str) -> list[Any]:
        return answers.rows(self._connection, query, doing)


def _is_keys(piece: Slice | None) -> bool:
    return piece is not None and piece.is_keys


def _described(column: SourceColumn) -> str:
    if column.type_name == "NUMBER":
        return f"NUMBER({column.precision},{column.scale})"
    return column.type_name
