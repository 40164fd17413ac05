"""A source in memory: rows that may commit late, read at a snapshot that never moves."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeVar

import pyarrow as pa

from shared.config.tables import TableConfig
from shared.core import windows
from shared.core.modes import SyncMode
from shared.core.plans import Slice
from shared.core.receipts import Point
from shared.core.schemas import Column, DataType, Kind, TableSchema
from shared.core.windows import CursorKind, Window
from shared.errors import SourceUnavailableError
from shared.sources.base import Extent, Snapshot, TableMetadata
from shared.stage.arrow import arrow_schema
from tests.model.interleaving import Baton

R = TypeVar("R")

BATCH_ROWS = 3

COLUMNS = (
    Column(name="id", type=DataType(Kind.INT64), is_nullable=False),
    Column(name="version", type=DataType(Kind.INT64), is_nullable=False),
    Column(name="cursor", type=DataType(Kind.TEXT)),
)


class Row(NamedTuple):
    """One row: its key, how often it was changed, and its cursor as the source writes it."""

    id: int
    version: int
    cursor: str | None


class SourceTable:
    """The table as all sessions see it. Its clock moves on with every commit and snapshot."""

    def __init__(self, kind: CursorKind, now: Callable[[], datetime]) -> None:
        self.kind = kind
        self.rows: dict[int, Row] = {}
        self.versions: list[frozenset[Row]] = [frozenset()]
        """The rows after each commit, for the test alone; before the first there are none."""
        self.snapshots: dict[str, tuple[Row, ...]] = {}
        self._now = now
        self._moments = 0
        self._ids = 0

    def moment(self) -> int:
        """Return the source's time in nanoseconds; no two are the same."""
        self._moments += 1
        return int(self._now().timestamp()) * 10**9 + self._moments

    def insert(self, age: timedelta | None = timedelta(0), number: int = 1) -> None:
        """Commit new rows whose cursor, the same for all, is so old already; None for NULL."""
        cursor = self._cursor(age)
        for _ in range(number):
            self._ids += 1
            self.rows[self._ids] = Row(self._ids, 0, cursor)
        self._commit()

    def update(self, row: Row, age: timedelta | None = timedelta(0)) -> None:
        """Commit another version of a row."""
        self.rows[row.id] = Row(row.id, row.version + 1, self._cursor(age))
        self._commit()

    def delete(self, row: Row) -> None:
        """Commit the end of a row."""
        del self.rows[row.id]
        self._commit()

    def pin(self) -> str:
        """Keep what is committed now, for ever, and return the moment."""
        at = as_text(self.moment())
        self.snapshots[at] = tuple(self.rows.values())
        return at

    def _commit(self) -> None:
        self.versions.append(frozenset(self.rows.values()))

    def _cursor(self, age: timedelta | None) -> str | None:
        if age is None:
            return None
        text = as_text(self.moment() - int(age.total_seconds()) * 10**9)
        return text if self.kind is CursorKind.TIME else text[:10]


class MemorySource:
    """One session, for one run: what ``SnowflakeSource`` promises, over a ``SourceTable``."""

    def __init__(self, table: SourceTable, config: TableConfig, baton: Baton) -> None:
        self._table = table
        self._config = config
        self._baton = baton
        self._at = ""
        self._query_id: str | None = None

    @property
    def query_id(self) -> str | None:
        """The id of the query that read the rows."""
        return self._query_id

    def schema(self) -> TableSchema:
        """Return the columns."""
        return TableSchema(COLUMNS, tuple(self._config.primary_key or ()))

    def change_token(self) -> str | None:
        """Return a text that differs after every change."""
        return self._io("ask for the last change", lambda: str(len(self._table.versions)))

    def snapshot(self) -> Snapshot:
        """Fix the moment that all later reads see."""
        self._at = self._io("take a snapshot", self._table.pin)
        return Snapshot(at=self._at, is_pinned=True)

    def resume(self, snapshot: Snapshot) -> None:
        """See the moment that an earlier session fixed."""
        self._at = snapshot.at

    def window(self, mode: SyncMode, low: str | None, lag: timedelta | None) -> Window | None:
        """Return the window to read after the watermark ``low``; None without a cursor."""
        if self._config.incremental_column is None:
            return None
        cursors = [r.cursor for r in self._table.snapshots[self._at] if r.cursor is not None]
        appends = self._config.sync_mode is SyncMode.APPEND
        return windows.next_window(
            self._table.kind,
            SyncMode.APPEND if appends else mode,
            low=None if mode is SyncMode.FULL else low,
            snapshot=self._at,
            largest=max(cursors, default=None),
            lag=lag,
        )

    def extent(self, mode: SyncMode, window: Window | None, piece: Slice | None = None) -> Extent:
        """Count the rows of a window, or of one slice of it, and those ahead of the window."""
        rows = self._io("count rows", lambda: self._select(mode, window, piece))
        ahead = [
            row
            for row in self._table.snapshots[self._at]
            if row not in rows and window and row.cursor and row.cursor > (window.high or "")
        ]
        return Extent(
            rows=len(rows),
            null_cursor_rows=sum(row.cursor is None for row in rows),
            rows_ahead=0 if piece else len(ahead),
        )

    def measure(self, mode: SyncMode, window: Window | None, piece: Slice | None = None) -> Point:
        """Return the point of the rows of a window, or of one slice of it: their number."""
        return Point(rows=self.extent(mode, window, piece).rows)

    def split(
        self, mode: SyncMode, window: Window | None, piece: Slice | None, number: int
    ) -> tuple[Slice, ...]:
        """Cut a window, or a slice of it, into about ``number`` slices of its ids."""
        rows = self._io("cut rows", lambda: self._select(mode, window, piece))
        ids = sorted(row.id for row in rows)
        found = [ids[-(-len(ids) * i // number) - 1] for i in range(1, number + 1)] if ids else []
        ends = [str(e) for e in dict.fromkeys(found) if e != ids[-1]]
        starts = [piece.after if piece else None, *ends]
        return tuple(
            Slice(column="id", after=after, upto=upto, is_keys=_is_keys(piece))
            for after, upto in zip(starts, [*ends, piece.upto if piece else None], strict=True)
        )

    def read(
        self, mode: SyncMode, window: Window | None, piece: Slice | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a window or slice; of a slice of keys only the ids."""
        rows = self._io("read rows", lambda: self._select(mode, window, piece))
        self._query_id = f"query at {self._at}"
        schema = self.schema().only_key if _is_keys(piece) else self.schema()
        for first in range(0, len(rows), BATCH_ROWS):
            batch = [row._asdict() for row in rows[first : first + BATCH_ROWS]]
            yield pa.RecordBatch.from_pylist(batch, arrow_schema(schema))

    def metadata(self) -> TableMetadata:
        """Describe the table without reading it."""
        return TableMetadata(schema=self.schema(), source_types={}, rows=None, size_bytes=None)

    def close(self) -> None:
        """Give the connection back."""

    def _select(self, mode: SyncMode, window: Window | None, piece: Slice | None) -> list[Row]:
        to_high = mode is not SyncMode.FULL or self._config.sync_mode is SyncMode.APPEND
        return [
            row
            for row in self._table.snapshots[self._at]
            if _in_slice(row, piece)
            and (_is_keys(piece) or _in_window(row, window, to_high=to_high))
        ]

    def _io(self, name: str, operation: Callable[[], R]) -> R:
        return self._baton.io(name, operation, SourceUnavailableError)


def as_text(moment_ns: int) -> str:
    """Return a moment as ``YYYY-MM-DD HH:MM:SS.fffffffff`` in UTC."""
    seconds, fraction = divmod(moment_ns, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}.{fraction:09d}"


def _in_window(row: Row, window: Window | None, *, to_high: bool) -> bool:
    if window is None or row.cursor is None:
        return True
    if to_high and (window.high is None or row.cursor > window.high):
        return False
    return window.read_from is None or row.cursor > window.read_from


def _is_keys(piece: Slice | None) -> bool:
    return piece is not None and piece.is_keys


def _in_slice(row: Row, piece: Slice | None) -> bool:
    if piece is None:
        return True
    after, upto = piece.after, piece.upto
    return (after is None or row.id > int(after)) and (upto is None or row.id <= int(upto))
