"""What tables cost of late, by list prices, from what the listing of their runs says."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.core import costs
from shared.core.costs import Cost
from shared.operations.history import History


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What was taken, by table, the dearest first; ``is_complete``: by all runs of the time."""

    tables: dict[str, Cost]
    is_complete: bool


def spending(history: History, now: datetime, *, days: int) -> Spending:
    """Return what runs took that began within the last days, and have ended."""
    entries = (e for e in history.since(now - timedelta(days=days)) if e.is_terminal)
    found, is_complete = history.tallies(entries)
    taken: dict[str, list[Cost]] = defaultdict(list)
    for entry, tally in found:
        taken[entry.table].append(tally.cost)
    tables = {table: costs.total(each) for table, each in taken.items()}
    dearest = sorted(tables.items(), key=lambda item: -item[1].total_usd)
    return Spending(tables=dict(dearest), is_complete=is_complete)
