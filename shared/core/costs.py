"""What a run cost, from what its record says that it took and the list prices of `prices`.

An estimate by the books: it knows neither free shares nor discounts, and not what a run shares with
others: an instance that is kept warm, a warehouse that another query woke up.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from shared.core import naming, prices
from shared.core.runs import Run, StepStats

CALLS_AROUND = 2
"""Writes, and reads, of Cloud Storage around each step, which it cannot count itself: its begin
and end in the record; the record, or the manifest, and the configuration."""

CALLS_AT_END = 2
"""Calls of the class of writes at the end of a run: the audit chain, looked at and added to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one or several runs took, and US dollars for it."""

    runs: int = 0
    vcpu_s: float = 0.0
    gib_s: float = 0.0
    storage_writes: int = 0
    storage_reads: int = 0
    messages: int = 0
    source_s: float = 0.0
    billed_bytes: int = 0
    staged_bytes: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        """Return both together."""
        return Cost(**{n: getattr(self, n) + getattr(other, n) for n in self.__slots__})

    @property
    def usd(self) -> dict[str, float]:
        """Dollars by service; parts are charged for one month, however long they are kept."""
        return {
            "functions": self.vcpu_s * prices.VCPU_SECOND + self.gib_s * prices.GIB_SECOND,
            "storage calls": self.storage_writes * prices.STORAGE_WRITE
            + self.storage_reads * prices.STORAGE_READ,
            "staged parts": self.staged_bytes / 1e9 * prices.STORAGE_GB_MONTH,
            "messages": 2 * self.messages * prices.MESSAGE_BYTES / 2**40 * prices.MESSAGE_TIB,
            "warehouse": self.source_s * prices.CREDITS_PER_SECOND * prices.CREDIT,
            "queries": self.billed_bytes / 2**40 * prices.QUERY_TIB,
        }

    @property
    def total_usd(self) -> float:
        """All of it."""
        return sum(self.usd.values())


def of(run: Run) -> Cost:
    """Return what a run took, failed attempts included as far as they were recorded."""
    seconds = {name: _seconds(run, name) for name in _steps(run)}
    stats, around = run.steps.values(), CALLS_AROUND * len(seconds)
    return Cost(
        runs=1,
        vcpu_s=sum(s * prices.VCPUS.get(n, 1) for n, s in seconds.items()),
        gib_s=sum(s * prices.MEMORY_GIB.get(n, 2.0) for n, s in seconds.items()),
        storage_writes=sum(s.storage_writes for s in stats) + around + CALLS_AT_END,
        storage_reads=sum(s.storage_reads for s in stats) + around,
        # Each step was asked for by one that it did not publish itself.
        messages=len(seconds) + sum(s.messages for s in stats),
        source_s=sum(s.source_s for s in stats),
        billed_bytes=sum(s.billed_bytes for s in stats),
        staged_bytes=max((s.bytes for s in stats), default=0),
    )


def total(found: Iterable[Cost]) -> Cost:
    """Return all of them together; of thousands, many times faster than one by one."""
    each = list(found)
    return Cost(**{name: sum(getattr(c, name) for c in each) for name in Cost.__slots__})


def by_run(runs: Iterable[Run], since: datetime) -> dict[str, Cost]:
    """Return what runs took that began since a moment, and have ended, the oldest first."""
    begun = (run for run in runs if naming.run_time(run.run_id) >= since)
    ended = (run for run in begun if run.is_terminal)
    return {run.run_id: of(run) for run in sorted(ended, key=lambda run: run.created_at)}


def _steps(run: Run) -> set[str]:
    return {*run.steps, *(a.step.partition(" ")[0] for a in run.attempts)}


def _seconds(run: Run, step: str) -> float:
    """Return how long functions worked on a step: all attempts, or what its units took together.

    Attempts of units are not recorded; their step then says how long all of it took.
    """
    attempts = (a for a in run.attempts if a.step.partition(" ")[0] == step and a.ended_at)
    worked_s = sum((a.ended_at - a.started_at).total_seconds() for a in attempts if a.ended_at)
    stats: StepStats | None = run.steps.get(step)
    return max(worked_s, stats.duration_s if stats else 0.0)
