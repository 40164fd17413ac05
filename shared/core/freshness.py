"""How fresh a table was: the share of time in which it was as young as promised.

A table is as old as the time since its newest run that committed, or that had nothing to move, or
since the beginning of the span that is looked at. A promise of 99 % leaves an error budget of 1 %
of the time; once that is spent, the promise is broken.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How fresh a table was over a span."""

    max_age: timedelta
    objective_percent: float
    span: timedelta
    late: timedelta
    """Time in which it was older than promised."""
    last_success: datetime | None
    age: timedelta | None
    """Now; None when there never was a success."""

    @property
    def percent(self) -> float:
        """Share of the time in which it was fresh."""
        return 100.0 * (1 - self.late / self.span) if self.span else 100.0

    @property
    def budget(self) -> timedelta:
        """How long it may be late in all."""
        return self.span * (100 - self.objective_percent) / 100

    @property
    def budget_left_percent(self) -> float:
        """What is left of the error budget; below 0 once the promise is broken."""
        if not self.budget:
            return 0.0 if not self.late else -100.0
        return 100.0 * (1 - self.late / self.budget)

    @property
    def is_kept(self) -> bool:
        """Say whether the promise is kept so far."""
        return self.late <= self.budget

    @property
    def is_late(self) -> bool:
        """Say whether the table is older than promised just now.

        One without a success is as old as the span: it was known at its beginning.
        """
        return (self.span if self.age is None else self.age) > self.max_age


def measured(
    successes: Iterable[datetime],
    *,
    begin: datetime,
    now: datetime,
    max_age: timedelta,
    objective_percent: float,
) -> Freshness:
    """Return how fresh a table was.

    Args:
        successes: when it was brought up to date.
        begin: of the span; a table that was configured later is looked at from then on.
        now: the end of the span.
        max_age: how old it may be.
        objective_percent: for what share of the time that is promised.
    """
    ends = sorted(at for at in successes if at <= now)
    inside = [at for at in ends if at > begin]
    before = max((at for at in ends if at <= begin), default=begin)
    moments = [before, *inside, now]
    late = timedelta()
    for fresh_at, until in pairwise(moments):
        late += max(timedelta(), until - max(fresh_at + max_age, begin))
    last = ends[-1] if ends else None
    return Freshness(
        max_age=max_age,
        objective_percent=objective_percent,
        span=now - begin,
        late=late,
        last_success=last,
        age=now - last if last else None,
    )
