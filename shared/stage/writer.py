"""Record batches into Parquet parts of bounded size, each under a name of its own."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from shared.ahead import ahead
from shared.core.manifests import Part
from shared.errors import IntegrityError
from shared.stage.envelope import Envelope
from shared.stage.fingerprints import Fold
from shared.stage.sealing import Sealer
from shared.storage import Storage, Writer

ROW_GROUP_BYTES = 4 * 2**20
"""Uncompressed bytes gathered into one row group, of which writers hold four and readers one. Twice
as many take 28 MiB more of memory, and make parts smaller by 2 %."""

CONTENT_TYPE = "application/vnd.apache.parquet"
"""Source: IANA media types."""

SEALED_TYPE = "application/octet-stream"
"""Of encrypted parts: nobody else is to take them for Parquet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartWriter:
    """Writes the parts of one attempt.

    Args:
        bucket: the staging bucket.
        name: the object name of part number n.
        part_bytes: close a part once it holds at least this many uncompressed bytes.
        compression: Parquet codec, or ``none``.
        envelope: encrypts every part; None leaves them plain.
        on_group: told the rows and uncompressed bytes of each row group; may raise to stop.
        fold: takes in every row that is encoded; None: nobody wants their facts.
    """

    storage: Storage
    bucket: str
    name: Callable[[int], str]
    part_bytes: int
    compression: str
    envelope: Envelope | None
    on_group: Callable[[int, int], None]
    fold: Fold | None = None

    def write(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> tuple[Part, ...]:
        """Write all batches; no batches or no rows make no part.

        Args:
            schema: the schema of every batch.
            batches: consumed once, any number of rows each.

        Returns:
            The parts in order; their rows together are the rows read.

        Raises:
            IntegrityError: a batch has another schema.
            StorageUnavailableError: a part could not be written; earlier parts are orphans.
        """
        group_bytes = min(ROW_GROUP_BYTES, self.part_bytes)
        parts: list[Part] = []
        with ahead(_row_groups(schema, batches, group_bytes)) as groups:
            group = next(groups, None)
            while group is not None:
                part, group = self._write_part(len(parts), schema, group, groups)
                parts.append(part)
        return tuple(parts)

    def _write_part(
        self,
        number: int,
        schema: pa.Schema,
        first: pa.Table,
        rest: Iterator[pa.Table],
    ) -> tuple[Part, pa.Table | None]:
        name = self.name(number)
        group: pa.Table | None = first
        rows = held_bytes = 0
        key, wrapped = self.envelope.new_key(name) if self.envelope else (None, None)
        kind, notes = (SEALED_TYPE, wrapped.notes) if wrapped else (CONTENT_TYPE, None)
        with (
            self.storage.create(self.bucket, name, kind, notes) as stream,
            _sealed(stream, key, name) as sink,
            self._parquet(schema, sink) as parquet,
        ):
            while group is not None and held_bytes < self.part_bytes:
                parquet.write_table(group, row_group_size=group.num_rows)
                if self.fold:
                    self.fold.add(group)
                rows += group.num_rows
                held_bytes += group.nbytes
                self.on_group(group.num_rows, group.nbytes)
                group = next(rest, None)
        part = Part(
            name=name,
            generation=stream.generation,
            rows=rows,
            size_bytes=stream.size_bytes,
            sha256=stream.sha256,
            key=wrapped,
        )
        return part, group

    def _parquet(self, schema: pa.Schema, sink: Any) -> pq.ParquetWriter:
        texts = [f.name for f in schema if pa.types.is_string(f.type)]
        file = pa.PythonFile(sink, mode="w")
        return pq.ParquetWriter(
            file, schema, compression=self.compression, use_dictionary=texts or False
        )


@contextmanager
def _sealed(stream: Writer, key: bytes | None, name: str) -> Iterator[Writer | Sealer]:
    """Encrypt what is written to a stream, if there is a key; the last chunk comes on leaving."""
    if key is None:
        yield stream
        return
    sealer = Sealer(key, name, stream)
    yield sealer
    sealer.finish()


def _row_groups(
    schema: pa.Schema, batches: Iterable[pa.RecordBatch], group_bytes: int
) -> Iterator[pa.Table]:
    held: list[pa.RecordBatch] = []
    held_bytes = 0
    for batch in batches:
        if not batch.schema.equals(schema):
            raise IntegrityError(f"a batch changed its schema from {schema} to {batch.schema}")
        if batch.num_rows:
            held.append(batch)
            held_bytes += batch.nbytes
        if held_bytes >= group_bytes:
            yield pa.Table.from_batches(held, schema)
            held, held_bytes = [], 0
    if held:
        yield pa.Table.from_batches(held, schema)
