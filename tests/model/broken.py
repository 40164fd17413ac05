"""Parts of the protocol that are broken on purpose: ends of the world, and decisions.

``mutations`` says which of them makes which broken protocol.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from shared.core import fencing, windows
from shared.core.fencing import TargetState
from shared.core.manifests import Manifest
from shared.core.modes import SyncMode
from shared.core.windows import Window
from shared.errors import TargetUnavailableError
from shared.sources.base import Snapshot
from shared.storage import ABSENT
from shared.targets.base import NO_TESTS, LoadRecord, Outcome, Published, StagedTests
from tests.model.memory import MemoryStorage
from tests.model.memory_source import MemorySource
from tests.model.memory_target import MemoryTarget
from tests.model.world import Message, World

STANDS_IN_THE_WAY = fencing.stands_in_the_way
NEXT_WINDOW = windows.next_window
DELIVER = World.deliver
"""What is put out of force below."""


class SplitTarget(MemoryTarget):
    """Publishes in several transactions; each is a tuple of what it does."""

    goes_directly: ClassVar = False
    transactions: ClassVar[tuple[tuple[str, ...], ...]]

    def publish(self, manifest: Manifest, tests: StagedTests = NO_TESTS) -> Published:
        """Publish piece by piece; readers may look in between, and the instance may die."""
        self._changes: list[LoadRecord] = []
        for pieces in self.transactions:
            do = partial(self._do, pieces, manifest)
            refusal = self.baton.io(transaction_name(pieces), do, TargetUnavailableError)
            if refusal:
                return refusal
        return Published(outcome=Outcome.COMMITTED, record=self._record(manifest))

    def _do(self, pieces: tuple[str, ...], manifest: Manifest) -> Published | None:
        refusal = self.refusal(manifest) if "check" in pieces else None
        if refusal:
            return refusal
        rows = self.staged_rows(manifest)
        parts = {"rows": rows, "half": rows[::2], "rest": rows[1::2]}
        self._changes += [self.apply(manifest, parts[piece]) for piece in pieces if piece in parts]
        if "state" in pieces:
            self.database.state = fencing.next_state(manifest, self.database.state)
        if "record" in pieces:
            self.record(manifest, self._record(manifest))
        if pieces == self.transactions[-1]:
            self.drop_staging(manifest)
        if pieces != ("check",):
            self.database.show()
        return None

    def _record(self, manifest: Manifest) -> LoadRecord:
        return LoadRecord(
            run_id=manifest.run_id,
            rows_loaded=sum(change.rows_loaded for change in self._changes),
            rows_inserted=sum(change.rows_inserted for change in self._changes),
            rows_updated=sum(change.rows_updated for change in self._changes),
            rows_deleted=sum(change.rows_deleted for change in self._changes),
        )


class RecordAfterTarget(SplitTarget):
    """The row of loads follows in a transaction of its own."""

    transactions = (("check", "rows", "state"), ("record",))


class WatermarkAfterTarget(SplitTarget):
    """The watermark follows in a transaction of its own."""

    transactions = (("check", "rows", "record"), ("state",))


class WatermarkBeforeTarget(SplitTarget):
    """The watermark comes first, in a transaction of its own."""

    transactions = (("check", "state"), ("rows", "record"))


class CheckBeforeTarget(SplitTarget):
    """Checks, then acts: two may pass the check before either acts."""

    transactions = (("check",), ("rows", "state", "record"))


class HalvesTarget(SplitTarget):
    """The rows become visible in two halves."""

    transactions = (("check", "half"), ("rest", "state", "record"))


class SnapshotFirstSource(MemorySource):
    """Asks for the last change when the snapshot is fixed already."""

    def change_token(self) -> str | None:
        """Return a text that differs after every change."""
        self._fixed = super().snapshot()
        return super().change_token()

    def snapshot(self) -> Snapshot:
        """Return the moment that was fixed before."""
        return self._fixed


class OverwritingStorage(MemoryStorage):
    """Objects of one kind are written whatever is there."""

    prefix: ClassVar[str]

    def put(
        self,
        bucket: str,
        name: str,
        data: bytes,
        generation: int,
        metadata: Mapping[str, str] | None = None,
    ) -> int:
        """Write at once, over what is there."""
        if name.startswith(self.prefix):
            found = self.info(bucket, name)
            generation = found.generation if found else ABSENT
        return super().put(bucket, name, data, generation, metadata)


class OverwritingParts(OverwritingStorage):
    """A part may be written over."""

    prefix = "parts/"


class OverwritingManifests(OverwritingStorage):
    """The last manifest wins."""

    prefix = "manifests/"


def publish_anyway(manifest: Manifest, state: TargetState) -> str | None:
    """Stand in for ``fencing.stands_in_the_way``: publish whatever the state row says."""
    return None


def newest_load_wins(manifest: Manifest, state: TargetState) -> str | None:
    """Order full loads by when they are published, whatever moment they have read."""
    return None if manifest.mode is SyncMode.FULL else STANDS_IN_THE_WAY(manifest, state)


def after_the_largest_seen(*args: Any, low: str | None, largest: str | None, **rest: Any) -> Window:
    """Stand in for ``windows.next_window``: begin where the largest cursor seen so far ends."""
    window = NEXT_WINDOW(*args, low=low, largest=largest, **rest)
    return replace(window, high=max(largest or "", low or "") or None, read_from=low)


def fixed_part_name(table: str, run_id: str, attempt: str, number: int) -> str:
    """Stand in for ``naming.part_object``: leave the attempt out."""
    return f"parts/{table}/{run_id}/part-{number:05d}.parquet"


def acknowledge_first(world: World, message: Message) -> None:
    """Stand in for ``World.deliver``: acknowledge each message before its work."""
    message.is_acknowledged = True
    DELIVER(world, message)


def transaction_name(pieces: tuple[str, ...]) -> str:
    """Return the name of the I/O that a transaction is."""
    return f"publish {' and '.join(pieces)}"
