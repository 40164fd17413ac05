"""The newest runs of one table or of all, page by page, however many there are.

Cloud Storage lists by name, the oldest first. A run's name begins with its moment, so a page is put
together from windows of time that grow backwards: a day, a week, and so on. A listing tells the
state of each run, so only the records of the page itself are read; it is remembered for a moment
(`listings`).
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import nlargest
from itertools import islice
from threading import Lock
from typing import TypeVar

from shared.core import naming
from shared.core.runs import TERMINAL, Run, RunState
from shared.core.tallies import Tally
from shared.ledger import Entry, Ledger
from shared.operations.listings import Listings

WINDOWS = tuple(timedelta(days=days) for days in (1, 7, 31, 366))
"""How far back is looked, step by step; the last step is to the beginning."""

OPEN_WINDOWS = 2
"""Runs that have not ended are looked for in the first windows alone: the sweep ends one that does
not get on within hours.
"""

OPEN = frozenset(RunState) - TERMINAL
"""States of runs that have not ended."""

KEPT_RECORDS = 5_000
"""Records of ended runs that are remembered; each has about 2 KB."""

PARALLEL = 8
"""Listings or reads at a time."""


A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where a page ends: the run that it ends with."""

    run_id: str
    table: str


class History:
    """What one instance knows about past runs. Its clients may be used by several threads."""

    def __init__(
        self, ledger: Ledger, now: Callable[[], datetime], listings: Listings | None = None
    ) -> None:
        self._ledger = ledger
        self._now = now
        self._listings = listings or Listings(ledger, now)
        self._records: OrderedDict[tuple[str, str, int], Run] = OrderedDict()
        self._lock = Lock()
        self._pool = ThreadPoolExecutor(PARALLEL, thread_name_prefix="history")

    def newest(
        self,
        limit: int,
        *,
        tables: Collection[str] | None = None,
        states: Collection[RunState] = (),
        is_repair: bool | None = None,
        before: Position | None = None,
    ) -> list[Entry]:
        """Return the newest runs, by the moment that their ids begin with.

        Args:
            limit: so many at most.
            tables: only of these; None: of all that have runs.
            states: only runs in one of these; none: in any. Runs that have not ended are found
                among those of the last week.
            is_repair: only backfills and rewinds, or none of them; None: both.
            before: only runs behind this position.
        """
        found: list[Entry] = []
        windows = self._windows(before)
        if states and OPEN.issuperset(states):
            windows = islice(windows, OPEN_WINDOWS)
        end = (before.run_id, before.table) if before else ("~", "")
        for since, until in windows:
            page = (
                entry
                for entry in self._between(tables, since, until)
                if (not states or entry.state in states)
                and is_repair in (None, entry.is_repair)
                and _order(entry) < end
            )
            found += nlargest(limit - len(found), page, key=_order)
            if len(found) >= limit:
                break
        return found

    def since(self, moment: datetime, tables: Collection[str] | None = None) -> list[Entry]:
        """Return all runs from a moment on, the newest first."""
        found = self._between(tables, naming.moment(moment), "")
        return sorted(found, key=_order, reverse=True)

    def records(self, entries: Collection[Entry]) -> list[Run]:
        """Return the records of listed runs, in the order given; one that is gone is left out."""
        return [run for run in self.each(self._record, entries) if run is not None]

    def tallies(self, entries: Iterable[Entry]) -> tuple[list[tuple[Entry, Tally]], bool]:
        """Return what runs that ended moved and took, and whether that is known of all of them.

        A listing tells it. Of those that an earlier release wrote, the newest records are read.
        """
        known, unknown = [], []
        for entry in entries:
            tally = Tally.parse(entry.tally) if entry.tally else None
            if tally:
                known.append((entry, tally))
            else:
                unknown.append(entry)
        for entry, run in zip(
            unknown, self.each(self._record, unknown[:KEPT_RECORDS]), strict=False
        ):
            if run:
                known.append((entry, Tally.of(run)))
        return known, len(unknown) <= KEPT_RECORDS

    def each(self, ask: Callable[[A], B], items: Iterable[A]) -> list[B]:
        """Return the answers about some items, several asked at a time, in their order."""
        return list(self._pool.map(ask, items))

    def _between(self, tables: Collection[str] | None, since: str, until: str) -> list[Entry]:
        def listed(name: str) -> list[Entry]:
            return self._listings.between(name, since, until)

        names = self._listings.tables() if tables is None else tables
        if len(names) == 1:
            # Not in the pool: what runs there may ask for one table, and would wait for itself.
            return [entry for name in names for entry in listed(name)]
        return [entry for entries in self._pool.map(listed, names) for entry in entries]

    def _windows(self, before: Position | None) -> Iterator[tuple[str, str]]:
        """Yield the first and the last id of each window; the last one is not part of it."""
        start = self._now()
        # The position's own second is listed again: other tables have runs in it.
        until = f"{before.run_id}~" if before else ""
        if before:
            start = naming.run_time(before.run_id)
        for length in WINDOWS:
            since = naming.moment(start - length)
            yield since, until
            until = since
        yield "", until

    def _record(self, entry: Entry) -> Run | None:
        key = (entry.table, entry.run_id, entry.generation)
        with self._lock:
            if known := self._records.get(key):
                self._records.move_to_end(key)
                return known
        run = self._ledger.find(entry.table, entry.run_id)
        if run and run.is_terminal and run.state is entry.state:
            with self._lock:
                self._records[key] = run
                while len(self._records) > KEPT_RECORDS:
                    self._records.popitem(last=False)
        return run


def _order(entry: Entry) -> tuple[str, str]:
    return entry.run_id, entry.table
