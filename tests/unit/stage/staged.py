"""A staging bucket in memory, written and read by the product's own code."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from shared.core.manifests import Part
from shared.stage.arrow import arrow_schema
from shared.stage.envelope import Envelope
from shared.stage.reader import read_part
from shared.stage.writer import PartWriter
from tests.builders import a_schema
from tests.model.memory import MemoryStorage
from tests.vault import Vault

BUCKET = "acme-staging"
SCHEMA = arrow_schema(a_schema(id="int64", name="text"))
ROWS = [{"id": n, "name": f"canary {n}"} for n in range(1000)]


@dataclass(slots=True)
class Staging:
    """A staging bucket with its key."""

    storage: MemoryStorage
    vault: Vault
    envelope: Envelope

    def write(
        self,
        folder: str = "parts/a/r1/x",
        rows: Iterable[dict[str, Any]] = ROWS,
        *,
        is_encrypted: bool = True,
    ) -> Part:
        """Write one part; return what the manifest would say of it."""
        writer = self.writer(folder, is_encrypted=is_encrypted)
        (part,) = writer.write(SCHEMA, [pa.RecordBatch.from_pylist(list(rows), SCHEMA)])
        return part

    def writer(self, folder: str = "parts/a/r1/x", *, is_encrypted: bool = True) -> PartWriter:
        """Return the writer of an attempt."""
        return PartWriter(
            storage=self.storage,  # type: ignore[arg-type]
            bucket=BUCKET,
            name=lambda n: f"{folder}/part-{n:05d}.parquet",
            part_bytes=2**30,
            compression="none",
            envelope=self.envelope if is_encrypted else None,
            on_group=lambda rows, size_bytes: None,
        )

    def rows(self, part: Part) -> list[dict[str, object]]:
        """Read a part."""
        batches = read_part(self.storage, BUCKET, part, SCHEMA, self.envelope)  # type: ignore[arg-type]
        return [row for batch in batches for row in batch.to_pylist()]

    def data(self, part: Part) -> bytes:
        """Return a part's bytes as they are stored."""
        found = self.storage.read(BUCKET, part.name)
        assert found
        return found[0]

    def put(self, part: Part, data: bytes) -> Part:
        """Put other bytes in a part's place; return what a forged manifest would say of them."""
        generation = self.storage.write(
            BUCKET, part.name, data, generation=part.generation, content_type=""
        )
        digest = hashlib.sha256(data).hexdigest()
        return replace(part, generation=generation, size_bytes=len(data), sha256=digest)
