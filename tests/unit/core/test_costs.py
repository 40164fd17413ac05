"""What runs cost by their records, and how fresh tables were by their ends."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core import costs, prices
from shared.core.freshness import Freshness, measured
from shared.core.runs import RunState, StepStats
from tests.builders import AT, a_run, an_attempt

PAGE = Path("docs/costs.md").read_text()
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def stats(**changes: float) -> StepStats:
    given = {"duration_s": 10.0, "rows": 1, "bytes": 10**9, "peak_mib": 1.0}
    return StepStats(**given | changes)


def test_failed_attempts_are_paid_for_too() -> None:
    attempt = replace(an_attempt(), ended_at=AT + timedelta(seconds=30))
    run = a_run(attempts=(attempt, attempt), steps={"extract": stats()})

    found = costs.of(run)

    assert (found.vcpu_s, found.gib_s) == (60.0, 120.0)


def test_each_service_has_its_price() -> None:
    taken = stats(
        storage_writes=10_000 - costs.CALLS_AROUND - costs.CALLS_AT_END,
        storage_reads=10_000 - costs.CALLS_AROUND,
        source_s=3_600.0,
        billed_bytes=2**40,
    )

    usd = costs.of(a_run(steps={"load": taken})).usd

    assert usd["storage calls"] == pytest.approx(0.054)
    assert usd["warehouse"] == pytest.approx(prices.CREDIT)
    assert usd["queries"] == pytest.approx(prices.QUERY_TIB)
    assert usd["staged parts"] == pytest.approx(prices.STORAGE_GB_MONTH)
    assert usd["functions"] == pytest.approx(10 * (2 * 0.000024 + 2 * 0.0000025))


def test_runs_are_counted_that_began_since_a_moment_and_have_ended() -> None:
    ended = a_run(state=RunState.COMMITTED, steps={"load": stats()}, updated_at=AT + DAY)
    later = replace(ended, run_id=ended.run_id.replace("T03", "T04"), created_at=AT + HOUR)
    before = replace(ended, run_id=ended.run_id.replace("T03", "T02"))

    found = costs.by_run([later, before, ended, a_run(state=RunState.LOADING)], since=AT)

    assert found == {run.run_id: costs.of(run) for run in (ended, later)}
    assert list(found) == [ended.run_id, later.run_id]


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("functions, working", [prices.VCPU_SECOND, prices.GIB_SECOND]),
        ("Pub/Sub", [prices.MESSAGE_TIB]),
        ("Scheduler", [prices.JOB_MONTH]),
        ("BigQuery", [prices.QUERY_TIB]),
        ("Snowflake", [prices.CREDIT]),
        ("storage", [prices.STORAGE_GB_MONTH]),
    ],
)
def test_page_shows_the_prices_that_are_used(line: str, values: list[float]) -> None:
    shown = re.findall(rf"^\| {line} \| (.*) \|$", PAGE, re.MULTILINE)[0]

    assert [float(v) for v in re.findall(r"\d+\.?\d*", shown)][: len(values)] == values
    assert prices.AS_OF.isoformat() in PAGE


def fresh(*hours: float, max_age: timedelta = HOUR) -> Freshness:
    """Return how fresh a table was over a day that had successes at these hours."""
    successes = [AT + h * HOUR for h in hours]
    return measured(successes, begin=AT, now=AT + DAY, max_age=max_age, objective_percent=90.0)


def test_table_that_is_moved_in_time_is_fresh_all_the_time() -> None:
    found = fresh(*range(25))

    assert (found.percent, found.late, found.budget_left_percent) == (100.0, timedelta(), 100.0)


def test_missed_hour_spends_the_budget() -> None:
    found = fresh(*(h for h in range(25) if h != 5))

    assert found.late == HOUR
    assert found.budget == timedelta(hours=2.4)
    assert found.is_kept
    assert found.budget_left_percent == pytest.approx(100 * (1 - 1 / 2.4))


def test_table_that_was_never_moved_is_late_from_its_first_age_on() -> None:
    found = fresh()

    assert found.late == DAY - HOUR
    assert not found.is_kept
    assert found.age is None
    assert found.is_late
    assert not fresh(max_age=DAY).is_late


def test_success_before_the_span_counts_into_it() -> None:
    assert fresh(-0.5, max_age=DAY + HOUR).late == timedelta()
    assert fresh(-12, 23.9, max_age=DAY).late == timedelta(hours=11.9)


@given(st.lists(st.floats(-30, 24), max_size=20), st.floats(0.1, 40))
def test_time_late_is_within_the_span_and_a_success_more_never_adds_to_it(
    hours: list[float], age: float
) -> None:
    found = fresh(*hours, max_age=age * HOUR)

    assert timedelta() <= found.late <= DAY
    assert fresh(*hours, 12.0, max_age=age * HOUR).late <= found.late
