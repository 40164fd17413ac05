"""Where results wait for the client: the first rows in the reply, the rest as files to download.

Snowflake answers a query with the first rows inline and URLs for the other chunks; the connector
fetches those in the background, a few at a time. Here a chunk is an Arrow stream in a file, so
neither side ever holds a large result. Chunks are kept as DuckDB made them and encoded when they
are asked for, because how wide their numbers are is known only when the last row has been seen.

A result stays for a while under its query id: the client may ask for it again, and a request that
is sent twice is answered twice but executed once.
"""

from __future__ import annotations

import base64
import shutil
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from local.snowflake.arrow import Widths, encode
from local.snowflake.columns import Column

# Snowflake's own sizes vary; these give some ten chunks per million narrow rows.
INLINE_BYTES = 512 * 1024
CHUNK_BYTES = 8 * 1024 * 1024
# How many rows the engine hands over at a time.
BATCH_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a result in a file of its own."""

    rows: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class StoredRows:
    """A result: the first rows, base64 of an Arrow stream, and what else is to be downloaded."""

    inline: str
    inline_rows: int
    chunks: tuple[Chunk, ...]

    @property
    def total(self) -> int:
        """Rows of the whole result."""
        return self.inline_rows + sum(chunk.rows for chunk in self.chunks)


@dataclass(frozen=True, slots=True)
class _Layout:
    """What is needed to encode a chunk of a result; no widths: each chunk by its own."""

    columns: tuple[Column, ...]
    widths: tuple[pa.DataType, ...] | None


class ResultStore:
    """Results by query id, each for `keep_s` seconds, in a folder that is emptied at start."""

    def __init__(self, folder: Path, *, keep_s: float = 900.0) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._folder = folder
        self._keep_s = keep_s
        self._lock = threading.Lock()
        self._written_at: dict[str, float] = {}
        self._layouts: dict[str, _Layout] = {}

    def write(
        self,
        query_id: str,
        batches: Iterable[pa.RecordBatch],
        columns: Sequence[Column],
        *,
        has_uneven_widths: bool = False,
    ) -> StoredRows:
        """Store the batches of a result, as they come from the engine.

        Args:
            query_id: what the result is found by.
            batches: at least one row each, of `columns`.
            columns: of the result, in order.
            has_uneven_widths: encode each chunk's numbers in its own narrowest type.
        """
        folder = self._make_folder(query_id)
        widths = Widths(columns)
        first = _empty(columns)
        chunks: list[Chunk] = []
        for piece in _pieces(batches):
            widths.see(piece)
            if first.num_rows == 0:
                first = piece
                continue
            data = _ipc(piece)
            (folder / str(len(chunks))).write_bytes(data)
            chunks.append(Chunk(piece.num_rows, len(data)))
        layout = _Layout(tuple(columns), None if has_uneven_widths else tuple(widths.types()))
        self._layouts[query_id] = layout
        inline = base64.b64encode(_ipc(_encode(first, layout))).decode("ascii")
        return StoredRows(inline, first.num_rows, tuple(chunks))

    def keep_reply(self, query_id: str, reply: bytes) -> None:
        """Keep the whole reply to a query."""
        (self._make_folder(query_id) / "reply").write_bytes(reply)

    def reply(self, query_id: str) -> bytes | None:
        """The reply to a query, None when it is unknown or gone."""
        return self._read(query_id, "reply")

    def expire_chunks(self, query_id: str) -> None:
        """Make all chunks of a result unavailable, as when their URLs have run out."""
        self._layouts.pop(query_id, None)

    def chunk(self, query_id: str, index: str) -> bytes | None:
        """A chunk's Arrow stream as the client expects it, None when it is unknown or gone."""
        data = self._read(query_id, index)
        layout = self._layouts.get(query_id)
        if data is None or layout is None:
            return None
        (batch,) = pa.ipc.open_stream(data)
        return _ipc(_encode(batch, layout))

    def _read(self, query_id: str, name: str) -> bytes | None:
        if query_id not in self._written_at:
            return None
        try:
            return (self._folder / query_id / name).read_bytes()
        except FileNotFoundError:
            return None

    def _make_folder(self, query_id: str) -> Path:
        now = time.monotonic()
        with self._lock:
            self._drop_old(now - self._keep_s)
            self._written_at.setdefault(query_id, now)
        folder = self._folder / query_id
        folder.mkdir(exist_ok=True)
        return folder

    def _drop_old(self, before: float) -> None:
        for query_id, written_at in list(self._written_at.items()):
            if written_at >= before:
                return
            del self._written_at[query_id]
            self._layouts.pop(query_id, None)
            shutil.rmtree(self._folder / query_id, ignore_errors=True)


def _pieces(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Cut batches to size: a small one first, for the reply, then larger ones."""
    limit_bytes = INLINE_BYTES
    for batch in batches:
        offset = 0
        while offset < batch.num_rows:
            rows = max(1, batch.num_rows * limit_bytes // max(batch.nbytes, 1))
            piece = batch.slice(offset, rows)
            offset += piece.num_rows
            limit_bytes = CHUNK_BYTES
            yield piece


def _encode(batch: pa.RecordBatch, layout: _Layout) -> pa.RecordBatch:
    widths = layout.widths
    if widths is None:
        own = Widths(layout.columns)
        own.see(batch)
        widths = tuple(own.types())
    return encode(batch, layout.columns, widths)


def _ipc(batch: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


_EMPTY_TYPES = {
    "FIXED": pa.int64(),
    "REAL": pa.float64(),
    "BINARY": pa.binary(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIME": pa.time64("us"),
}


def _empty(columns: Sequence[Column]) -> pa.RecordBatch:
    arrays = []
    for column in columns:
        kind = column.type.kind
        default = pa.timestamp("us") if kind.startswith("TIMESTAMP") else pa.string()
        arrays.append(pa.array([], _EMPTY_TYPES.get(kind, default)))
    return pa.RecordBatch.from_arrays(arrays, names=[column.name for column in columns])
