"""One attempt at one step of a run: its lease, its progress, its end, whatever happens."""

import logging
import resource
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from shared import logs
from shared.core.runs import TRANSITIONS, Attempt, Failure, Lease, Run, RunState, StepStats
from shared.errors import (
    LeaseHeldError,
    PermanentError,
    QuarantineError,
    RetryableError,
    SluiceError,
)
from shared.wiring import Services

RENEWALS_PER_LEASE = 4
"""A lease is renewed each time this part of it has passed."""

log = logging.getLogger(__name__)


class Work:
    """An attempt under way. Told about progress, it keeps the lease alive."""

    def __init__(self, services: Services, run: Run, attempt: Attempt) -> None:
        self.services = services
        self.run = run
        self.attempt = attempt
        self._started_s = time.monotonic()
        self._renewed_s = self._started_s

    def progress(self, rows: int) -> None:
        """Note how far the work is; write it down now and then, with a longer lease.

        Raises:
            LeaseHeldError: another attempt took the run over; this one stops.
        """
        now_s = time.monotonic()
        lease_s = self.services.settings.lease_s
        if now_s - self._renewed_s < lease_s / RENEWALS_PER_LEASE:
            return
        self._renewed_s = now_s
        at = self.services.now()

        def renew(run: Run) -> Run:
            if run.is_terminal or (run.lease and run.lease.attempt != self.attempt.id):
                raise LeaseHeldError(f"another attempt took run {run.run_id} over")
            lease = Lease(attempt=self.attempt.id, expires_at=at + timedelta(seconds=lease_s))
            return replace(run, lease=lease, progress_rows=rows, updated_at=at)

        self.run = self.services.ledger.change(self.run.table, self.run.run_id, renew)

    def finish(self, state: RunState, **changes: object) -> Run:
        """Move the run on and close the attempt, in one write.

        A run that another attempt has moved further meanwhile is left as it is.
        """
        at = self.services.now()

        def change(run: Run) -> Run:
            if state not in TRANSITIONS[run.state]:
                return run
            return run.to(state, at, failure=None, **changes).end(self.attempt.id, at, str(state))

        self.run = self.services.ledger.change(self.run.table, self.run.run_id, change)
        log.info("step ended", extra={"state": str(self.run.state)})
        return self.run

    def stats(self, rows: int, size_bytes: int) -> dict[str, StepStats]:
        """Return the run's steps with this one's cost added."""
        cost = StepStats(
            duration_s=round(time.monotonic() - self._started_s, 3),
            rows=rows,
            bytes=size_bytes,
            peak_mib=peak_mib(),
        )
        return {**self.run.steps, self.attempt.step: cost}


@contextmanager
def attempt(services: Services, run: Run, step: str, state: RunState) -> Iterator[Work]:
    """Take the lease, do the work, and write down how it ended.

    Raises:
        LeaseHeldError: somebody else works on the run; the message comes back later.
    """
    now = services.now()
    this = Attempt(id=uuid.uuid4().hex[:12], step=step, started_at=now)

    def begin(current: Run) -> Run:
        if current.lease and current.lease.attempt == this.id:
            return current  # written before, but the reply was lost
        if current.is_held(now) and current.lease:
            raise LeaseHeldError(
                f"attempt {current.lease.attempt} works on run {current.run_id} until "
                f"{current.lease.expires_at:%H:%M:%S}",
                run_id=current.run_id,
            )
        return current.begin(state, this, services.settings.lease_s)

    run = services.ledger.change(run.table, run.run_id, begin)
    work = Work(services, run, this)
    with logs.context(table=run.table, run_id=run.run_id, attempt_id=this.id):
        try:
            yield work
        except SluiceError as exc:
            _end(work, exc)
            raise


def peak_mib() -> float:
    """Return the most memory this instance has held so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Source: getrusage(2): kilobytes on Linux, bytes on macOS.
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)


def _end(work: Work, exc: SluiceError) -> None:
    failure = Failure(error=type(exc).__name__, message=exc.message)
    at = work.services.now()
    final = {PermanentError: RunState.FAILED, QuarantineError: RunState.QUARANTINED}
    state = next((s for kind, s in final.items() if isinstance(exc, kind)), None)

    def change(run: Run) -> Run:
        if run.lease is None or run.lease.attempt != work.attempt.id:
            return run  # taken over: whoever holds the lease says how the run ends
        ended = run.end(work.attempt.id, at, f"{failure.error}: {exc.message}"[:500])
        return ended.to(state or run.state, at, failure=failure)

    try:
        work.services.ledger.change(work.run.table, work.run.run_id, change)
    except RetryableError as unwritten:
        # The lease runs out by itself, so the next delivery still gets its turn.
        log.warning("the attempt's end was not recorded", extra={"why": unwritten.message})
        return
    exc.is_recorded = True
