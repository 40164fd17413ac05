"""What was moved over time: runs, rows and bytes of the past hours or days, in equal stretches."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.core.runs import Run, RunState
from shared.operations.history import History

MAX_RUNS = 5_000
"""So many of the newest runs are counted; a record is read for each, once."""

READING = ("extract", "ingest")
"""Steps that stage rows."""


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
    entries = [e for e in history.since(since, [table] if table else None) if e.is_terminal]
    for run in history.records(entries[:MAX_RUNS]):
        place = (int(run.updated_at.timestamp()) - first_s) // seconds
        if 0 <= place < number:
            _count(stretches[place], run)
    return Statistics(stretch_s=seconds, stretches=stretches, is_complete=len(entries) <= MAX_RUNS)


def bytes_staged(run: Run) -> int | None:
    """Return the bytes that a run staged; None: it has not."""
    return next((run.steps[name].bytes for name in READING if name in run.steps), None)


def worked_s(runs: Iterable[Run]) -> float:
    """Return the seconds that the functions worked on some runs."""
    return sum(step.duration_s for run in runs for step in run.steps.values())


def _count(stretch: Stretch, run: Run) -> None:
    stretch.runs += 1
    stretch.failed += run.state in (RunState.FAILED, RunState.QUARANTINED)
    stretch.worked_s = round(stretch.worked_s + worked_s([run]), 3)
    stretch.bytes_staged += bytes_staged(run) or 0
    if run.receipt:
        stretch.rows_loaded += run.receipt.rows_loaded
        stretch.rows_rejected += run.receipt.rows_rejected
