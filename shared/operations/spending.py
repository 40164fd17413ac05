"""What tables cost of late, by list prices, from what the records of their runs say."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.core import costs
from shared.core.costs import Cost
from shared.operations.history import History

MAX_RUNS = 5_000
"""So many of the newest runs are counted; a record is read for each, once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What was taken, by table, the dearest first; ``is_complete``: by all runs of the time."""

    tables: dict[str, Cost]
    is_complete: bool


def spending(history: History, now: datetime, *, days: int) -> Spending:
    """Return what runs took that began within the last days."""
    since = now - timedelta(days=days)
    entries = [entry for entry in history.since(since) if entry.is_terminal]
    runs = history.records(entries[:MAX_RUNS])
    return Spending(tables=costs.by_table(runs, since), is_complete=len(entries) <= MAX_RUNS)
