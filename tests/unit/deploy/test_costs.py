"""What a plan says that a table costs, against the page of costs."""

import re
from pathlib import Path

import pytest

from shared.config.tables import TableConfig
from shared.core import prices
from shared.deploy import costs

PAGE = Path("docs/costs.md").read_text()


def a_table(schedule: str) -> TableConfig:
    """Return a table with a schedule."""
    place = {"database": "D", "schema": "S", "table": "T"}
    return TableConfig.model_validate(
        {"name": "t", "snowflake": place, "postgres": {"table": "t"}, "schedule": schedule}
    )


def test_prices_are_those_of_the_page() -> None:
    (line,) = re.findall(r"^\| functions, working \| (.*) \|$", PAGE, re.MULTILINE)

    assert re.findall(r"0\.\d+", line) == [
        f"{prices.VCPU_SECOND:f}",
        f"{prices.GIB_SECOND:.7f}",
    ]


@pytest.mark.parametrize(("schedule", "runs"), [("hourly", 720), ("daily", 30), ("manual", 0)])
def test_a_month_has_as_many_runs_as_the_schedule_says(schedule: str, runs: int) -> None:
    assert costs.of(a_table(schedule), 0).runs_a_month == runs


def test_a_run_costs_by_its_time() -> None:
    small, large = (costs.of(a_table("hourly"), size) for size in (0, 3_000_000_000))

    assert small.run_usd == pytest.approx(30 * (2 * 0.000024 + 2 * 0.0000025))
    assert large.run_usd == pytest.approx(11 * small.run_usd)
    assert large.month_usd == pytest.approx(720 * large.run_usd)
