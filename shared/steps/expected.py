"""What the rows of a table should be: those of its source at a moment, or of its staged parts."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

import pyarrow as pa

from shared.config.tables import ResolvedTable
from shared.core.manifests import Layer
from shared.core.modes import SyncMode
from shared.core.plans import Slice
from shared.core.receipts import Difference, Point, combined, differences
from shared.core.runs import Run
from shared.core.schemas import TableSchema
from shared.core.windows import Window
from shared.errors import RewindError, SourceRefusedError
from shared.sources.base import Snapshot, Source
from shared.stage.fingerprints import Fold
from shared.steps import rewinds
from shared.steps.staged_parts import rows_of
from shared.targets.base import Target
from shared.wiring import Services

KEPT = "staged to kept parts"
"""Of a table that is compared with its parts: whether they still are what was staged."""

FANOUT = 16
"""A range of keys whose rows differ is cut into so many."""


class Expected(Protocol):
    """What the target's rows should be."""

    @property
    def name(self) -> str:
        """What it is, for people."""

    def flaws(self) -> tuple[Difference, ...]:
        """Return how the rows differ from what was noted of them when they were staged."""

    def measure(self, piece: Slice | None) -> Point:
        """Return the point of the rows, or of a slice of them."""

    def read(self, piece: Slice | None) -> Iterable[pa.RecordBatch]:
        """Yield the rows, or a slice of them; anew each time."""

    def split(self, piece: Slice | None) -> tuple[Slice, ...]:
        """Cut the rows, or a slice of them; fewer than two: that is not possible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AtSource:
    """A table of a source at one moment, as far as it has been read."""

    source: Source
    mode: SyncMode
    window: Window | None
    name: str

    def flaws(self) -> tuple[Difference, ...]:
        return ()

    def measure(self, piece: Slice | None) -> Point:
        return self.source.measure(self.mode, self.window, piece)

    def read(self, piece: Slice | None) -> Iterable[pa.RecordBatch]:
        return self.source.read(self.mode, self.window, piece)

    def split(self, piece: Slice | None) -> tuple[Slice, ...]:
        return self.source.split(self.mode, self.window, piece, FANOUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class _InParts:
    """The staged parts that a table consists of."""

    services: Services
    layers: tuple[Layer, ...]
    schema: TableSchema
    name: str
    noted: Point | None
    """What was noted of them; None: not of all of them."""

    def flaws(self) -> tuple[Difference, ...]:
        return differences(KEPT, self.noted, self.measure(None)) if self.noted else ()

    def measure(self, piece: Slice | None) -> Point:
        fold = Fold(self.schema)
        for batch in self.read(piece):
            fold.add(batch)
        return fold.point

    def read(self, piece: Slice | None) -> Iterable[pa.RecordBatch]:  # noqa: ARG002 - never cut
        for layer in self.layers:
            for part in layer.parts:
                yield from rows_of(self.services, part, layer.schema)

    def split(self, piece: Slice | None) -> tuple[Slice, ...]:  # noqa: ARG002
        return ()


def from_parts(
    services: Services, resolved: ResolvedTable, target: Target, run_id: str
) -> _InParts:
    table = resolved.table.name
    past = target.lineage(run_id)
    layers = rewinds.layers(services, target, table, past)
    merged = [layer for layer in layers[1:] if layer.mode is not SyncMode.APPEND]
    if not layers or merged:
        raise RewindError(
            f"the rows of {table} cannot be put together from its runs"
            + (": later runs replaced rows of earlier ones" if merged else "")
            + f". `sluice rewind {table} --to {run_id}` would put them together in the target"
        )
    names = [layer.run_id for layer in layers]
    runs = f"{len(names)} runs, {names[0]} to {names[-1]}" if len(names) > 1 else f"run {names[0]}"
    return _InParts(
        services=services,
        layers=layers,
        schema=layers[-1].schema,
        name=f"the staged parts of {runs}",
        noted=_noted(services, table, layers),
    )


def _noted(services: Services, table: str, layers: tuple[Layer, ...]) -> Point | None:
    """Return the point of some layers, as their runs wrote it down while they were staged."""
    found = (services.manifests.find(table, layer.run_id) for layer in layers)
    points = [manifest.staged for manifest in found if manifest and manifest.staged]
    is_alike = len({tuple(layer.schema.names) for layer in layers}) == 1
    return combined(points) if is_alike and len(points) == len(layers) else None


def from_source(
    resolved: ResolvedTable, target: Target, source: Source, as_of: Run | None
) -> AtSource:
    """Return the source at the snapshot of a run, or now if it does not go back so far."""
    table, state = resolved.table, target.state()
    receipt = as_of.receipt if as_of else None
    at = receipt.snapshot if receipt else state.snapshot or ""
    high = receipt.high if receipt else state.watermark
    mode = table.sync_mode
    window = None
    if mode is not SyncMode.FULL:
        window = Window(low=None, high=high, read_from=None)
    found = AtSource(source=source, mode=mode, window=window, name=f"the source at {at}")
    try:
        source.resume(Snapshot(at=at, is_pinned=True))
        source.extent(mode, window)
    except SourceRefusedError:
        now = source.snapshot()
        return replace(found, name=f"the source now, {now.at}: it does not go back to {at}")
    return found
