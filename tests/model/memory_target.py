"""A target in memory: the transactions of ``PostgresTarget``, and a record of all that readers saw.

There is one lock because there is one baton: what happens between two I/Os is a transaction. Each
change of what readers see is kept as a ``View``.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import ClassVar, TypeVar

import pyarrow as pa

from shared.core import fencing
from shared.core.drift import PastSchema
from shared.core.fencing import TargetState
from shared.core.manifests import Manifest, Part
from shared.core.modes import SyncMode
from shared.core.schemas import TableSchema
from shared.errors import IntegrityError, NotStagedError, TargetUnavailableError
from shared.targets.base import NO_TESTS, LoadRecord, Outcome, Published, ReadPart, StagedTests
from tests.model.interleaving import Baton
from tests.model.memory_source import COLUMNS, Row

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A row of ``_sluice.loads``."""

    record: LoadRecord
    mode: SyncMode
    low: str | None
    high: str | None
    snapshot: str
    manifest_attempt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a reader could see between two changes."""

    rows: tuple[Row, ...]
    state: TargetState
    loads: tuple[Load, ...]


@dataclass(slots=True)
class Staging:
    """A run's staging tables for rows and for keys, and the parts that they hold."""

    rows: list[Row] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    parts: set[str] = field(default_factory=set)


class Database:
    """One table with its bookkeeping, as all sessions see it."""

    def __init__(self) -> None:
        self.has_table = False
        self.rows: list[Row] = []
        self.state = TargetState()
        self.loads: dict[str, Load] = {}
        self.staging: dict[str, Staging] = {}
        self.views: list[View] = []

    def show(self) -> None:
        """Let readers see what is there now."""
        view = View(rows=tuple(self.rows), state=self.state, loads=tuple(self.loads.values()))
        self.views.append(view)


class MemoryTarget:
    """One session, for one step."""

    goes_directly: ClassVar = True

    def __init__(self, database: Database, baton: Baton) -> None:
        self.database = database
        self.baton = baton

    def state(self) -> TargetState:
        """Return the table's state row; a table never loaded has an empty one."""
        database = self.database
        return self._io("read the state", lambda: database.state)

    def committed(self, run_id: str) -> LoadRecord | None:
        """Return the record of a committed run; None when it never committed."""
        return self._io("look for the load", lambda: self.find_load(run_id))

    def schema(self) -> TableSchema | None:
        """Return the table as it is in the target; None when it does not exist."""
        return TableSchema(COLUMNS) if self.database.has_table else None

    def takes_whole_runs(self, manifest: Manifest) -> bool:
        """Say no: parts go one by one."""
        return False

    def publish_directly(self, manifest: Manifest, read: ReadPart) -> Published | None:
        """Put all rows into the table and make them visible; None where some may have to go."""
        before = self.state()
        if refusal := self.refusal(manifest):
            return refusal
        is_appended = manifest.mode is SyncMode.APPEND
        if not self.goes_directly or manifest.key_parts is not None:
            return None
        if not is_appended and self.database.rows:
            return None
        rows = [Row(**row) for part in manifest.parts for b in read(part) for row in b.to_pylist()]

        def operation() -> Published | None:
            has_moved = self.database.state.epoch != before.epoch
            if has_moved and not is_appended:
                return self.refusal(manifest)
            return self.refusal(manifest) or self.commit(manifest, rows)

        return self._io("publish directly", operation)

    def fit(self, schema: TableSchema) -> TableSchema:
        """Take any columns."""
        return schema

    def schemas(self) -> tuple[PastSchema, ...]:
        """Keep none."""
        return ()

    def open_staging(self, manifest: Manifest) -> set[str]:
        """Return the parts that the run's staging table holds; make it if need be."""

        def operation() -> set[str]:
            return set(self.database.staging.setdefault(manifest.run_id, Staging()).parts)

        return self.baton.io("look at the staging table", operation, TargetUnavailableError)

    def stage(self, manifest: Manifest, part: Part, batches: Iterable[pa.RecordBatch]) -> None:
        """Put a part's rows or keys into the run's staging table, once."""
        rows = [row for batch in batches for row in batch.to_pylist()]
        is_keys = part in (manifest.key_parts or ())

        def operation() -> None:
            staging = self._staging(manifest)
            if part.name in staging.parts:
                return
            staging.parts.add(part.name)
            if is_keys:
                staging.keys += [row["id"] for row in rows]
            else:
                staging.rows += [Row(**row) for row in rows]

        self.baton.io("stage a part", operation, TargetUnavailableError)

    def publish(self, manifest: Manifest, tests: StagedTests = NO_TESTS) -> Published:
        """Make the staged rows visible, once: fence, rows and record in one transaction."""
        return self.baton.io("publish", lambda: self.publish_now(manifest), TargetUnavailableError)

    def discard(self, manifest: Manifest) -> None:
        """Drop the run's staging table, if it is there."""
        self.baton.io("discard", lambda: self.drop_staging(manifest), TargetUnavailableError)

    def staging_runs(self) -> dict[str, int]:
        """Return the runs that have a staging table, each with its staged parts."""

        def operation() -> dict[str, int]:
            return {run_id: len(s.parts) for run_id, s in self.database.staging.items()}

        return self._io("list staging tables", operation)

    def count(self) -> int:
        """Return the table's number of rows."""
        return len(self.database.rows)

    def close(self) -> None:
        """Give the connection back."""

    def publish_now(self, manifest: Manifest) -> Published:
        """Do what ``PostgresTarget.publish`` does inside its transaction, in its order."""
        return self.refusal(manifest) or self.commit(manifest, self.staged_rows(manifest))

    def commit(self, manifest: Manifest, rows: list[Row]) -> Published:
        """Change rows, state and loads together."""
        record = self.apply(manifest, rows)
        self.database.state = fencing.next_state(manifest, self.database.state)
        self.record(manifest, record)
        self.drop_staging(manifest)
        self.database.show()
        return Published(outcome=Outcome.COMMITTED, record=record)

    def refusal(self, manifest: Manifest) -> Published | None:
        """Return why nothing is to be published; None when it may be."""
        record = self.find_load(manifest.run_id)
        if record:
            return Published(outcome=Outcome.ALREADY, record=record)
        obstacle = fencing.stands_in_the_way(manifest, self.database.state)
        return Published(outcome=Outcome.SUPERSEDED, reason=obstacle) if obstacle else None

    def find_load(self, run_id: str) -> LoadRecord | None:
        """Return the record of a committed run; None when it never committed."""
        found = self.database.loads.get(run_id)
        return found.record if found else None

    def staged_rows(self, manifest: Manifest) -> list[Row]:
        """Return all of a run's rows.

        Raises:
            NotStagedError: they are not all there.
            IntegrityError: a key stands in more than one of them.
        """
        rows, keys = self._staging(manifest).rows, self._staging(manifest).keys
        expected = manifest.rows_staged, sum(p.rows for p in manifest.key_parts or ())
        if (len(rows), len(keys)) != expected:
            raise NotStagedError(f"{len(rows)} rows and {len(keys)} keys of {expected} are staged")
        if self._is_by_key(manifest) and len({r.id for r in rows}) < len(rows):
            raise IntegrityError("a key is repeated among the staged rows")
        return rows

    def apply(self, manifest: Manifest, rows: list[Row]) -> LoadRecord:
        """Change the table's rows, without showing it yet, and return what was done."""
        self.database.has_table = True
        before = self.database.rows
        staged = {row.id: row for row in rows} if self._is_by_key(manifest) else {}
        present = {row.id for row in before}
        if manifest.mode is SyncMode.FULL:
            present = set(staged)
        elif manifest.key_parts is not None:
            present = set(self._staging(manifest).keys)
        kept = [row for row in before if row.id in present]
        there = {row.id for row in kept if row.id in staged}
        new = [row for row in rows if row.id not in there]
        self.database.rows = [staged.get(row.id, row) for row in kept] + new
        return LoadRecord(
            run_id=manifest.run_id,
            rows_loaded=len(rows),
            rows_inserted=len(new),
            rows_updated=sum(staged.get(row.id, row) != row for row in kept),
            rows_deleted=len(before) - len(kept),
        )

    def record(self, manifest: Manifest, record: LoadRecord) -> None:
        """Write the run's row of loads."""
        window = manifest.window
        self.database.loads[manifest.run_id] = Load(
            record=record,
            mode=manifest.mode,
            low=window.low if window else None,
            high=window.high if window else None,
            snapshot=manifest.snapshot,
            manifest_attempt=manifest.attempt,
        )

    def drop_staging(self, manifest: Manifest) -> None:
        """Drop the run's staging table, if it is there."""
        self.database.staging.pop(manifest.run_id, None)

    def _io(self, name: str, operation: Callable[[], R]) -> R:
        return self.baton.io(name, operation, TargetUnavailableError)

    def _is_by_key(self, manifest: Manifest) -> bool:
        return bool(manifest.schema.primary_key) and manifest.mode is not SyncMode.APPEND

    def _staging(self, manifest: Manifest) -> Staging:
        staging = self.database.staging.get(manifest.run_id)
        if staging is None:
            raise NotStagedError(f"the staging table of run {manifest.run_id} is gone")
        return staging
