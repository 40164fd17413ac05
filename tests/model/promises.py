"""What is promised (docs/delivery.md), looked at from outside: by a reader, an auditor, a person.

The witness knows what no part of the product knows: all that the source held at each snapshot, all
that readers saw, and every generation of every object.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING

from shared.core import naming
from shared.core.audit import Link
from shared.core.fencing import TargetState
from shared.core.manifests import Manifest
from shared.core.modes import SyncMode
from shared.core.runs import REPLAYED, REPLAYS, TRANSITIONS, Run, RunState
from shared.storage import ObjectInfo
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
    FORWARD = "readers never go back to an older state of the source"
    HONEST = "ledger and loads tell what the target holds, no more and no less"
    ENDED = "every trigger ends in one final state, and without an error when nothing is wrong"
    KEPT = "the sweep removes nothing that is of use"
    AGAIN = "a repeat changes nothing"
    TOLD = "the audit log tells of every end of a run once, in one unbroken chain"


class Violation(AssertionError):  # noqa: N818 - a finding of the test, not a failure of it
    """A promise does not hold."""

    def __init__(self, promise: Promise, what: str) -> None:
        super().__init__(f"{promise}: {what}")
        self.promise = promise
        self.what = what


class Witness:
    """Checks what is new since it last looked."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._views = 0
        self._generations = 0
        self._deletions = 0
        self._last = NOTHING_YET
        self._runs: dict[str, Run] = {}
        self._newest_version = 0
        self._versions: dict[str, int] = {}
        """The newest version of the source that is known to be no younger than a run."""
        self._manifests: dict[str, Manifest] = {}
        self._events: dict[str, set[str]] = defaultdict(set)
        """The audit log's events by table."""
        self._heads: dict[str, str] = {}

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
        self._check_events(fresh)
        deleted = self._world.storage.deleted
        for info in deleted[self._deletions :]:
            self._check_deleted(info)
        self._deletions = len(deleted)
        for load in self._last.loads:
            _check_lineage(load, self._manifests[load.record.run_id])
        self._newest_version = len(self._world.source.versions) - 1

    def look_at_end(self) -> None:
        """Check what holds whenever all is at rest, whatever was looked at before.

        Raises:
            Violation: a promise is broken.
        """
        database = self._world.database
        self.compare_ends()
        for run in self._world.services.ledger.runs():
            _require(Promise.ENDED, run.is_terminal, f"run {run.run_id} is still {run.state}")
            load = database.loads.get(run.run_id)
            is_told = run.state is RunState.COMMITTED
            _require(Promise.HONEST, is_told == bool(load), f"run {run.run_id} is {run.state}")
            if load:
                _check_lineage(load, self._world.services.manifests.find(run.table, run.run_id))
        _check_sum(len(database.rows), database.loads.values())

    def look_at_log(self) -> None:
        """Check that every end of a run was told.

        Raises:
            Violation: one was not.
        """
        self.look()
        for run in self._world.services.ledger.runs():
            for number, _ in enumerate(run.milestones):
                event_id = f"run/{run.run_id}/{number}"
                _require(Promise.TOLD, event_id in self._events[run.table], f"not: {event_id}")

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
        _check_sum(len(view.rows), view.loads)

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

    def _check_records(self, fresh: "list[Stored]") -> None:
        for stored in fresh:
            if not stored.info.name.startswith("ledger/runs/"):
                continue
            run = from_json(Run, stored.data, stored.info.name)
            self._versions.setdefault(run.run_id, self._newest_version)
            before = self._runs.get(run.run_id, run).state
            is_legal = run.state is before or run.state in TRANSITIONS[before]
            if run.milestones and run.milestones[-1].state == REPLAYED:
                is_legal |= run.state in REPLAYS.get(before, ())
            _require(Promise.HONEST, is_legal, f"{run.run_id} went from {before} to {run.state}")
            self._runs[run.run_id] = run
            if run.state is RunState.COMMITTED:
                self._check_receipt(run)
            elif run.state is RunState.SKIPPED:
                self._check_skipped(run)

    def _check_events(self, fresh: "list[Stored]") -> None:
        for stored in fresh:
            if not stored.info.name.startswith(naming.AUDIT):
                continue
            link = from_json(Link, stored.data, stored.info.name)
            told = self._events[link.table]
            _require(Promise.TOLD, link.event_id not in told, f"twice: {link.event_id}")
            told.add(link.event_id)
            is_next = link.sequence == len(told)
            is_chained = link.previous == self._heads.get(link.table, "")
            _require(Promise.TOLD, is_next and is_chained, f"out of place: {link}")
            self._heads[link.table] = sha256(stored.data).hexdigest()

    def _check_receipt(self, run: Run) -> None:
        load = self._world.database.loads.get(run.run_id)
        _require(Promise.HONEST, load, f"{run.run_id} is committed, but not in the target")
        receipt = run.receipt
        is_true = receipt and load and receipt.adds_up and receipt.high == load.high
        _require(Promise.HONEST, is_true, receipt)

    def _check_deleted(self, info: ObjectInfo) -> None:
        kind, run_id = info.name.split("/")[0], naming.run_of(info.name)[1]
        manifest, run = self._manifests.get(run_id), self._runs.get(run_id)
        is_over = run is not None and run.is_terminal
        is_named = manifest is not None and info.name in {p.name for p in manifest.all_parts}
        is_orphan = kind == "parts" and manifest is not None
        _require(Promise.KEPT, kind in ("parts", "units", "plans") and not is_named, info.name)
        _require(Promise.KEPT, is_orphan or is_over, f"{info.name} of {run}")

    def _check_skipped(self, run: Run) -> None:
        """Check that the source had what a load has read, at some time since the run began."""
        source = self._world.source
        read = [frozenset(source.snapshots[load.snapshot]) for load in self._last.loads]
        is_true = any(v in read for v in source.versions[self._versions[run.run_id] :])
        _require(Promise.HONEST, is_true, f"{run.run_id} was skipped, but the source had changed")


def _check_state(before: View, view: View, load: Load) -> None:
    state, old = view.state, before.state.watermark or ""
    is_counted = state.epoch == len(view.loads) and state.run_id == load.record.run_id
    _require(Promise.WATERMARK, is_counted, f"{state} after {len(view.loads)} runs")
    is_end = state.watermark == load.high
    _require(Promise.WATERMARK, is_end, f"{state.watermark} after a run up to {load.high}")
    _require(Promise.WATERMARK, old <= (state.watermark or ""), f"{old}, then {state.watermark}")
    for earlier in before.loads[-1:]:
        is_newer = earlier.snapshot <= load.snapshot
        _require(Promise.FORWARD, is_newer, f"{earlier.snapshot}, then {load.snapshot}")


def _check_sum(rows: int, loads: Iterable[Load]) -> None:
    accounted = sum(load.record.rows_inserted - load.record.rows_deleted for load in loads)
    _require(Promise.HONEST, rows == accounted, f"{rows} rows; the loads tell of {accounted}")


def _check_lineage(load: Load, manifest: Manifest | None) -> None:
    run_id = load.record.run_id
    is_its_own = manifest is not None and manifest.attempt == load.manifest_attempt
    _require(Promise.LINEAGE, is_its_own, f"run {run_id} came from another manifest than it has")


def _check_once(rows: "tuple[Row, ...] | list[Row]") -> None:
    twice = [row_id for row_id, number in Counter(r.id for r in rows).items() if number > 1]
    _require(Promise.NOTHING_TWICE, not twice, f"ids {twice}")


def _is_below(row: Row, high: str | None) -> bool:
    return row.cursor is None or (high is not None and row.cursor <= high)


def _require(promise: Promise, holds: object, what: object) -> None:
    if not holds:
        raise Violation(promise, str(what))
