"""Schedules: ``hourly``, ``daily`` or a cron expression with a time zone, as moments."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

CRON_FIELDS = 5
"""Minute, hour, day, month, weekday. Source: Cloud Scheduler, "Cron job format"."""

NAMED = {"hourly": "0 * * * *", "daily": "0 3 * * *"}
"""Cron expressions behind the named schedules; the names are what table files use."""

EARLY = timedelta(seconds=1)
"""A message published so long before its slot belongs to it already: clocks differ a little."""

TURNED_BACK = timedelta(hours=2)
"""The longest stretch of wall clock that comes twice, as at Troll station in autumn."""

MONTH = timedelta(days=31)

MANUAL = "manual"
"""No Scheduler job: the table moves when somebody asks, or when a file is dropped."""


def cron(schedule: str) -> str:
    """Return the five-field cron expression of a schedule.

    Raises:
        ValueError: neither a known name nor a cron expression that Cloud Scheduler knows.
    """
    expression = NAMED.get(schedule, schedule)
    try:
        CronSim(expression, datetime(2000, 1, 1, tzinfo=UTC))
    except CronSimError as exc:
        raise _refusal(schedule, str(exc)) from exc
    fields = expression.upper().split()
    if len(fields) != CRON_FIELDS:
        raise _refusal(schedule, f"{len(fields)} fields")
    if "L" in fields[2] + fields[4] or "#" in fields[4]:
        raise _refusal(schedule, "Cloud Scheduler knows no L, W or #")
    return expression


def slot(schedule: str, time_zone: str, published_at: datetime) -> datetime:
    """Return the scheduled moment that a message published at this time belongs to, in UTC.

    A message is published at its slot or a little later, and Scheduler may publish it twice: both
    copies fall into the same slot, so both find the same run.
    """
    limit = published_at.astimezone(UTC) + EARLY
    # Going back by the wall clock would leave out slots of an hour that comes twice, so the search
    # begins behind it.
    start = (limit + TURNED_BACK).astimezone(ZoneInfo(time_zone))
    slots = (s.astimezone(UTC) for s in CronSim(cron(schedule), start, reverse=True))
    return next(s for s in slots if s <= limit)


def longest_gap(schedule: str, time_zone: str, now: datetime) -> timedelta:
    """Return the longest time between two slots of the month to come."""
    begin = now.astimezone(ZoneInfo(time_zone))
    last, longest = None, timedelta()
    for moment in CronSim(cron(schedule), begin):
        here = moment.astimezone(UTC)
        if last and here - last > longest:
            longest = here - last
        if last and here - now > MONTH:
            break
        last = here
    return longest


def _refusal(schedule: str, why: str) -> ValueError:
    names = ", ".join([*NAMED, MANUAL])
    return ValueError(f"{schedule!r} is not a schedule ({why}); use {names} or five cron fields")
