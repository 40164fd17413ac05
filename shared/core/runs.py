"""A run: one movement of one table or file, in one or more attempts; its identity and its states.

The identity is derived from what triggered the run, never random, so a repeated trigger finds the
same run. The ledger keeps the record and people read it; the target alone decides what is visible.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from shared.core import naming
from shared.core.checks import CheckResult
from shared.core.modes import SyncMode
from shared.core.receipts import Receipt
from shared.core.windows import Span
from shared.errors import IllegalTransitionError

KEPT_ATTEMPTS = 20
"""A run's record keeps this many attempts, the newest; the counter keeps counting."""


class RunState(StrEnum):
    """Where a run stands."""

    REQUESTED = "requested"
    EXTRACTING = "extracting"
    STAGED = "staged"
    LOADING = "loading"
    COMMITTED = "committed"
    SKIPPED = "skipped"
    """Nothing to move: the same content was loaded before, or the source has not changed."""
    QUARANTINED = "quarantined"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    """Another run of the table published first; the next one reads from the true watermark."""


_S = RunState
TERMINAL = frozenset({_S.COMMITTED, _S.SKIPPED, _S.QUARANTINED, _S.FAILED, _S.SUPERSEDED})

SUCCESSES = frozenset({_S.COMMITTED, _S.SKIPPED})
"""What was asked for is done: rows were moved, or there was nothing to move."""

TRANSITIONS: Mapping[RunState, frozenset[RunState]] = {
    _S.REQUESTED: frozenset({_S.EXTRACTING, _S.SKIPPED, _S.QUARANTINED, _S.FAILED}),
    _S.EXTRACTING: frozenset({_S.EXTRACTING, _S.STAGED, _S.SKIPPED, _S.QUARANTINED, _S.FAILED}),
    _S.STAGED: frozenset({_S.LOADING, _S.COMMITTED, _S.FAILED}),
    _S.LOADING: frozenset(
        {_S.LOADING, _S.COMMITTED, _S.SKIPPED, _S.SUPERSEDED, _S.QUARANTINED, _S.FAILED}
    ),
    # What the target has committed is committed, whatever a slower attempt wrote down before.
    _S.FAILED: frozenset({_S.COMMITTED}),
    _S.SUPERSEDED: frozenset({_S.COMMITTED}),
    _S.QUARANTINED: frozenset({_S.COMMITTED}),
    _S.COMMITTED: frozenset(),
    _S.SKIPPED: frozenset(),
}
"""Every legal change of state. A change to the state that a run is in already is always legal."""

REPLAYS: Mapping[RunState, frozenset[RunState]] = {
    _S.FAILED: frozenset({_S.EXTRACTING, _S.STAGED}),
    _S.QUARANTINED: frozenset({_S.EXTRACTING, _S.STAGED}),
}
"""What people may do besides, by a replay. No step does it by itself: whatever a slow attempt still
finds out about a failed run, the run stays failed unless the target committed.
"""


REPLAYED = "replayed"
"""What a milestone says that is no end of a run."""


class Trigger(StrEnum):
    """What asked for a run."""

    SCHEDULE = "schedule"
    REQUEST = "request"
    FILE = "file"
    INPUT = "input"
    """A run published rows that a model reads."""
    MESSAGE = "message"
    """A message that could not be decoded, kept so that people see it."""


def run_id(table: str, trigger: Trigger, key: str, at: datetime) -> str:
    """Derive a run's identity: the same trigger gives the same id, and ids sort by time.

    Args:
        table: the table's name.
        trigger: what asked.
        key: what makes this trigger unique: the schedule's slot, a request id, or bucket, object
            and generation.
        at: the trigger's own time, the same whenever it repeats.
    """
    digest = hashlib.sha256(f"{table}\n{trigger}\n{key}".encode()).hexdigest()
    return f"{naming.moment(at)}-{digest[:12]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Who works on the run just now. It saves work; it never decides what is visible."""

    attempt: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try of one step."""

    id: str
    step: str
    started_at: datetime
    ended_at: datetime | None = None
    outcome: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a run did not commit: the error class (a heading of the runbook) and its message."""

    error: str
    message: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Milestone:
    """A turn in a run's life that the audit log tells of, by its place among the run's."""

    state: str
    """The state that the run ended in, or ``replayed``."""
    at: datetime
    by: str = ""
    """Who did it; empty: who asked for the run."""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nudge:
    """The sweep's note on a quiet run: how often in a row it asked, what it saw done, and when."""

    count: int
    progress: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStats:
    """What one step cost: seconds of wall clock, rows, bytes handled, peak memory in MiB."""

    duration_s: float
    rows: int
    bytes: int
    peak_mib: float
    storage_writes: int = 0
    storage_reads: int = 0
    messages: int = 0
    source_s: float = 0.0
    """Seconds in which the source's warehouse was waited for."""
    billed_bytes: int = 0
    """Bytes that BigQuery billed for queries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The ledger's record of a run; every change makes a new value."""

    run_id: str
    table: str
    trigger: Trigger
    trigger_key: str
    mode: SyncMode | None
    state: RunState = RunState.REQUESTED
    """A new run's; a record is first written as extracting, by earlier releases as requested."""
    created_at: datetime
    updated_at: datetime
    config_generation: int | None = None
    allow_empty: bool = False
    """Somebody asked for this run to pass the guards."""
    span: Span | None = None
    """What a backfill reads again; None for any other run."""
    rewind_to: str | None = None
    """The run that a rewind goes back to; None for any other run."""
    lease: Lease | None = None
    attempts: tuple[Attempt, ...] = ()
    attempt_count: int = 0
    progress_rows: int = 0
    manifest: str | None = None
    steps: dict[str, StepStats] = field(default_factory=dict)
    receipt: Receipt | None = None
    checks: tuple[CheckResult, ...] = ()
    """The verdicts on the table's checks."""
    reason: str = ""
    """Why a run was skipped or superseded."""
    failure: Failure | None = None
    nudge: Nudge | None = None
    requested_by: str = ""
    """Who asked, as far as the request says."""
    is_model: bool = False
    """It refreshes a model of the curated zone, whose name is in the place of the table's."""
    inputs: dict[str, str] = field(default_factory=dict)
    """Of a model's run: the run that each of its inputs stood at."""
    milestones: tuple[Milestone, ...] = ()
    """All of them, the oldest first: what is not in the audit log yet can still be told."""

    @property
    def is_terminal(self) -> bool:
        """Nothing more will happen, short of a replay."""
        return self.state in TERMINAL

    @property
    def is_repair(self) -> bool:
        """A backfill or a rewind, which does not bring the table up to date."""
        return self.span is not None or self.rewind_to is not None

    @property
    def is_idle(self) -> bool:
        """Nothing was moved since the source had not changed, which nobody needs to be told of."""
        return self.state is RunState.SKIPPED and self.trigger is not Trigger.FILE

    def to(self, state: RunState, at: datetime, *, by: str = "", **changes: Any) -> Self:
        """Return the run in another state.

        Args:
            state: the new state.
            at: the time.
            by: who decides it; empty: who asked for the run.
            changes: of other fields.

        Raises:
            IllegalTransitionError: ``TRANSITIONS`` has no such change.
        """
        if state is not self.state and state not in TRANSITIONS[self.state]:
            raise IllegalTransitionError(
                f"run {self.run_id} of {self.table} is {self.state} and cannot become {state}",
                run_id=self.run_id,
            )
        if state in TERMINAL:
            changes.setdefault("lease", None)
        if state is not self.state:
            changes.setdefault("nudge", None)
        changed = replace(self, state=state, updated_at=at, **changes)
        is_turn = state in TERMINAL and state is not self.state and not changed.is_idle
        return changed._turned(state, at, by) if is_turn else changed

    def _turned(self, state: str, at: datetime, by: str) -> Self:
        why = f"{self.failure.error}: {self.failure.message}" if self.failure else self.reason
        turn = Milestone(state=state, at=at, by=by, why=why)
        return replace(self, milestones=(*self.milestones, turn))

    def again(self, at: datetime, by: str = "") -> Self:
        """Return a run as it was before it failed or was set aside, because somebody replays it.

        Raises:
            IllegalTransitionError: ``REPLAYS`` has nothing for the run's state.
        """
        is_staged = self.manifest or self.is_model
        state = RunState.STAGED if is_staged else RunState.EXTRACTING
        if state not in REPLAYS.get(self.state, ()):
            raise IllegalTransitionError(
                f"run {self.run_id} of {self.table} is {self.state}; only one that failed or was "
                "quarantined is replayed",
                run_id=self.run_id,
            )
        before = self._turned(REPLAYED, at, by)
        return replace(before, state=state, updated_at=at, failure=None, nudge=None, lease=None)

    def is_held(self, at: datetime) -> bool:
        """Somebody's lease is live."""
        return self.lease is not None and at < self.lease.expires_at

    def begin(self, state: RunState, attempt: Attempt, lease_s: float) -> Self:
        """Return the run with a new attempt that holds the lease."""
        now = attempt.started_at
        return self.to(
            state,
            now,
            lease=Lease(attempt=attempt.id, expires_at=now + timedelta(seconds=lease_s)),
            attempts=(*self.attempts, attempt)[-KEPT_ATTEMPTS:],
            attempt_count=self.attempt_count + 1,
        )

    def end(self, attempt_id: str, at: datetime, outcome: str) -> Self:
        """Return the run with the attempt closed and its lease given back."""
        attempts = tuple(
            replace(a, ended_at=at, outcome=outcome) if a.id == attempt_id else a
            for a in self.attempts
        )
        held = self.lease if self.lease and self.lease.attempt != attempt_id else None
        return replace(self, attempts=attempts, lease=held, updated_at=at)
