"""What Cloud Scheduler promises: every slot once, in order, with the publish time of its slot."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from local.clock import Clock
from local.scheduled_jobs import Job, JobError
from tests.contract.pubsub_process import Bus, call, control_plane, wait_until

pytest_plugins = ("tests.contract.pubsub_server",)

TOPIC = "projects/p/topics/extract"


class Cloud:
    """A topic and its backlog, in a control plane whose clock stands ten minutes past an hour."""

    def __init__(self, bus: Bus, state_dir: Path) -> None:
        self.bus = bus
        self.url = bus.control_url
        self.clock = Clock(state_dir)
        hour = self.clock.now().replace(minute=0, second=0, microsecond=0)
        self.clock.advance_to(hour + timedelta(hours=1, minutes=10))
        self.hours = [hour + timedelta(hours=2 + n) for n in range(6)]
        self.topic = bus.topic()
        self.subscription = bus.subscription(self.topic)

    def put(self, name: str, schedule: str, **fields) -> dict:
        job = {"schedule": schedule, "topic": self.topic, "data": name, **fields}
        return call("PUT", f"{self.url}/jobs/{name}", job)

    def tick(self, until: datetime | None = None) -> list[tuple[str, str]]:
        fired = call("POST", f"{self.url}/tick", {"until": iso(until)} if until else {})
        return [(each["name"], each["scheduled_for"]) for each in fired]

    def published(self) -> list[str]:
        """The publish times of all messages, to the minute, in order."""
        pending = call("GET", f"{self.url}/_messages?subscription={self.subscription}")
        return [f"{each['publishTime'][:16]}:00Z" for each in pending]

    def delete_jobs(self) -> None:
        for each in call("GET", f"{self.url}/jobs"):
            call("DELETE", f"{self.url}/jobs/{each['name']}")


@pytest.fixture(scope="module")
def control_state_dir(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("control")


@pytest.fixture(scope="module")
def control_bus(control_state_dir) -> Iterator[Bus]:
    process, ports = control_plane(control_state_dir)
    process.start()
    bus = Bus(process, ports["control"])
    yield bus
    bus.close()
    process.stop()


@pytest.fixture
def cloud(control_bus, control_state_dir) -> Iterator[Cloud]:
    cloud = Cloud(control_bus, control_state_dir)
    yield cloud
    cloud.delete_jobs()


def job(schedule: str, time_zone: str, start: str) -> Job:
    document = {"schedule": schedule, "time_zone": time_zone, "topic": TOPIC, "data": "x"}
    return Job.parse("job", document, datetime.fromisoformat(start))


def slots(schedule: str, time_zone: str, start: str, count: int) -> list[str]:
    found = job(schedule, time_zone, start).slots()
    return [f"{next(found):%m-%d %H:%M}" for _ in range(count)]


def iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def test_daily_job_keeps_its_local_hour_through_both_changes_of_clocks():
    spring = slots("30 6 * * *", "Europe/Berlin", "2026-03-28T00:00Z", 3)
    autumn = slots("30 6 * * *", "Europe/Berlin", "2026-10-24T00:00Z", 3)

    assert spring == ["03-28 05:30", "03-29 04:30", "03-30 04:30"]
    assert autumn == ["10-24 04:30", "10-25 05:30", "10-26 05:30"]


def test_job_in_the_skipped_hour_runs_once_right_after_the_gap():
    found = slots("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00Z", 3)

    assert found == ["03-28 01:30", "03-29 01:00", "03-30 00:30"]


def test_job_in_the_repeated_hour_runs_once():
    found = slots("30 2 * * *", "Europe/Berlin", "2026-10-24T00:00Z", 3)

    assert found == ["10-24 00:30", "10-25 00:30", "10-26 01:30"]


def test_hourly_job_runs_every_elapsed_hour_when_clocks_change():
    spring = slots("0 * * * *", "Europe/Berlin", "2026-03-28T23:30Z", 4)
    autumn = slots("0 * * * *", "Europe/Berlin", "2026-10-24T22:30Z", 5)

    assert spring == ["03-29 00:00", "03-29 01:00", "03-29 02:00", "03-29 03:00"]
    assert autumn == ["10-24 23:00", "10-25 00:00", "10-25 01:00", "10-25 02:00", "10-25 03:00"]


def test_job_made_within_the_second_pass_of_the_hour_does_not_fire_for_the_first():
    found = slots("30 2 * * *", "Europe/Berlin", "2026-10-25T01:10Z", 1)

    assert found == ["10-26 01:30"]


@pytest.mark.parametrize(
    "change",
    [
        {"schedule": "every day"},
        {"schedule": "0 0 3 * * *"},
        {"schedule": "61 * * * *"},
        {"time_zone": "Europe/Atlantis"},
        {"topic": "extract"},
        {"data": ""},
        {"retries": 3},
    ],
    ids=lambda change: next(iter(change)),
)
def test_job_that_the_service_would_refuse_is_refused(change):
    document = {"schedule": "0 3 * * *", "topic": TOPIC, "data": "x", **change}

    with pytest.raises(JobError):
        Job.parse("job", document, datetime.now(UTC))


def test_tick_fires_every_slot_in_order_at_its_own_time(cloud):
    first, second, third, *_ = cloud.hours
    half = timedelta(minutes=30)
    cloud.put("hourly", "0 * * * *")
    cloud.put("at-half", "30 * * * *")

    fired = cloud.tick(third)

    assert fired == [
        ("at-half", iso(first - half)),
        ("hourly", iso(first)),
        ("at-half", iso(second - half)),
        ("hourly", iso(second)),
        ("at-half", iso(third - half)),
        ("hourly", iso(third)),
    ]
    assert cloud.published() == [slot for _, slot in fired]
    assert cloud.clock.now() >= third


def test_tick_without_a_time_goes_to_the_next_due_moment(cloud):
    cloud.put("hourly", "0 * * * *")

    assert cloud.tick() == [("hourly", iso(cloud.hours[0]))]
    assert cloud.tick() == [("hourly", iso(cloud.hours[1]))]
    assert len(cloud.published()) == 2


def test_tick_to_a_moment_before_the_next_slot_only_moves_the_clock(cloud):
    cloud.put("hourly", "0 * * * *")
    moment = cloud.hours[0] - timedelta(minutes=1)

    assert cloud.tick(moment) == []
    assert moment <= cloud.clock.now() < cloud.hours[0]


def test_tick_without_any_job_fires_nothing(cloud):
    assert cloud.tick() == []


def test_two_jobs_of_one_minute_fire_one_after_the_other(cloud):
    cloud.put("b", "0 * * * *")
    cloud.put("a", "0 * * * *")

    assert cloud.tick() == [("a", iso(cloud.hours[0])), ("b", iso(cloud.hours[0]))]
    assert len(cloud.published()) == 2


def test_message_carries_data_and_attributes(cloud):
    attributes = {"colour": "red", "topic": "any name will do"}
    cloud.put("full", "0 * * * *", data='{"table": "ü"}', attributes=attributes)

    cloud.tick()

    [received] = cloud.bus.pull(cloud.subscription)
    assert json.loads(received.message.data) == {"table": "ü"}
    assert dict(received.message.attributes) == attributes


def test_fired_job_is_pushed_to_a_function(cloud, receiver):
    cloud.bus.push_subscription(cloud.topic, receiver)
    cloud.put("hourly", "0 * * * *")

    cloud.tick()

    [push] = receiver.wait(1)
    assert push.message["publishTime"].startswith(iso(cloud.hours[0])[:16])


def test_ticks_at_the_same_time_never_fire_a_slot_twice(cloud):
    cloud.put("hourly", "0 * * * *")

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: cloud.tick(cloud.hours[-1]), range(4)))

    fired = sorted(slot for result in results for _, slot in result)
    assert fired == [iso(slot) for slot in cloud.hours]
    assert cloud.published() == fired


def test_clock_moved_by_somebody_else_fires_the_latest_slot_by_itself(cloud):
    cloud.put("hourly", "0 * * * *")

    cloud.clock.advance_to(cloud.hours[2])

    wait_until(cloud.published, what="the thread fires")
    assert cloud.published() == [iso(cloud.hours[2])]
    assert call("GET", f"{cloud.url}/jobs/hourly")["last_fired"] == iso(cloud.hours[2])


def test_restart_fires_no_slot_again(cloud):
    cloud.put("hourly", "0 * * * *")
    cloud.tick()

    cloud.bus.process.kill()
    cloud.bus.process.start()
    cloud.put("hourly", "0 * * * *")

    assert cloud.tick() == [("hourly", iso(cloud.hours[1]))]
    assert len(cloud.published()) == 2


def test_slots_missed_while_nothing_ran_count_as_one(cloud):
    cloud.put("hourly", "0 * * * *")
    cloud.bus.process.kill()

    cloud.clock.advance_to(cloud.hours[2])
    cloud.bus.process.start()

    wait_until(cloud.published, what="the missed slot")
    assert cloud.tick() == [("hourly", iso(cloud.hours[3]))]
    assert cloud.published() == [iso(slot) for slot in cloud.hours[2:4]]


def test_same_schedule_goes_on_where_it_was_and_another_begins_anew(cloud):
    cloud.put("job", "0 * * * *")
    cloud.tick()

    same = cloud.put("job", "0 * * * *", data="other")
    other = cloud.put("job", f"0 {cloud.hours[2].hour} * * *")

    assert (same["last_fired"], same["data"]) == (iso(cloud.hours[0]), "other")
    assert other["last_fired"] is None
    assert cloud.tick() == [("job", iso(cloud.hours[2]))]


def test_publish_that_fails_waits_for_the_next_slot_and_says_why(cloud):
    cloud.put("lost", "0 * * * *", topic="projects/test-project/topics/missing")

    fired = cloud.tick()

    document = call("GET", f"{cloud.url}/jobs/lost")
    assert fired == []
    assert "missing" in document["last_error"]
    assert document["next_slot"] == iso(cloud.hours[1])


def test_jobs_are_shown_replaced_and_deleted(cloud):
    cloud.put("b", "0 3 * * *", time_zone="Europe/Berlin")
    cloud.put("a", "0 4 * * *")
    cloud.put("a", "0 5 * * *")

    listed = call("GET", f"{cloud.url}/jobs")
    call("DELETE", f"{cloud.url}/jobs/b")

    assert [(each["name"], each["schedule"]) for each in listed] == [
        ("a", "0 5 * * *"),
        ("b", "0 3 * * *"),
    ]
    assert [each["name"] for each in call("GET", f"{cloud.url}/jobs")] == ["a"]


@pytest.mark.parametrize(
    ("method", "path", "document", "status"),
    [
        ("GET", "jobs/none", None, "404"),
        ("DELETE", "jobs/none", None, "404"),
        ("PUT", "jobs/job", {"schedule": "never"}, "400"),
        ("PUT", "jobs/job", ["no", "object"], "400"),
        ("POST", "tick", {"until": "tomorrow"}, "400"),
        ("POST", "tick", {"until": "2030-01-01T00:00:00"}, "400"),
    ],
)
def test_wrong_request_is_refused(cloud, method, path, document, status):
    with pytest.raises(OSError, match=status):
        call(method, f"{cloud.url}/{path}", document)
