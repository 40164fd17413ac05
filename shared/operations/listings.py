"""Listings of runs, remembered for a moment: several who look at once cost one listing.

Cloud Storage shows a thousand names a page, and a ledger may hold a hundred thousand runs. Those of
yesterday and today are listed anew after two seconds. Those before hardly change: only by replays
of old runs. They are listed as far back as somebody asks, and anew after a minute.
"""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock

from shared.ledger import Entry, Ledger

RECENT_S, PAST_S = 2.0, 60.0
"""How long a listing is good for: of yesterday and today, and of the days before."""

RECENT = timedelta(days=1)
"""Runs are recent that began on this day or so long before its midnight."""


@dataclass(slots=True)
class _Known:
    """Runs of one table whose ids lie in one span, by their ids; nothing is known at first."""

    begin: str = ""
    end: str = ""
    listed_s: float = float("-inf")
    entries: list[Entry] = field(default_factory=list)

    def within(self, since: str, until: str) -> list[Entry]:
        """Return those from one id on, and before another one; empty: no end."""
        first = bisect_left(self.entries, since, key=_id)
        last = bisect_left(self.entries, until, key=_id) if until else len(self.entries)
        return self.entries[first:last]


@dataclass(slots=True)
class _Table:
    lock: Lock = field(default_factory=Lock)
    past: _Known = field(default_factory=_Known)
    recent: _Known = field(default_factory=_Known)


class Listings:
    """What one instance knows of all tables' runs; for several threads."""

    def __init__(
        self,
        ledger: Ledger,
        now: Callable[[], datetime],
        *,
        recent_s: float = RECENT_S,
        past_s: float = PAST_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._now = now
        self._recent_s, self._past_s, self._clock = recent_s, past_s, clock
        self._tables: dict[str, _Table] = {}
        self._names: tuple[str, ...] = ()
        self._named_s = float("-inf")
        self._lock = Lock()

    def tables(self) -> tuple[str, ...]:
        """Return the tables that have runs."""
        with self._lock:
            if self._is_old(self._named_s, self._recent_s):
                listed_s = self._clock()
                self._names, self._named_s = self._ledger.tables(), listed_s
            return self._names

    def between(self, table: str, since: str, until: str) -> list[Entry]:
        """Return a table's runs from one id on and before another; empty: from the first, to now.

        Texts that ids compare with do as well, such as the beginning of one.
        """
        with self._lock:
            known = self._tables.setdefault(table, _Table())
        border = self._border()
        with known.lock:
            found = list(self._past(known, table, since, border)) if since < border else []
            if not until or until > border:
                found += self._recent(known, table, border)
        return _Known(entries=found).within(since, until)

    def _past(self, known: _Table, table: str, since: str, border: str) -> Iterator[Entry]:
        past = known.past
        if past.end != border or self._is_old(past.listed_s, self._past_s):
            known.past = past = _Known(begin=border, end=border, listed_s=self._clock())
        if since < past.begin:
            older = self._ledger.entries(table, since=since, until=past.begin)
            past.entries[:0] = older
            past.begin = since
        return iter(past.within(since, ""))

    def _recent(self, known: _Table, table: str, border: str) -> list[Entry]:
        recent = known.recent
        if recent.begin != border or self._is_old(recent.listed_s, self._recent_s):
            listed_s = self._clock()
            entries = list(self._ledger.entries(table, since=border))
            known.recent = recent = _Known(begin=border, listed_s=listed_s, entries=entries)
        return recent.entries

    def _is_old(self, listed_s: float, kept_s: float) -> bool:
        return self._clock() - listed_s >= kept_s

    def _border(self) -> str:
        """Return the text that the ids of recent runs do not come before."""
        return f"{self._now().astimezone(UTC) - RECENT:%Y%m%d}T"


def _id(entry: Entry) -> str:
    return entry.run_id
