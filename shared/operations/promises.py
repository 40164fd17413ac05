"""How old a table may become, and whether that was kept: from listings of its runs alone."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from shared.config import schedule
from shared.config.tables import ResolvedTable
from shared.core import freshness, naming
from shared.core.freshness import Freshness
from shared.core.runs import SUCCESSES
from shared.ledger import Entry

DEFAULT_OBJECTIVE_PERCENT = 99.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """How old a table may be, and for what percentage of the time that is promised."""

    max_age: timedelta
    objective_percent: float


def promise(resolved: ResolvedTable, now: datetime) -> Promise | None:
    """Return what is promised of a table; None: nothing, since it has neither word nor schedule."""
    table = resolved.table
    if table.freshness:
        said = table.freshness
        return Promise(max_age=said.max_age, objective_percent=said.objective_percent)
    if table.schedule == schedule.MANUAL:
        return None
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    gap = _longest_gap(table.schedule, table.time_zone, day)
    return Promise(max_age=2 * gap, objective_percent=DEFAULT_OBJECTIVE_PERCENT)


@lru_cache(maxsize=1024)
def _longest_gap(cron: str, time_zone: str, day: datetime) -> timedelta:
    """Return the longest gap of a schedule; a month of slots is gone through once a day."""
    return schedule.longest_gap(cron, time_zone, day)


def kept(
    resolved: ResolvedTable,
    generation: int,
    entries: Iterable[Entry],
    *,
    now: datetime,
    days: int,
) -> Freshness | None:
    """Return how fresh a table was over the last days; None where nothing is promised.

    Args:
        resolved: the table.
        generation: of its configuration, which counts microseconds: nothing was promised before the
            table was known.
        entries: its runs as a listing shows them, those of the span at least.
        now: the end of the span.
        days: length of the span; a younger table is looked at from its beginning on.
    """
    wanted = promise(resolved, now)
    if wanted is None:
        return None
    runs = list(entries)
    known_at = datetime.fromtimestamp(generation / 1e6, UTC)
    first = min([known_at, *(naming.run_time(entry.run_id) for entry in runs)])
    return freshness.measured(
        [e.written_at for e in runs if e.state in SUCCESSES and not e.is_repair],
        begin=max(now - timedelta(days=days), first),
        now=now,
        max_age=wanted.max_age,
        objective_percent=wanted.objective_percent,
    )
