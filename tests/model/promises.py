"""What is promised (docs/delivery.md), looked at from outside: by a reader, an auditor, a person.

The witness knows what no part of the product knows: all that the source held at each snapshot, all
that readers saw, and every generation of every object.
"""

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING

from shared.core.fencing import TargetState
from shared.core.manifests import Manifest
from shared.core.modes import SyncMode
from shared.core.runs import TRANSITIONS, Run, RunState
from shared.wire import from_json
from tests.model.memory_source import Row
from tests.model.memory_target import Load, View

if TYPE_CHECKING:
    from tests.model.memory import Stored
    from tests.model.world import World

NOTHING_YET = View(rows=(), state=TargetState(), loads=())


class Promise(StrEnum):
    """The closed set of promises."""

    NOTHING_LOST = "no committed row at or below the watermark is missing"
    NOTHING_TWICE = "no row stands in the target twice"
    WHOLE_RUNS = "readers see all of a run or nothing"
    WATERMARK = "the watermark is the end of the newest run's window, and never goes back"
    LINEAGE = "every committed run has one manifest, and that manifest's parts"
    HONEST = "the ledger tells no more than the target holds"
    ENDED = "every trigger ends in one final state, and without an error when nothing is wrong"
    AGAIN = "a repeat changes nothing"


class Violation(AssertionError):  # noqa: N818 - a finding of the test, not a failure of it
    """A promise does not hold."""

    def __init__(self, promise: Promise, what: str) -> None:
        super().__init__(f"{promise}: {what}")
        self.promise = promise


class Witness:
    """Checks what is new since it last looked."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._views = 0
        self._generations = 0
        self._last = NOTHING_YET
        self._runs: dict[str, Run] = {}
        self._manifests: dict[str, Manifest] = {}

    def look(self) -> None:
        """Check every view of readers and every object since the last look.

        Raises:
            Violation: a promise is broken.
        """
        history = self._world.storage.history
        fresh, self._generations = history[self._generations :], len(history)
        self._read_manifests(fresh)
        views = self._world.database.views
        for view in views[self._views :]:
            self._check_view(view)
            self._last = view
        self._views = len(views)
        self._check_records(fresh)
        self._check_lineage()

    def look_at_end(self) -> None:
        """Check that every trigger has ended, and that the target has what the source has.

        Raises:
            Violation: a promise is broken.
        """
        for run in self._runs.values():
            _require(Promise.ENDED, run.is_terminal, f"run {run.run_id} is still {run.state}")
            is_there = run.run_id in self._world.database.loads
            is_told = run.state is RunState.COMMITTED
            _require(Promise.HONEST, is_told == is_there, f"run {run.run_id} is {run.state}")
        self.compare_ends()

    def compare_ends(self) -> None:
        """Check that the target has exactly the source's rows.

        Raises:
            Violation: rows are missing, twice, or should not be there.
        """
        source = Counter(self._world.source.rows.values())
        target = Counter(self._world.database.rows)
        _check_once(self._world.database.rows)
        _require(Promise.NOTHING_LOST, not source - target, source - target)
        _require(Promise.WHOLE_RUNS, not target - source, target - source)

    def _check_view(self, view: View) -> None:
        before, last = self._last, view.loads[-1:]
        if view.loads == before.loads:
            _require(Promise.WHOLE_RUNS, view.rows == before.rows, "rows changed without a run")
            _require(Promise.WATERMARK, view.state == before.state, "it moved without a run")
        for load in last:
            _check_state(before, view, load)
            self._check_rows(view, load)
            self._check_parts(load)

    def _check_rows(self, view: View, load: Load) -> None:
        """Compare with what the source held at the snapshot of the newest run."""
        appends = self._world.setup.mode is SyncMode.APPEND
        takes_all = load.mode is SyncMode.FULL and not appends
        seen = self._world.source.snapshots[load.snapshot]
        below = {r for r in seen if takes_all or _is_below(r, load.high)}
        beyond = set() if appends else set(seen) - below
        rows = set(view.rows)
        _check_once(view.rows)
        _require(Promise.NOTHING_LOST, below <= rows, below - rows)
        _require(Promise.WHOLE_RUNS, rows <= below | beyond, rows - below - beyond)

    def _check_parts(self, load: Load) -> None:
        run_id = load.record.run_id
        _require(Promise.LINEAGE, run_id in self._manifests, f"run {run_id} has no manifest")
        bucket = self._world.services.settings.bucket("staging")
        for part in self._manifests[run_id].parts:
            found = self._world.storage.info(bucket, part.name, part.generation)
            _require(Promise.LINEAGE, found, f"{part.name} is gone")

    def _read_manifests(self, fresh: "list[Stored]") -> None:
        for stored in fresh:
            if stored.info.name.startswith("manifests/"):
                manifest = from_json(Manifest, stored.data, stored.info.name)
                self._manifests[manifest.run_id] = manifest

    def _check_lineage(self) -> None:
        for load in self._last.loads:
            manifest = self._manifests[load.record.run_id]
            _require(
                Promise.LINEAGE,
                manifest.attempt == load.manifest_attempt,
                f"run {manifest.run_id} came from another manifest than the one that is there",
            )

    def _check_records(self, fresh: "list[Stored]") -> None:
        for stored in fresh:
            if not stored.info.name.startswith("ledger/"):
                continue
            run = from_json(Run, stored.data, stored.info.name)
            before = self._runs.get(run.run_id, run).state
            is_legal = run.state is before or run.state in TRANSITIONS[before]
            _require(Promise.HONEST, is_legal, f"{run.run_id} went from {before} to {run.state}")
            self._runs[run.run_id] = run
            if run.state is RunState.COMMITTED:
                self._check_receipt(run)

    def _check_receipt(self, run: Run) -> None:
        load = self._world.database.loads.get(run.run_id)
        _require(Promise.HONEST, load, f"{run.run_id} is committed, but not in the target")
        receipt = run.receipt
        is_true = receipt and load and receipt.adds_up and receipt.high == load.high
        _require(Promise.HONEST, is_true, receipt)


def _check_state(before: View, view: View, load: Load) -> None:
    state, old = view.state, before.state.watermark or ""
    is_counted = state.epoch == len(view.loads) and state.run_id == load.record.run_id
    _require(Promise.WATERMARK, is_counted, f"{state} after {len(view.loads)} runs")
    is_end = state.watermark == load.high
    _require(Promise.WATERMARK, is_end, f"{state.watermark} after a run up to {load.high}")
    _require(Promise.WATERMARK, old <= (state.watermark or ""), f"{old}, then {state.watermark}")


def _check_once(rows: "tuple[Row, ...] | list[Row]") -> None:
    twice = [row_id for row_id, number in Counter(r.id for r in rows).items() if number > 1]
    _require(Promise.NOTHING_TWICE, not twice, f"ids {twice}")


def _is_below(row: Row, high: str | None) -> bool:
    return row.cursor is None or (high is not None and row.cursor <= high)


def _require(promise: Promise, holds: object, what: object) -> None:
    if not holds:
        raise Violation(promise, str(what))
