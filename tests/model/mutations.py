"""Protocols that are broken on purpose, each with a history in which it does harm.

A mutation replaces one part of the world: the source, the target's transactions, the storage's
preconditions, a decision or the acknowledgement. Everything else stays real.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from shared.core import fencing, naming, windows
from shared.core.modes import SyncMode
from tests.model import broken, histories
from tests.model.memory import MemoryStorage
from tests.model.memory_source import MemorySource
from tests.model.memory_target import MemoryTarget
from tests.model.promises import Promise
from tests.model.world import Setup, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """One broken protocol.

    ``history`` makes it break a promise, which ``harm`` names. ``patch`` breaks what is not
    an end: owner, name, and what takes its place. Where ``harm`` is ``Promise.ENDED`` no data is
    lost or repeated: a run stays without an end, or a part of the protocol that is right notices
    and refuses for ever.
    """

    name: str
    harm: Promise
    history: Callable[[World], None]
    mode: SyncMode = SyncMode.APPEND
    source: type[MemorySource] = MemorySource
    target: type[MemoryTarget] = MemoryTarget
    storage: type[MemoryStorage] = MemoryStorage
    patch: tuple[Any, str, Callable[..., Any]] | None = None

    def put_in_force(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Break what is not an end."""
        if self.patch:
            monkeypatch.setattr(*self.patch)

    def world(self, setup: Setup) -> World:
        """Return a world in which it is in force."""
        return World(setup, source=self.source, target=self.target, storage=self.storage)


MUTATIONS = (
    Mutation(
        name="record of the run outside the transaction",
        target=broken.RecordAfterTarget,
        history=histories.die_between_the_transactions,
        harm=Promise.HONEST,
    ),
    Mutation(
        name="watermark after the rows",
        target=broken.WatermarkAfterTarget,
        history=histories.die_between_the_transactions,
        harm=Promise.NOTHING_TWICE,
    ),
    Mutation(
        name="watermark before the rows",
        target=broken.WatermarkBeforeTarget,
        history=histories.die_between_the_transactions,
        harm=Promise.NOTHING_LOST,
    ),
    Mutation(
        name="checks outside the transaction",
        target=broken.CheckBeforeTarget,
        history=histories.overlap,
        harm=Promise.NOTHING_TWICE,
    ),
    Mutation(
        name="no compare-and-set",
        patch=(fencing, "stands_in_the_way", broken.publish_anyway),
        history=histories.overlap,
        harm=Promise.NOTHING_TWICE,
    ),
    Mutation(
        name="rows visible in two halves",
        target=broken.HalvesTarget,
        history=histories.pass_without_trouble,
        harm=Promise.WHOLE_RUNS,
    ),
    Mutation(
        name="full loads ordered by publishing",
        mode=SyncMode.FULL,
        patch=(fencing, "stands_in_the_way", broken.newest_load_wins),
        history=histories.overtake_a_load,
        harm=Promise.FORWARD,
    ),
    Mutation(
        name="cursor beyond the largest seen",
        patch=(windows, "next_window", broken.after_the_largest_seen),
        history=histories.commit_late,
        harm=Promise.NOTHING_LOST,
    ),
    Mutation(
        name="change token after the snapshot",
        mode=SyncMode.FULL,
        source=broken.SnapshotFirstSource,
        history=histories.commit_before_the_token,
        harm=Promise.NOTHING_LOST,
    ),
    Mutation(
        name="acknowledged before the work",
        patch=(World, "deliver", broken.acknowledge_first),
        history=histories.die_while_reading,
        harm=Promise.ENDED,
    ),
    Mutation(
        name="part under a fixed name",
        patch=(naming, "part_object", broken.fixed_part_name),
        history=histories.die_before_the_manifest,
        harm=Promise.ENDED,
    ),
    Mutation(
        name="part under a fixed name, overwritten",
        patch=(naming, "part_object", broken.fixed_part_name),
        storage=broken.OverwritingParts,
        history=histories.write_a_part_as_a_zombie,
        harm=Promise.ENDED,
    ),
    Mutation(
        name="manifest overwritten",
        storage=broken.OverwritingManifests,
        history=histories.write_a_manifest_as_a_zombie,
        harm=Promise.LINEAGE,
    ),
)
"""Each rule of docs/delivery.md, broken in one way or in several."""
