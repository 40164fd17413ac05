"""The ledger: one small JSON object per run, changed only by compare-and-set on its generation.

It coordinates attempts and it is what people see. Correctness does not rest on it: the target's
own state row is the fence.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from shared.core import naming
from shared.core.runs import TERMINAL, Run, RunState
from shared.core.tallies import Tally
from shared.errors import ConflictError, SluiceError, StorageUnavailableError
from shared.storage import ABSENT, ObjectInfo, Storage
from shared.wire import from_json, to_json

WRITTEN_AT = "written_at"
"""Metadata of a record that a backup brought back: the time of the object that was lost."""

MAX_CONTENDERS = 50
"""Give up a change after losing this many compare-and-sets in a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a listing tells about a run, without its record being read."""

    table: str
    run_id: str
    state: RunState
    written_at: datetime
    is_repair: bool = False
    milestone_count: int = 0
    generation: int = 0
    """Of the record: another one, another content."""
    tally: str = ""
    """What a run that ended moved and took, as ``Tally.parse`` reads it; empty: nobody wrote it."""

    @property
    def is_terminal(self) -> bool:
        """Nothing more will happen, short of a replay."""
        return self.state in TERMINAL


class Ledger:
    """Run records in the state bucket."""

    def __init__(self, storage: Storage, bucket: str) -> None:
        self._storage = storage
        self._bucket = bucket
        self._newest: tuple[Run, int] | None = None
        """What this instance read or wrote last, which is mostly what it changes next."""

    def find(self, table: str, run_id: str) -> Run | None:
        """Return a run's record; None when there is none."""
        found = self._read(table, run_id)
        return found[0] if found else None

    def open(self, run: Run) -> Run:
        """Create the record, or return the one that an earlier delivery created."""
        try:
            self._write(run, ABSENT)
        except ConflictError:
            existing = self.find(run.table, run.run_id)
            if existing is None:
                raise StorageUnavailableError(
                    f"the record of run {run.run_id} was there and is gone", run_id=run.run_id
                ) from None
            return existing
        return run

    def change(self, table: str, run_id: str, change: Callable[[Run], Run]) -> Run:
        """Apply a change to the record as it is now, again if somebody else was faster.

        The first try is on the record as this instance knows it; that one may only write, which
        fails if somebody else wrote meanwhile. To leave the record alone takes a new look at it.

        ``change`` may be called more than once, and may raise to leave the record alone.
        """
        known = self._known(table, run_id)
        if known and (changed := self._change_known(*known, change)):
            return changed
        for _ in range(MAX_CONTENDERS):
            run, generation = self._require(table, run_id)
            changed = change(run)
            if changed == run or self._replace(changed, generation):
                return changed
        raise StorageUnavailableError(
            f"the record of run {run_id} changed {MAX_CONTENDERS} times while being changed",
            run_id=run_id,
        )

    def runs(self, table: str | None = None) -> Iterator[Run]:
        """Yield the runs of a table, or of all, in the order of their names."""
        for info in self._storage.list(self._bucket, naming.runs_prefix(table)):
            found = self._storage.read(self._bucket, info.name)
            if found:
                yield from_json(Run, found[0], info.name)

    def newest(self, table: str, before: str, states: Collection[RunState]) -> Iterator[Run]:
        """Yield the runs of a table in some states, the newest first, no repairs.

        Only those that were not asked for after the run ``before``. Records are read one by one, as
        they are wanted; a listing tells which.
        """
        this = naming.run_object(table, before)
        second = this.rpartition("-")[0]
        found = self._storage.list(self._bucket, naming.runs_prefix(table))
        names = [
            info.name
            for info in found
            if info.name != this
            and info.name.rpartition("-")[0] <= second
            and info.metadata.get("state") in states
            and "repair" not in info.metadata
        ]
        for name in sorted(names, reverse=True):
            if read := self._storage.read(self._bucket, name):
                yield from_json(Run, read[0], name)

    def tables(self) -> tuple[str, ...]:
        """Return the tables that have runs, configured or not; messages of none count as one."""
        return self._storage.folders(self._bucket, naming.runs_prefix())

    def entries(
        self, table: str | None = None, *, since: str = "", until: str = ""
    ) -> Iterator[Entry]:
        """Yield runs as a listing shows them, in the order of their names.

        Args:
            table: only this one's; None: all tables'.
            since: begin with the run of this id, or the first behind it; only with a table.
            until: end before this id; only with a table.
        """
        prefix = naming.runs_prefix(table)
        start, end = (f"{prefix}{text}" if text else "" for text in (since, until))
        for info in self._storage.list(self._bucket, prefix, start=start, end=end):
            table, run_id = naming.run_of(info.name.removeprefix(naming.LEDGER))
            state = info.metadata.get("state")
            # A record that somebody put there by hand says no state; it counts as not ended.
            known = RunState(state) if state in set(RunState) else RunState.REQUESTED
            yield Entry(
                table=table,
                run_id=run_id,
                state=known,
                written_at=_written_at(info),
                is_repair="repair" in info.metadata,
                milestone_count=_number(info.metadata.get("milestones", "")),
                generation=info.generation,
                tally=info.metadata.get("tally", ""),
            )

    def _known(self, table: str, run_id: str) -> tuple[Run, int] | None:
        newest = self._newest
        if newest and (newest[0].table, newest[0].run_id) == (table, run_id):
            return newest
        return None

    def _change_known(self, run: Run, generation: int, change: Callable[[Run], Run]) -> Run | None:
        """Return the changed record; None when it takes a new look."""
        try:
            changed = change(run)
        except SluiceError:
            return None
        return changed if changed != run and self._replace(changed, generation) else None

    def _replace(self, run: Run, generation: int) -> bool:
        """Write a record; False when somebody else was faster."""
        try:
            self._write(run, generation)
        except ConflictError:
            return False
        return True

    def _require(self, table: str, run_id: str) -> tuple[Run, int]:
        found = self._read(table, run_id)
        if found is None:
            raise StorageUnavailableError(f"run {run_id} has no record", run_id=run_id)
        return found

    def _read(self, table: str, run_id: str) -> tuple[Run, int] | None:
        name = naming.run_object(table, run_id)
        found = self._storage.read(self._bucket, name)
        newest = (from_json(Run, found[0], name), found[1]) if found else None
        self._newest = newest
        return newest

    def _write(self, run: Run, generation: int) -> None:
        self._newest = None
        written = self._storage.write(
            self._bucket,
            naming.run_object(run.table, run.run_id),
            to_json(run),
            generation=generation,
            content_type="application/json",
            metadata=_listed(run),
        )
        self._newest = (run, written)


def _listed(run: Run) -> dict[str, str]:
    """Return what a listing is to tell about a run."""
    listed = {"state": run.state.value}
    if run.is_repair:
        listed["repair"] = "yes"
    if run.milestones:
        listed["milestones"] = str(len(run.milestones))
    if run.is_terminal:
        listed["tally"] = str(Tally.of(run))
    return listed


def _written_at(info: ObjectInfo) -> datetime:
    """Return when a record was written; one that was put back says when it first was."""
    said = info.metadata.get(WRITTEN_AT)
    return datetime.fromisoformat(said) if said else info.created_at


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0
