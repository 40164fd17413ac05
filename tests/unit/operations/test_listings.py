"""What an instance remembers of listings: as little as it must ask for, and nothing for long."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from shared.core.runs import RunState
from shared.ledger import Entry, Ledger
from shared.operations.history import History
from shared.operations.listings import PAST_S, RECENT_S, Listings

NOW = datetime(2024, 1, 31, 12, 30, tzinfo=UTC)


class Listed:
    """A ledger of entries that counts what is asked of it."""

    def __init__(self) -> None:
        self.found: list[Entry] = []
        self.asked: list[tuple[str, str]] = []

    def add(self, age: timedelta, state: RunState = RunState.COMMITTED) -> str:
        """Add a run that began so long ago; return its id."""
        run_id = f"{NOW - age:%Y%m%dT%H%M%SZ}-0123456789ab"
        entry = Entry(table="flights", run_id=run_id, state=state, written_at=NOW - age)
        self.found = sorted([*self.found, entry], key=lambda e: e.run_id)
        return run_id

    def entries(self, table: str, *, since: str = "", until: str = "") -> Iterator[Entry]:
        """Yield runs as the ledger does."""
        self.asked.append((since, until))
        return (
            e
            for e in self.found
            if e.table == table and e.run_id >= since and (e.run_id < until or not until)
        )

    def tables(self) -> tuple[str, ...]:
        """Return the tables that have runs."""
        return ("flights",)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        """Return the seconds so far."""
        return self.now_s


@pytest.fixture
def ledger() -> Listed:
    """Return an empty ledger."""
    return Listed()


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands still."""
    return Clock()


@pytest.fixture
def listings(ledger: Listed, clock: Clock) -> Listings:
    """Return what remembers."""
    return Listings(cast(Ledger, ledger), lambda: NOW, clock=clock)


def ids(found: list[Entry]) -> list[str]:
    """Return the ids of runs."""
    return [entry.run_id for entry in found]


@pytest.mark.parametrize("days", [0, 1, 2, 30, 400])
def test_any_span_is_found_as_the_ledger_has_it(
    ledger: Listed, listings: Listings, days: int
) -> None:
    for hours in (1, 11, 13, 30, 37, 49, 200, 800, 9_000):
        ledger.add(timedelta(hours=hours))
    since = f"{NOW - timedelta(days=days):%Y%m%dT%H%M%SZ}"

    for begin, end in ((since, ""), ("", since), (since, f"{NOW:%Y%m%dT}"), ("", "")):
        found = listings.between("flights", begin, end)
        assert ids(found) == ids(list(ledger.entries("flights", since=begin, until=end)))


def test_several_who_look_at_once_cost_one_listing(
    ledger: Listed, listings: Listings, clock: Clock
) -> None:
    since = f"{NOW - timedelta(hours=2):%Y%m%dT%H%M%SZ}"
    for _ in range(3):
        listings.between("flights", since, "")
    new = ledger.add(timedelta(hours=1))

    unaware = listings.between("flights", since, "")
    clock.now_s += RECENT_S
    aware = listings.between("flights", since, "")

    assert (ids(unaware), ids(aware)) == ([], [new])
    assert len(ledger.asked) == 2


def test_the_past_is_listed_as_far_back_as_somebody_asks(
    ledger: Listed, listings: Listings, clock: Clock
) -> None:
    week, month = (f"{NOW - timedelta(days=n):%Y%m%dT%H%M%SZ}" for n in (7, 31))
    for since in (week, month, week, month):
        listings.between("flights", since, "")
        clock.now_s += RECENT_S

    past = [span for span in ledger.asked if span[1]]
    assert past == [(week, "20240130T"), (month, week)]
    clock.now_s += PAST_S
    listings.between("flights", week, "")
    assert ledger.asked[-2:] == [(week, "20240130T"), ("20240130T", "")]


def test_runs_that_have_not_ended_are_not_looked_for_in_old_times(
    ledger: Listed, listings: Listings
) -> None:
    ledger.add(timedelta(days=40), RunState.LOADING)
    new = ledger.add(timedelta(days=6), RunState.LOADING)
    history = History(cast(Any, ledger), lambda: NOW, listings)

    found = history.newest(5, states=[RunState.LOADING, RunState.STAGED])

    assert ids(found) == [new]
    assert min(since for since, _ in ledger.asked) > "20240123"
