"""Schedules: ``hourly``, ``daily`` or a cron expression with a time zone, as moments."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

NAMED = {"hourly": "0 * * * *", "daily": "0 3 * * *"}
"""Cron expressions behind the named schedules; the names are what table files use."""

MANUAL = "manual"
"""No Scheduler job: the table moves when somebody asks, or when a file is dropped."""


def cron(schedule: str) -> str:
    """Return the five-field cron expression of a schedule.

    Raises:
        ValueError: neither a known name nor a cron expression.
    """
    expression = NAMED.get(schedule, schedule)
    try:
        CronSim(expression, datetime(2000, 1, 1, tzinfo=UTC))
    except CronSimError as exc:
        names = ", ".join([*NAMED, MANUAL])
        raise ValueError(
            f"{schedule!r} is not a schedule ({exc}); use {names} or five cron fields"
        ) from exc
    return expression


def slot(schedule: str, time_zone: str, published_at: datetime) -> datetime:
    """Return the scheduled moment that a message published at this time belongs to, in UTC.

    A message is published at its slot or a little later, and Scheduler may publish it twice: both
    copies fall into the same slot, so both find the same run.
    """
    local = published_at.astimezone(ZoneInfo(time_zone))
    latest = next(CronSim(cron(schedule), local + timedelta(seconds=1), reverse=True))
    return latest.astimezone(UTC)
