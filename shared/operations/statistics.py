"""What was moved over time: runs, rows and bytes of the past hours or days, in equal stretches."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.core.runs import RunState
from shared.core.tallies import Tally
from shared.ledger import Entry
from shared.operations.history import History


@dataclass(slots=True, kw_only=True)
class Stretch:
    """What ended in one stretch of time."""

    start: datetime
    runs: int = 0
    failed: int = 0
    rows_loaded: int = 0
    rows_rejected: int = 0
    bytes_staged: int = 0
    worked_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Stretches in order, all of one length; ``is_complete``: all runs of the time are counted."""

    stretch_s: int
    stretches: tuple[Stretch, ...]
    is_complete: bool


def statistics(
    history: History, now: datetime, *, length: timedelta, number: int, table: str | None = None
) -> Statistics:
    """Count what ended in the last ``number`` stretches of a length, the present one included."""
    seconds = int(length.total_seconds())
    end_s = int(now.timestamp()) // seconds * seconds + seconds
    first_s = end_s - number * seconds
    stretches = tuple(
        Stretch(start=datetime.fromtimestamp(first_s + i * seconds, UTC)) for i in range(number)
    )
    # A run may end long after it began; the day before is looked through, too.
    since = stretches[0].start - timedelta(days=1)
    entries = (e for e in history.since(since, [table] if table else None) if e.is_terminal)
    found, is_complete = history.tallies(entries)
    for entry, tally in found:
        place = (int(entry.written_at.timestamp()) - first_s) // seconds
        if 0 <= place < number:
            _count(stretches[place], entry, tally)
    return Statistics(stretch_s=seconds, stretches=stretches, is_complete=is_complete)


def _count(stretch: Stretch, entry: Entry, tally: Tally) -> None:
    stretch.runs += 1
    stretch.failed += entry.state in (RunState.FAILED, RunState.QUARANTINED)
    stretch.worked_s = round(stretch.worked_s + tally.worked_s, 3)
    stretch.bytes_staged += tally.bytes_staged
    stretch.rows_loaded += tally.rows_loaded
    stretch.rows_rejected += tally.rows_rejected
