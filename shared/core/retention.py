"""What a table's retention may delete: what is old enough, of runs that nothing waits for.

Ages are the table's own; the buckets' life cycles go on beside it. An object that anything may
still need is kept, however old: a run that has not ended, a dead letter that may be replayed, a
rewind under way, or a version that a reference table can be restored to.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from shared.core import naming
from shared.core.runs import TERMINAL, RunState

ZONE_OF_AGE = {"raw": "raw", "staged": "staging", "quarantined": "quarantine"}
"""The zone of each age that a table file may set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRun:
    """What a listing of the ledger tells of a run."""

    run_id: str
    state: RunState
    is_repair: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """The runs of a table whose objects are kept. ``all_staged``: no part at all may go."""

    runs: frozenset[str]
    staged: frozenset[str]
    """Runs whose parts are kept besides."""
    all_staged: bool = False

    def keeps(self, name: str, zone: str) -> bool:
        """Say whether an object of a zone must stay; one that is in no run's folder is not ours."""
        run_id = naming.run_within(name)
        if not run_id or run_id in self.runs:
            return True
        return zone == "staging" and (self.all_staged or run_id in self.staged)


def needs(
    listed: Iterable[ListedRun], waiting: Collection[str], kept_versions: int | None
) -> Needs:
    """Return what must be kept of a table.

    A backfill or rewind that has not ended may name parts of any earlier run.

    Args:
        listed: of all runs of the table that have a record. One without has long ended: records
            outlive messages, and no run begins without one.
        waiting: runs with an open dead letter.
        kept_versions: how many earlier versions of a reference table can be restored; None: the
            table is none.
    """
    known = list(listed)
    opened = [run for run in known if run.state not in TERMINAL]
    committed = sorted(run.run_id for run in known if run.state is RunState.COMMITTED)
    versions = committed[-(kept_versions + 1) :] if kept_versions is not None else []
    return Needs(
        runs=frozenset(run.run_id for run in opened) | frozenset(waiting),
        staged=frozenset(versions),
        all_staged=any(run.is_repair for run in opened),
    )
