"""A table that the real steps move into a real target, and that is damaged on its way there.

Source, storage and bus are in memory. The source measures its rows as a database does, by counts
and sums, and what it sends may be other rows than those.
"""

import io
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from shared import registry
from shared.audit import AuditLog
from shared.bus import Bus
from shared.config.store import ConfigStore
from shared.config.tables import ResolvedTable
from shared.core.deliveries import Delivery
from shared.core.manifests import Manifest, Part
from shared.core.messages import ExtractRequest, IngestRequest, LoadRequest
from shared.core.modes import SyncMode
from shared.core.plans import Slice
from shared.core.receipts import Point
from shared.core.runs import Run
from shared.core.schemas import TableSchema
from shared.core.verifying import Comparison
from shared.core.windows import Window
from shared.errors import SluiceError
from shared.ledger import Ledger
from shared.settings import Settings
from shared.sources.base import Extent, Snapshot, Source
from shared.stage.envelope import Envelope
from shared.stage.manifest_store import ManifestStore
from shared.steps.extract import extract
from shared.steps.ingest import ingest
from shared.steps.load import load
from shared.steps.verify import verify
from shared.storage import ABSENT, Storage, Writer
from shared.targets.base import Published, ReadPart, Target
from shared.wiring import utc_now
from tests.contract.targets import Row, Table, a_batch, folded
from tests.model.interleaving import Baton
from tests.model.memory import MemoryBus, MemoryStorage
from tests.model.world import MemoryServices

AT = "2024-01-31 03:00:00.000000000"

Change = Callable[[list[Row]], list[Row]]
"""What becomes of some rows."""


class Place(StrEnum):
    """Where rows are damaged."""

    SOURCE = "between the source's measuring and the encoding"
    STAGE = "in the encoding: the part is hashed as it is, but has other rows"
    ARRIVAL = "between the proven part and the target"


class GivenSource:
    """A source of the rows that are given."""

    query_id = None

    def __init__(self, movement: "Movement") -> None:
        self._movement = movement

    def schema(self) -> TableSchema:
        """Return the columns."""
        return self._movement.table.schema

    def change_token(self) -> str | None:
        """Say nothing of changes."""
        return None

    def snapshot(self) -> Snapshot:
        """Fix the one moment there is."""
        return Snapshot(at=AT, is_pinned=True)

    def resume(self, snapshot: Snapshot) -> None:
        """See the one moment there is."""

    def window(self, mode: SyncMode, low: str | None, lag: timedelta | None) -> Window | None:
        """Read all."""
        return None

    def extent(self, mode: SyncMode, window: Window | None, piece: Slice | None = None) -> Extent:
        """Count the rows."""
        return Extent(rows=len(self._movement.rows), null_cursor_rows=0, rows_ahead=0)

    def measure(self, mode: SyncMode, window: Window | None, piece: Slice | None = None) -> Point:
        """Return what a database knows of the rows."""
        return sums(folded(self.schema(), [a_batch(self.schema(), self._movement.rows)]))

    def split(
        self, mode: SyncMode, window: Window | None, piece: Slice | None, number: int
    ) -> tuple[Slice, ...]:
        """Cut nothing."""
        return ()

    def read(
        self, mode: SyncMode, window: Window | None, piece: Slice | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows; what is damaged once is whole the next time."""
        rows = self._movement.pass_(Place.SOURCE, list(self._movement.rows))
        yield a_batch(self.schema(), rows)

    def close(self) -> None:
        """Do nothing."""


def sums(point: Point) -> Point:
    """Return what counts and sums tell of rows, without any hash."""
    columns = tuple(replace(c, units=None, fingerprint=None) for c in point.columns)
    return replace(point, columns=columns, fingerprint=None)


class Movement:
    """One table and its runs.

    Args:
        table: the table in its target, and its configuration.
        rows: what the source has.
        damage: what becomes of rows on their way, by the place; each once.
    """

    def __init__(
        self, table: Table, rows: Sequence[Row], damage: dict[Place, Change] | None = None
    ) -> None:
        origin = {"database": "D", "schema": "S", "table": "T"}
        if "csv" not in table.config:
            table.config |= {"csv": None, "snowflake": origin}
            table.config |= {"primary_key": list(table.schema.primary_key) or None}
        self.table = table
        self.rows = list(rows)
        self.damage = damage or {}
        self._storage = _Parts(self)
        self._bus = MemoryBus(Baton())
        self._services = self._wired()

    def pass_(self, place: Place, rows: list[Row]) -> list[Row]:
        """Return rows as they leave a place: damaged once, if they are to be."""
        change = self.damage.pop(place, None)
        return change(rows) if change else rows

    def run(self) -> Run:
        """Extract and load; return the run as it ended."""
        request = ExtractRequest(
            table=self.table.name, published_at=utc_now(), request_id=uuid.uuid4().hex
        )
        with suppress(SluiceError):
            extract(request, self._services)
        return self._ended()

    def drop(self, content: bytes) -> Run:
        """Ingest a file and load it; return the run as it ended."""
        bucket, name = self._services.settings.bucket("landing"), f"{self.table.name}/rows.csv"
        generation = self._storage.put(bucket, name, content, ABSENT)
        request = IngestRequest(bucket=bucket, name=name, generation=generation)
        with suppress(SluiceError):
            ingest(request, self._services)
        return self._ended()

    def verify(self, *, is_full: bool) -> Comparison:
        """Compare both ends."""
        return verify(self._services, self.table.name, is_full=is_full, as_of=None)

    def _ended(self) -> Run:
        for sent in self._bus.sent:
            delivery = Delivery(message_id=sent.id, published_at=utc_now(), data=sent.data)
            with suppress(SluiceError):
                load(LoadRequest.decode(delivery), self._services)
        self._bus.sent.clear()
        (run,) = self._services.ledger.runs()
        assert run.is_terminal, run
        return run

    def _wired(self) -> MemoryServices:
        settings = Settings(project="proof", prefix="proof")
        storage, secrets = cast("Storage", self._storage), self.table.engine.secrets
        return MemoryServices(
            settings=settings,
            storage=storage,
            bus=cast("Bus", self._bus),
            secrets=secrets,
            config=cast("ConfigStore", _Configuration(self.table.resolved)),
            ledger=Ledger(storage, settings.bucket("state")),
            manifests=ManifestStore(storage, settings.bucket("staging")),
            envelope=Envelope(secrets),
            audit=AuditLog(storage, settings.bucket("audit")),
            open_source=lambda: cast("Source", GivenSource(self)),
            open_target=lambda: cast("Target", _Arrivals(self)),
        )


class _Configuration:
    """What ``ConfigStore`` returns for the one table there is."""

    def __init__(self, resolved: ResolvedTable) -> None:
        self._resolved = resolved

    def get(self, table: str) -> tuple[ResolvedTable, int]:
        """Return the table's configuration and the generation it was read at."""
        assert table == self._resolved.table.name
        return self._resolved, 1


class _Parts(MemoryStorage):
    """Cloud Storage that is sent damaged parts, hashed as they are."""

    def __init__(self, movement: Movement) -> None:
        super().__init__(Baton(), utc_now)
        self._movement = movement

    def sent(self, writer: Writer, data: bytes) -> bytes:
        """Return the damaged part, if it is to be damaged; its hash is that of what arrives."""
        if Place.STAGE not in self._movement.damage:
            return data
        damaged, honest = self._damaged(data), Writer(io.BytesIO())
        honest.write(damaged)
        writer._sha256, writer.size_bytes = honest._sha256, honest.size_bytes
        return damaged

    def _damaged(self, data: bytes) -> bytes:
        table, changed = pq.read_table(pa.py_buffer(data)), io.BytesIO()
        rows = self._movement.pass_(Place.STAGE, _rows(table.to_batches()))
        batch = a_batch(self._movement.table.schema, rows)
        pq.write_table(pa.Table.from_batches([batch], table.schema), changed)
        return changed.getvalue()


class _Arrivals:
    """The real target, handed other rows than those that were proven."""

    def __init__(self, movement: Movement) -> None:
        table = movement.table
        self._movement = movement
        kind = registry.resolve(registry.TARGETS, table.engine.kind)
        self._target: Target = kind(table.resolved, table.engine.secrets)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)

    def stage(self, manifest: Manifest, part: Part, batches: Iterable[pa.RecordBatch]) -> None:
        """Put a part's rows into the staging table."""
        self._target.stage(manifest, part, self._arriving(batches))

    def publish_directly(self, manifest: Manifest, read: ReadPart) -> Published | None:
        """Put all rows into the table, where that is possible."""
        return self._target.publish_directly(manifest, lambda part: self._arriving(read(part)))

    def _arriving(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        rows = self._movement.pass_(Place.ARRIVAL, _rows(batches))
        yield a_batch(self._movement.table.schema, rows)


def _rows(batches: Iterable[pa.RecordBatch]) -> list[Row]:
    return [tuple(row.values()) for batch in batches for row in batch.to_pylist()]
