"""One attempt at one step of a run: its lease, its progress, its end, whatever happens."""

import logging
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

from shared import logs, metering, timings
from shared.core import traces
from shared.core.checks import CheckResult
from shared.core.manifests import Manifest
from shared.core.runs import TRANSITIONS, Attempt, Failure, Lease, Run, RunState, StepStats
from shared.errors import (
    CheckFailedError,
    LeaseHeldError,
    PermanentError,
    QuarantineError,
    RetryableError,
    SluiceError,
    UnitTooLargeError,
    told,
)
from shared.steps.auditing import tell
from shared.wiring import Services

RENEWALS_PER_LEASE = 4
"""A lease is renewed each time this part of it has passed."""

log = logging.getLogger(__name__)


class Work:
    """An attempt under way. Told about progress, it keeps the lease alive."""

    def __init__(self, services: Services, run: Run, attempt: Attempt, *, is_leased: bool) -> None:
        self.services = services
        self.run = run
        self.attempt = attempt
        self._is_leased = is_leased
        self.rows = 0
        self.size_bytes = 0
        self._metered = metering.reading()
        self._started_s = time.monotonic()
        self._renewed_s = self._started_s

    def add(self, rows: int, size_bytes: int = 0) -> None:
        """Note more work done; write it down now and then, with a longer lease.

        Raises:
            LeaseHeldError: another attempt took the run over; this one stops.
        """
        self.rows += rows
        self.size_bytes += size_bytes
        if time.monotonic() - self._renewed_s >= self.renewal_s:
            self.renew()

    @property
    def renewal_s(self) -> float:
        """After how long a lease is renewed."""
        return self.services.settings.lease_s / RENEWALS_PER_LEASE

    @property
    def is_first(self) -> bool:
        """Say whether no attempt at the run began before: then nothing of it is staged yet."""
        return self.run.attempt_count == 1

    @property
    def left_s(self) -> float:
        """How much longer this delivery should work; below 0 when it is past its time."""
        return self.services.settings.budget_s - (time.monotonic() - self._started_s)

    @property
    def is_out_of_time(self) -> bool:
        """Say whether a delivery has worked as long as one should."""
        return self.left_s < 0

    def add_bounded(self, rows: int, size_bytes: int) -> None:
        """Note more work done by a unit that must not grow without limit.

        Raises:
            LeaseHeldError: another attempt took the run over; this one stops.
            UnitTooLargeError: the unit has had its time or its size.
        """
        is_first = self.rows == 0
        self.add(rows, size_bytes)
        settings = self.services.settings
        elapsed_s = time.monotonic() - self._started_s
        # A source that was slow to begin is slow for a smaller unit too: that is no reason to cut.
        is_slow = elapsed_s > settings.budget_s and not is_first
        if is_slow or self.size_bytes > settings.unit_bytes:
            raise UnitTooLargeError(
                f"a unit of {self.rows} rows so far took {elapsed_s:.0f} s and "
                f"{self.size_bytes} bytes"
            )

    def renew(self) -> None:
        """Make the lease longer, if it is one.

        Raises:
            LeaseHeldError: another attempt took the run over, or it was cancelled; this one stops.
        """
        if not self._is_leased:
            return
        self._renewed_s, lease_s = time.monotonic(), self.services.settings.lease_s
        at = self.services.now()

        def renew(run: Run) -> Run:
            if run.lease is None or run.lease.attempt != self.attempt.id:
                raise LeaseHeldError(
                    f"run {run.run_id} is no longer this attempt's: it is {run.state}"
                )
            lease = Lease(attempt=self.attempt.id, expires_at=at + timedelta(seconds=lease_s))
            return replace(run, lease=lease, progress_rows=self.rows, updated_at=at)

        self.run = self.services.ledger.change(self.run.table, self.run.run_id, renew)

    def finish(self, state: RunState, **changes: Any) -> Run:
        """Move the run on and close the attempt, in one write.

        A run that another attempt has moved further meanwhile is left as it is.
        """
        at = self.services.now()

        def change(run: Run) -> Run:
            if state not in TRANSITIONS[run.state]:
                return run
            return run.to(state, at, failure=None, **changes).end(self.attempt.id, at, str(state))

        self.run = self.services.ledger.change(self.run.table, self.run.run_id, change)
        took = traces.facts(self.attempt, at, self.rows)
        log.info("step ended", extra={"state": str(self.run.state), **took})
        if self.run.is_terminal:
            tell(self.run, self.services)
        return self.run

    def hand_on(self, outcome: str) -> None:
        """Close the attempt and give the lease back: others go on with the run."""
        at = self.services.now()
        self.run = self.services.ledger.change(
            self.run.table, self.run.run_id, lambda run: run.end(self.attempt.id, at, outcome)
        )

    def speaks_for(self, run: Run) -> bool:
        """Say whether this attempt may say how the run ends.

        A leased one may while the lease is its own; a unit may while nobody else works on the run.
        """
        if self._is_leased:
            return run.lease is not None and run.lease.attempt == self.attempt.id
        return run.lease is None and run.state is self.run.state

    def stats(self, rows: int, size_bytes: int) -> dict[str, StepStats]:
        """Return the run's steps with this one's cost added.

        Units of one step share its name, and count from the attempt that spread them.
        """
        step = self.attempt.step.partition(" ")[0]
        duration_s = time.monotonic() - self._started_s
        if not self._is_leased:
            began = [a.started_at for a in self.run.attempts if a.step == step]
            since = min(began, default=self.attempt.started_at)
            duration_s = (self.services.now() - since).total_seconds()
        cost = StepStats(
            duration_s=round(duration_s, 3),
            rows=rows,
            bytes=size_bytes,
            peak_mib=metering.peak_mib(),
            **asdict(metering.since(self._metered)),
        )
        return {**self.run.steps, step: cost}


def open_run(services: Services, wanted: Run, step: str) -> tuple[Run, Attempt]:
    """Create a run's record with its first attempt begun, or find the record that is there.

    Both in one write: Cloud Storage takes about one write a second of one object.

    Returns:
        The record, and the attempt, which has begun only if the record is new.
    """
    this = _new_attempt(services, step)
    begun = wanted.begin(RunState.EXTRACTING, this, services.settings.lease_s)
    return services.ledger.open(begun), this


@contextmanager
def attempt(
    services: Services, run: Run, step: str, state: RunState, this: Attempt | None = None
) -> Iterator[Work]:
    """Take the lease, do the work, and write down how it ended.

    Args:
        services: where the records are.
        run: the record as it was found.
        step: what is done.
        state: the state of a run while this is done.
        this: the attempt that ``open_run`` named; None makes one.

    Raises:
        LeaseHeldError: somebody else works on the run; the message comes back later.
    """
    this = this or _new_attempt(services, step)
    if not _has_begun(run, this):
        run = _begin(services, run, this, state)
    with _ended(Work(services, run, this, is_leased=True)) as work:
        yield work


def find_staged(work: Work) -> Manifest | None:
    """Return the manifest that an earlier attempt at the run wrote; None when there is none."""
    if work.is_first:
        return None
    return work.services.manifests.find(work.run.table, work.run.run_id)


def _begin(services: Services, run: Run, this: Attempt, state: RunState) -> Run:
    now = this.started_at

    def begin(current: Run) -> Run:
        if _has_begun(current, this):
            return current  # written before, but the reply was lost
        if current.is_held(now) and current.lease:
            raise LeaseHeldError(
                f"attempt {current.lease.attempt} works on run {current.run_id} until "
                f"{current.lease.expires_at:%H:%M:%S}",
                run_id=current.run_id,
            )
        if state is not current.state and state not in TRANSITIONS[current.state]:
            raise LeaseHeldError(
                f"another attempt brought run {current.run_id} to {current.state} meanwhile",
                run_id=current.run_id,
            )
        return current.begin(state, this, services.settings.lease_s)

    return services.ledger.change(run.table, run.run_id, begin)


def _has_begun(run: Run, this: Attempt) -> bool:
    return run.lease is not None and run.lease.attempt == this.id


def _new_attempt(services: Services, step: str) -> Attempt:
    return Attempt(id=uuid.uuid4().hex[:12], step=step, started_at=services.now())


@contextmanager
def unit(services: Services, run: Run, step: str) -> Iterator[Work]:
    """Do one of many units of a run; none of them holds the lease, each may be repeated.

    Units write nothing to the run's record unless they fail it: hundreds of them would only be in
    each other's way. Source: Cloud Storage takes about one write a second of one object.
    """
    this = _new_attempt(services, step)
    with _ended(Work(services, run, this, is_leased=False)) as work:
        yield work
        log.info("unit ended", extra=traces.facts(this, services.now(), work.rows))


@contextmanager
def _ended(work: Work) -> Iterator[Work]:
    run = work.run
    with (
        logs.context(table=run.table, run_id=run.run_id, attempt_id=work.attempt.id),
        timings.of_attempt(run, work.attempt) as facts,
    ):
        try:
            yield work
        except SluiceError as exc:
            _end(work, exc)
            # The line that tells of it is written outside, where nobody knows the run any more.
            exc.facts = {**exc.facts, "table": run.table, "run_id": run.run_id}
            raise
        except Exception as exc:
            # A mistake of ours: give the lease back, so that the next delivery need not wait.
            _end(work, RetryableError(f"unforeseen {told(exc)}"))
            raise
        finally:
            facts.update(rows=work.rows, bytes=work.size_bytes)


def _plain(facts: dict[str, object]) -> dict[str, object]:
    """Return the facts that a record can hold as they are."""
    return {k: v for k, v in facts.items() if isinstance(v, str | int | float | list)}


def _verdicts(exc: SluiceError, run: Run) -> tuple[CheckResult, ...]:
    """Return the verdicts that stopped a run, or those that its record has."""
    found = exc.results if isinstance(exc, CheckFailedError) else ()
    return tuple(each for each in found if isinstance(each, CheckResult)) or run.checks


def _end(work: Work, exc: SluiceError) -> None:
    failure = Failure(error=type(exc).__name__, message=exc.message, facts=_plain(exc.facts))
    at = work.services.now()
    final = {PermanentError: RunState.FAILED, QuarantineError: RunState.QUARANTINED}
    state = next((s for kind, s in final.items() if isinstance(exc, kind)), None)

    def change(run: Run) -> Run:
        if run.is_terminal or not work.speaks_for(run):
            return run
        ended = run.end(work.attempt.id, at, f"{failure.error}: {exc.message}"[:500])
        return ended.to(state or run.state, at, failure=failure, checks=_verdicts(exc, run))

    try:
        ended = work.services.ledger.change(work.run.table, work.run.run_id, change)
    except RetryableError as unwritten:
        # The lease runs out by itself, so the next delivery still gets its turn.
        log.warning("the attempt's end was not recorded", extra={"why": unwritten.message})
        return
    exc.is_recorded = True
    if ended.is_terminal:
        tell(ended, work.services)
