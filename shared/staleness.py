"""Staleness: whether a table with a schedule should have moved, or had nothing to move, by now."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from shared.config import schedule
from shared.config.tables import ResolvedTable
from shared.core.runs import SUCCESSES
from shared.ledger import Entry

_INSTANT = timedelta(microseconds=1)


def due_since(resolved: ResolvedTable, now: datetime) -> datetime:
    """Return the slot before the last one of a table with a schedule.

    The last slot's run may still be under way; the one before it had a whole period to end.
    """
    table = resolved.table
    last = schedule.slot(table.schedule, table.time_zone, now)
    return schedule.slot(table.schedule, table.time_zone, last - schedule.EARLY - _INSTANT)


def last_success(entries: Iterable[Entry]) -> datetime | None:
    """Return when a table was last brought up to date, which no backfill or rewind does."""
    ends = (e.written_at for e in entries if e.state in SUCCESSES and not e.is_repair)
    return max(ends, default=None)


def is_stale(due: datetime, last: datetime | None, generation: int) -> bool:
    """Say whether a table should have moved by now.

    Args:
        due: the slot by which something should have been moved.
        last: its last success; None: there is none.
        generation: of its configuration, which counts microseconds: a table that was configured
            just now is not stale.
    """
    known_since = last or datetime.fromtimestamp(generation / 1e6, UTC)
    return known_since < due
