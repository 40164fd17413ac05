"""Parts back into record batches, after proving that they are what the manifest says."""

import hashlib
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from shared.core import stored
from shared.core.manifests import Part, WrappedKey
from shared.errors import IntegrityError
from shared.stage.envelope import Envelope
from shared.stage.sealing import unseal
from shared.storage import Storage

BATCH_ROWS = 16_384
"""Rows per batch: about 1 to 2 MB of a usual table, the size that the targets send in one go."""


def read_part(
    storage: Storage, bucket: str, part: Part, schema: pa.Schema, envelope: Envelope
) -> Iterator[pa.RecordBatch]:
    """Yield a part's rows, its bytes verified before the first of them.

    Raises:
        IntegrityError: the pinned generation is gone, or size, hash, schema or rows differ, or it
            does not decrypt.
        InvalidConfigError: the key that the part is encrypted under cannot be read.
    """
    parquet = pq.ParquetFile(pa.py_buffer(_parquet(storage, bucket, part, envelope)))
    if not parquet.schema_arrow.equals(schema) or parquet.metadata.num_rows != part.rows:
        raise IntegrityError(
            f"{part.name} holds {parquet.metadata.num_rows} rows of {parquet.schema_arrow}; "
            f"the manifest says {part.rows} of {schema}",
            object=stored.place(bucket, part.name, part.generation),
        )
    yield from parquet.iter_batches(batch_size=BATCH_ROWS)


def _parquet(storage: Storage, bucket: str, part: Part, envelope: Envelope) -> bytes | bytearray:
    """Return a part's Parquet file; what is stored of an encrypted one is held no longer."""
    data = _stored(storage, bucket, part)
    if part.key is None:
        return data

    def renewed() -> WrappedKey | None:
        found = storage.info(bucket, part.name, part.generation)
        return WrappedKey.noted(found.metadata) if found else None

    return unseal(data, envelope.open_key(part.name, part.key, renewed), part.name)


def _stored(storage: Storage, bucket: str, part: Part) -> bytes:
    data = storage.download(bucket, part.name, part.generation)
    place = stored.place(bucket, part.name, part.generation)
    if data is None:
        raise IntegrityError(f"{place} is gone; extract the table again", object=place)
    digest = hashlib.sha256(data).hexdigest()
    if len(data) != part.size_bytes or digest != part.sha256:
        raise IntegrityError(
            f"{place} has {len(data)} bytes with sha256 {digest}; the manifest says "
            f"{part.size_bytes} with {part.sha256}. Extract the table again",
            object=place,
        )
    return data
