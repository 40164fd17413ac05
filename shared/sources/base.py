"""What every source promises: one fixed schema, one snapshot, rows as Arrow batches."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from shared.core.modes import SyncMode
from shared.core.plans import Slice
from shared.core.receipts import Point
from shared.core.schemas import TableSchema
from shared.core.windows import Span, Window

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A moment of the source: its own clock, nine digits, UTC, sortable as text.

    ``is_pinned``: every read of the run sees exactly this moment. Otherwise ``reason`` says why
    not, and the count and the rows may be of slightly different moments.
    """

    at: str
    is_pinned: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """What a window holds at the snapshot, counted by the source's own engine.

    ``null_cursor_rows`` are among ``rows``. Not among them are ``rows_ahead``, whose cursor lies
    beyond the window, and ``rows_without_cursor``, which the table's policy leaves out.
    """

    rows: int
    null_cursor_rows: int = 0
    rows_ahead: int = 0
    rows_without_cursor: int = 0
    altered: dict[str, int] = field(default_factory=dict)
    """Columns with the number of values that are altered, as the table accepts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableMetadata:
    """A table as its source describes it; sizes are the source's own estimate."""

    schema: TableSchema
    source_types: dict[str, str]
    rows: int | None
    size_bytes: int | None
    comment: str | None = None


class Source(Protocol):
    """A database that a table is read from. One instance serves one table and one run.

    A slice of keys is never narrowed by a window: it holds the key's columns of all rows.
    """

    def schema(self) -> TableSchema:
        """Return the columns as they will be in the target, with the key."""

    def change_token(self) -> str | None:
        """Return a text that differs after every change of the table's rows or columns.

        None when the source cannot say so for certain. Ask before the snapshot: a change between
        the two is then read, and found again by the next run.
        """

    def snapshot(self) -> Snapshot:
        """Fix the moment that all later reads see."""

    def resume(self, snapshot: Snapshot) -> None:
        """See the moment that an earlier session fixed."""

    def window(self, mode: SyncMode, low: str | None, lag: timedelta | None) -> Window | None:
        """Return the window to read after the watermark ``low``; None without a cursor.

        ``lag`` says how late a row may commit; None: nobody has said.
        """

    def backfill(self, span: Span, low: str | None) -> Window:
        """Return the window of a backfill; ``low`` is the watermark, which stays.

        Raises:
            InvalidMessageError: the span is nothing of the cursor's kind.
        """

    def extent(self, mode: SyncMode, window: Window | None, piece: Slice | None = None) -> Extent:
        """Count the rows of a window, or of one slice of it."""

    def measure(self, mode: SyncMode, window: Window | None, piece: Slice | None = None) -> Point:
        """Return the point of a window's rows, or of a slice of them, by the source's own engine.

        Columns are named as in ``schema()``; facts that the engine does not know are None.
        """

    def split(
        self, mode: SyncMode, window: Window | None, piece: Slice | None, number: int
    ) -> tuple[Slice, ...]:
        """Cut a window, or a slice of it, into about ``number`` slices of about equal rows.

        Fewer than two mean that it cannot be cut: no fixed snapshot, no column to cut by, or one
        value only.
        """

    def read(
        self, mode: SyncMode, window: Window | None, piece: Slice | None = None
    ) -> "Iterator[pa.RecordBatch]":
        """Yield the rows of a window or slice; every batch has the schema of ``schema()``.

        Those of a slice of keys have its key's columns alone, in the key's order.
        """

    def metadata(self) -> TableMetadata:
        """Describe the table without reading it."""

    @property
    def query_id(self) -> str | None:
        """The source's id of the query that read the rows."""

    def close(self) -> None:
        """Give the connection back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unloaded:
    """What a source's engine says that it wrote: names of files, without folders, and their rows.

    ``query_id`` is the source's id of the statement.
    """

    rows_by_file: dict[str, int]
    query_id: str | None


@runtime_checkable
class Unloads(Protocol):
    """A source whose own engine can write rows as Parquet files into a bucket.

    What the files hold is what ``shared.sources.unloaded`` reads.
    """

    def unload(
        self, mode: SyncMode, window: Window | None, place: str, *, timeout_s: float
    ) -> Unloaded:
        """Write the rows of a window, by one statement and as of one moment.

        Args:
            mode: what kind of run it is.
            window: the window; None: all rows.
            place: ``gs://bucket/folder/``, where nothing is yet.
            timeout_s: the statement is cancelled after so long.

        Raises:
            TableTooLargeError: that was not enough.
        """
