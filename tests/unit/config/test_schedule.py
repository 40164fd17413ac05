"""Schedules: what Cloud Scheduler knows, and the one slot that copies of a message share."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.config import schedule
from shared.config.schedule import cron, slot

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Antarctica/Troll",
    "Pacific/Apia",
]
SCHEDULES = ["hourly", "daily", "*/15 * * * *", "30 2 * * *", "0 1,2,3 * * *", "59 1 * * *"]
SCHEDULES += ["0 9 * * MON-FRI", "0 0 1 * *", "5 */6 * * *", "0 12 29 2 *"]

# A day around each change of the clocks of 2024 in Berlin, New York, Lord Howe and Troll.
CHANGES = [datetime(2024, m, d, tzinfo=UTC) for m, d in ((3, 10), (3, 31), (4, 6), (10, 5))]
CHANGES += [datetime(2024, m, d, tzinfo=UTC) for m, d in ((10, 27), (11, 3))]
MOMENTS = st.builds(
    lambda day, seconds: day + timedelta(seconds=seconds),
    st.sampled_from(CHANGES),
    st.integers(-43200, 129600) | st.integers(-12, 36).map(lambda hours: hours * 3600),
)


def moments_of(hour: int | None, minute: int, zone: str, around: datetime) -> Iterator[datetime]:
    """Yield when an hourly or daily schedule is due, by another way than the one under test."""
    tz = ZoneInfo(zone)
    if hour is None:
        first = around.replace(minute=0, second=0) - timedelta(hours=2)
        minutes = (first + timedelta(minutes=m) for m in range(4 * 60))
        yield from (m for m in minutes if m.astimezone(tz).minute == minute)
        return
    for day in (around.date() + timedelta(days=d) for d in range(-3, 4)):
        yield due(day, time(hour, minute), tz)


def due(day: date, at: time, tz: ZoneInfo) -> datetime:
    """Return the first of two such moments, or the next that exists where there is none."""
    moment = datetime.combine(day, at, tz)
    while moment.astimezone(UTC).astimezone(tz).replace(fold=0) != moment:
        moment += timedelta(minutes=1)
    return moment.astimezone(UTC)


def latest(due_at: Iterator[datetime], now: datetime) -> datetime:
    return max(d for d in due_at if d <= now + schedule.EARLY)


# What is a schedule -------------------------------------------------------------------------------


def test_named_schedules_are_cron_expressions() -> None:
    assert {name: cron(name) for name in schedule.NAMED} == {
        "hourly": "0 * * * *",
        "daily": "0 3 * * *",
    }


@pytest.mark.parametrize(
    "text",
    [
        "* * * * *",
        "*/5 0-6,22 1 JAN-jul sun",
        "0 0 31 1 *",
        "0 0 29 2 *",
        "0 0 * * 7",
        "1-9/2 * * * *",
    ],
)
def test_cron_expression_stays_as_it_is(text: str) -> None:
    assert cron(text) == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Wrong number of fields"),
        ("weekly", "Wrong number of fields"),
        ("@daily", "Wrong number of fields"),
        ("every 24 hours", "Wrong number of fields"),
        ("Hourly", "Wrong number of fields"),
        ("0 0 3 * * *", "6 fields"),
        ("60 * * * *", "Bad minute"),
        ("0 24 * * *", "Bad hour"),
        ("0 0 0 * *", "Bad day-of-month"),
        ("0 0 30 2 *", "Bad day-of-month"),
        ("0 0 * 13 *", "Bad month"),
        ("0 0 * * 8", "Bad day-of-week"),
        ("0 0 L * *", "Cloud Scheduler knows no L, W or #"),
        ("0 0 LW * *", "Cloud Scheduler knows no L, W or #"),
        ("0 0 * * 5L", "Cloud Scheduler knows no L, W or #"),
        ("0 0 * * 1#2", "Cloud Scheduler knows no L, W or #"),
        ("*/0 * * * *", "Bad minute"),
    ],
)
def test_what_cloud_scheduler_does_not_know_is_refused_with_the_choices(
    text: str, why: str
) -> None:
    with pytest.raises(ValueError, match="is not a schedule") as refused:
        cron(text)

    assert str(refused.value) == (
        f"{text!r} is not a schedule ({why}); use hourly, daily, manual or five cron fields"
    )


@given(st.text())
def test_any_text_is_a_schedule_or_a_value_error(text: str) -> None:
    try:
        expression = cron(text)
    except ValueError:
        return

    assert len(expression.split()) == schedule.CRON_FIELDS


# Slots --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(("text", "hour", "minute"), [("hourly", None, 0), ("daily", 3, 0)])
@given(now=MOMENTS)
def test_slot_is_the_latest_moment_that_was_due(
    text: str, hour: int | None, minute: int, zone: str, now: datetime
) -> None:
    expected = latest(moments_of(hour, minute, zone, now), now)

    assert slot(text, zone, now) == expected


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
@given(now=MOMENTS, hour=st.integers(0, 4), minute=st.sampled_from([0, 1, 30, 59]))
def test_slot_of_a_time_of_day_is_found_while_clocks_change(
    zone: str, now: datetime, hour: int, minute: int
) -> None:
    expected = latest(moments_of(hour, minute, zone, now), now)

    assert slot(f"{minute} {hour} * * *", zone, now) == expected


@pytest.mark.parametrize("text", ["hourly", "daily", "30 2 * * *", "0 9 * * MON-FRI"])
@pytest.mark.parametrize("zone", ZONES)
@given(now=MOMENTS, delay_s=st.floats(0, 14 * 60))
def test_copies_published_up_to_minutes_later_share_the_slot(
    text: str, zone: str, now: datetime, delay_s: float
) -> None:
    at = slot(text, zone, now)

    assert slot(text, zone, at + timedelta(seconds=delay_s)) == at


@pytest.mark.parametrize("zone", ZONES)
@given(text=st.sampled_from(SCHEDULES), moments=st.lists(MOMENTS, min_size=2, max_size=6))
def test_slots_follow_one_another_as_time_does(
    zone: str, text: str, moments: list[datetime]
) -> None:
    slots = [slot(text, zone, at) for at in sorted(moments)]

    assert all(a <= b for a, b in pairwise(slots))
    assert all(s <= at + schedule.EARLY for s, at in zip(slots, sorted(moments), strict=True))


@pytest.mark.parametrize("early_ms", [0, 1, 999, 1000])
def test_message_a_little_early_belongs_to_the_slot_to_come(early_ms: int) -> None:
    at = datetime(2024, 3, 31, 1, 0, tzinfo=UTC)  # 03:00 in Berlin, right after the clocks changed

    assert slot("daily", "Europe/Berlin", at - timedelta(milliseconds=early_ms)) == at


def test_slot_of_a_message_that_is_too_early_is_the_one_before() -> None:
    at = datetime(2024, 1, 31, 3, 0, tzinfo=UTC)

    assert slot("daily", "UTC", at - timedelta(seconds=1.001)) == at - timedelta(days=1)


@pytest.mark.parametrize(
    ("zone", "published", "expected"),
    [
        # The hour from 02:00 comes twice on 27 October in Berlin: 00:00 and 01:00 UTC.
        ("Europe/Berlin", "2024-10-27T00:59:05+00:00", "2024-10-27T00:59:00+00:00"),
        ("Europe/Berlin", "2024-10-27T01:00:05+00:00", "2024-10-27T00:59:00+00:00"),
        ("Europe/Berlin", "2024-10-27T01:59:05+00:00", "2024-10-27T00:59:00+00:00"),
        ("Europe/Berlin", "2024-10-28T01:59:05+00:00", "2024-10-28T01:59:00+00:00"),
        # There is no 02:59 on 31 March: it is due when the clocks have changed.
        ("Europe/Berlin", "2024-03-31T00:59:59+00:00", "2024-03-31T01:00:00+00:00"),
        ("Europe/Berlin", "2024-03-31T01:00:05+00:00", "2024-03-31T01:00:00+00:00"),
        ("America/New_York", "2024-11-03T06:00:05+00:00", "2024-11-02T06:59:00+00:00"),
    ],
)
def test_fixed_time_has_one_slot_on_the_day_the_clocks_change(
    zone: str, published: str, expected: str
) -> None:
    assert slot("59 2 * * *", zone, datetime.fromisoformat(published)).isoformat() == expected


def test_hour_that_comes_twice_has_two_hourly_slots() -> None:
    first, second = (datetime(2024, 10, 27, h, 0, 3, tzinfo=UTC) for h in (0, 1))

    assert slot("hourly", "Europe/Berlin", first) == first.replace(second=0)
    assert slot("hourly", "Europe/Berlin", second) == second.replace(second=0)


def test_slot_is_the_same_wherever_the_message_was_published() -> None:
    at = datetime(2024, 7, 1, 1, 0, 7, tzinfo=UTC)
    there = at.astimezone(ZoneInfo("Asia/Tokyo"))

    assert slot("daily", "Europe/Berlin", there) == slot("daily", "Europe/Berlin", at)
    assert slot("daily", "Europe/Berlin", there).tzinfo is UTC


def test_slot_of_a_rare_schedule_may_be_years_ago() -> None:
    now = datetime(2023, 6, 1, tzinfo=UTC)

    assert slot("0 12 29 2 *", "UTC", now) == datetime(2020, 2, 29, 12, tzinfo=UTC)
