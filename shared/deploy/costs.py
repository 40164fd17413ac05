"""What the functions' work for one table costs, roughly, from list prices: for a plan's reader.

docs/costs.md has the prices, their date and what else a month costs. Snowflake's own price is not
in here.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

from shared.config import schedule
from shared.config.tables import TableConfig
from shared.core import prices

RUN_S = 30.0
"""Seconds of both functions for a run of few rows. Source: docs/costs.md, assumed, not measured."""

BYTES_PER_S = 10_000_000
"""What more bytes take: a cautious guess, for the row count of a plan is one too."""

VCPU, GIB = 2, 2
"""The larger of both functions' sizes. Source: terraform/modules/catalog/functions.tf."""

MONTH = timedelta(days=30)
_ANY_MONTH = datetime(2026, 6, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """US dollars for a run that reads the whole table, and for a month of them."""

    run_usd: float
    runs_a_month: int

    @property
    def month_usd(self) -> float:
        """What a month of scheduled runs costs, were each to read all rows."""
        return self.run_usd * self.runs_a_month


def of(table: TableConfig, size_bytes: int) -> Cost:
    """Return what runs of a table cost that read so many bytes, as its source keeps them."""
    seconds = RUN_S + size_bytes / BYTES_PER_S
    usd = seconds * (VCPU * prices.VCPU_SECOND + GIB * prices.GIB_SECOND)
    return Cost(run_usd=usd, runs_a_month=_runs_a_month(table))


def _runs_a_month(table: TableConfig) -> int:
    if table.schedule == schedule.MANUAL:
        return 0
    begin = _ANY_MONTH.astimezone(ZoneInfo(table.time_zone))
    runs = 0
    for moment in CronSim(schedule.cron(table.schedule), begin):
        if moment > begin + MONTH:
            break
        runs += 1
    return runs
