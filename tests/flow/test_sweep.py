"""The sweep through the real function: what was lost is found, what is dead is removed.

These tests have a cloud of their own, in which every grace period is over at once.
"""

import json
import os
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from local.topology import SWEEP_JOB
from shared.bus import Bus
from shared.core import naming, runs
from shared.core.dead_letters import DeadLetter, LetterState
from shared.core.messages import ExtractRequest, IngestRequest, SweepRequest
from shared.core.runs import Failure, Lease, Run, RunState, Trigger
from shared.core.sweeps import StaleTable, SweepReport
from shared.core.windows import Span
from shared.steps.extract import extract
from shared.steps.repairs import freshness
from shared.steps.repairs.dead_letters import replay
from shared.steps.repairs.sweeping import Sweep
from shared.steps.sweep import sweep as sweep_step
from shared.wire import from_json
from tests.flow.cloud import Cloud
from tests.flow.conftest import write_config

AT_ONCE = "0.001"
MAX_NUDGES = 3
IMPATIENT = {
    "SLUICE_STUCK_S": AT_ONCE,
    "SLUICE_LOST_S": AT_ONCE,
    "SLUICE_ORPHAN_S": AT_ONCE,
    "SLUICE_COLLECT_S": AT_ONCE,
    "SLUICE_MAX_NUDGES": str(MAX_NUDGES),
}
ROWS = b"id,name\n1,a\n2,b\n"


class Swept(Cloud):
    """A cloud that sweeps only when told to."""

    def sweep(self) -> SweepReport:
        """Have the function sweep once, and return its report."""
        assert self.push("sweep", SweepRequest().encode()) == 204
        return self.report()

    def report(self) -> SweepReport:
        """Return what the last sweep wrote."""
        bucket = self.services.settings.bucket("state")
        found = self.services.storage.read(bucket, naming.SWEEP_REPORT)
        assert found is not None
        return from_json(SweepReport, found[0], naming.SWEEP_REPORT)

    def order(self, service: str, *faults: dict[str, object]) -> None:
        """Put faults in force at an emulator; without any, end them all."""
        port = self.background.described["services"][service]["port"]
        body = json.dumps(list(faults)).encode()
        method = "POST" if faults else "DELETE"
        request = urllib.request.Request(f"http://127.0.0.1:{port}/_faults", body, method=method)
        with urllib.request.urlopen(request, timeout=10):
            return

    def put(self, zone: str, name: str, data: bytes = b"x") -> str:
        """Put an object where nobody expects it; return its name."""
        bucket = self.services.settings.bucket(zone)
        self.services.storage.write(
            bucket, name, data, generation=0, content_type="application/octet-stream"
        )
        return name

    def names(self, zone: str, prefix: str) -> list[str]:
        """Return the names of a bucket's objects below a prefix."""
        bucket = self.services.settings.bucket(zone)
        return [o.name for o in self.services.storage.list(bucket, prefix)]

    def record(self, table: str, **changes: object) -> Run:
        """Put the record of a run that somebody asked for into the ledger."""
        key, now = uuid.uuid4().hex, datetime.now(UTC)
        run = Run(
            run_id=runs.run_id(table, Trigger.REQUEST, key, now),
            table=table,
            trigger=Trigger.REQUEST,
            trigger_key=key,
            mode=None,
            created_at=now,
            updated_at=now,
        )
        return self.services.ledger.open(replace(run, **changes))

    def source_table(self, name: str, *, rows: int = 3) -> str:
        """Make a table at the source and configure it."""
        self.source(f"CREATE TABLE {{db}}.{name.upper()} (ID NUMBER(9,0), PRIMARY KEY (ID))")
        values = ", ".join(f"({i})" for i in range(rows))
        self.source(f"INSERT INTO {{db}}.{name.upper()} VALUES {values}")
        return self.configure(name)


@pytest.fixture(scope="module")
def swept_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swept]:
    """Start a cloud of these tests alone, and put this process's environment back at the end."""
    folder = tmp_path_factory.mktemp("swept")
    before = dict(os.environ)
    os.environ.update(IMPATIENT)
    started = Swept.start(folder / "state", write_config(folder))
    control = started.background.described["control"]
    job = urllib.request.Request(f"{control}/jobs/{SWEEP_JOB}", method="DELETE")
    with urllib.request.urlopen(job, timeout=10):
        pass
    impatient_pubsub(started)
    yield started
    started.stop()
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def swept(swept_cloud: Swept) -> Iterator[Swept]:
    """Return the cloud; faults that a test orders end with it."""
    yield swept_cloud
    swept_cloud.order("gcs")
    swept_cloud.order("control-plane")


def impatient_pubsub(cloud: Cloud) -> None:
    """Let a message die within a second."""
    from google.cloud.pubsub_v1 import SubscriberClient
    from google.protobuf.duration_pb2 import Duration

    settings = cloud.services.settings
    backoff = Duration(nanos=10**7)
    policy = {"minimum_backoff": backoff, "maximum_backoff": backoff}
    with SubscriberClient() as client:
        for topic in ("extract", "ingest", "load"):
            name = f"projects/{settings.project}/subscriptions/{settings.prefix}-{topic}"
            client.update_subscription(
                subscription={"name": name, "retry_policy": policy},
                update_mask={"paths": ["retry_policy"]},
            )


class LosingBus(Bus):
    """Takes messages, and loses them."""

    def publish(self, topic: str, data: bytes, attributes: object = None) -> str:
        """Lose one."""
        return "lost"


# Lost events --------------------------------------------------------------------------------------


def test_file_that_no_event_told_of_is_found_and_loaded_once(swept: Swept) -> None:
    swept.configure("unheard", csv={}, sync_mode="append")
    swept.order("gcs", {"kind": "drop_notification", "path_regex": "unheard", "count": 1})
    generation = swept.upload("unheard/one.csv", ROWS)
    key = f"gs://{swept.services.settings.bucket('landing')}/unheard/one.csv#{generation}"

    report = swept.sweep()

    assert key in report.announced.names
    run = swept.await_run("unheard", lambda r: r.is_terminal)
    assert (run.state, run.trigger_key) == (RunState.COMMITTED, key)
    assert swept.target("SELECT count(*) FROM unheard") == [(2,)]
    assert swept.sweep().announced.count == 0
    assert len(swept.runs("unheard")) == 1


def test_file_of_no_table_is_reported_until_its_table_is_configured(swept: Swept) -> None:
    swept.upload("latecomer/one.csv", ROWS)

    before = swept.sweep()
    swept.configure("latecomer", csv={}, sync_mode="append")
    after = swept.sweep()

    assert any("latecomer/one.csv" in name for name in before.strays.names)
    assert not any("latecomer" in name for name in before.announced.names)
    assert any("latecomer/one.csv" in name for name in after.announced.names)
    run = swept.await_run("latecomer", lambda r: r.is_terminal)
    assert run.state is RunState.COMMITTED


# Quiet runs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [RunState.REQUESTED, RunState.EXTRACTING])
def test_run_whose_extract_request_is_lost_goes_on(swept: Swept, state: RunState) -> None:
    table = swept.source_table(f"quiet_{state}")
    expired = Lease(attempt="dead", expires_at=datetime.now(UTC) - timedelta(seconds=1))
    lost = swept.record(table, state=state, lease=expired)

    report = swept.sweep()

    assert f"{table}/{lost.run_id}" in report.nudged.names
    run = swept.await_run(table, lambda r: r.is_terminal)
    assert (run.run_id, run.state, run.nudge) == (lost.run_id, RunState.COMMITTED, None)
    assert swept.target(f"SELECT count(*) FROM {table}") == [(3,)]


def test_run_whose_load_request_is_lost_goes_on(swept: Swept) -> None:
    table = swept.source_table("quiet_staged")
    request = ExtractRequest(table=table, published_at=datetime.now(UTC), request_id="lost")
    extract(request, replace(swept.services, bus=LosingBus()))
    assert [r.state for r in swept.runs(table)] == [RunState.STAGED]

    swept.sweep()

    run = swept.await_run(table, lambda r: r.is_terminal)
    assert run.state is RunState.COMMITTED
    assert len(swept.runs(table)) == 1


def test_file_run_whose_message_is_lost_goes_on(swept: Swept) -> None:
    table = swept.configure("quiet_file", csv={}, sync_mode="append")
    swept.order("gcs", {"kind": "drop_notification", "path_regex": "quiet_file"})
    generation = swept.upload("quiet_file/one.csv", ROWS)
    bucket = swept.services.settings.bucket("landing")
    request = IngestRequest(bucket=bucket, name="quiet_file/one.csv", generation=generation)
    run_id = runs.run_id(table, Trigger.FILE, request.key, request.announced_at)
    swept.record(table, run_id=run_id, trigger=Trigger.FILE, trigger_key=request.key)

    swept.sweep()

    run = swept.await_run(table, lambda r: r.is_terminal)
    assert (run.run_id, run.state) == (run_id, RunState.COMMITTED)


def test_run_that_somebody_works_on_is_left_alone(swept: Swept) -> None:
    table = swept.source_table("busy")
    live = Lease(attempt="alive", expires_at=datetime.now(UTC) + timedelta(hours=1))
    busy = swept.record(table, state=RunState.EXTRACTING, lease=live)

    report = swept.sweep()

    assert f"{table}/{busy.run_id}" not in report.nudged.names
    assert swept.services.ledger.find(table, busy.run_id) == busy


def test_run_is_left_alone_until_the_grace_is_over(swept: Swept) -> None:
    table = swept.source_table("young")
    young = swept.record(table)
    patient = replace(swept.services, settings=replace(swept.services.settings, stuck_s=600.0))

    sweep_step(SweepRequest(), patient)

    assert swept.services.ledger.find(table, young.run_id) == young


def test_run_asked_in_vain_is_failed_and_can_be_replayed(swept: Swept) -> None:
    table = swept.source_table("mired")
    mired = swept.record(table)
    swept.order("control-plane", {"kind": "hold", "subscription_regex": "-extract$"})

    for _ in range(MAX_NUDGES):
        swept.sweep()
    assert swept.runs(table)[0].state is RunState.REQUESTED
    report = swept.sweep()

    assert f"{table}/{mired.run_id}" in report.given_up.names
    failed = swept.runs(table)[0]
    assert failed.state is RunState.FAILED
    assert failed.failure is not None
    assert failed.failure.error == "StuckRunError"
    assert "sluice deadletter replay" in failed.failure.message
    assert swept.target("SELECT to_regclass('public.mired') IS NULL") == [(True,)]
    swept.order("control-plane")
    (letter,) = letters(swept, table)
    replay(letter, swept.services)
    run = swept.await_run(table, lambda r: r.state is RunState.COMMITTED)
    assert run.run_id == mired.run_id


# Orphans ------------------------------------------------------------------------------------------


def test_orphans_of_an_ended_run_go_and_what_its_manifest_names_stays(swept: Swept) -> None:
    swept.source("CREATE TABLE {db}.TIDY (ID NUMBER(9,0), AT TIMESTAMP_NTZ(6), PRIMARY KEY (ID))")
    swept.source("INSERT INTO {db}.TIDY VALUES (1, SYSDATE())")
    incremental = {"sync_mode": "incremental", "incremental_column": "at"}
    table = swept.configure("tidy", **incremental, deletes={"mode": "hard"})
    run_id = swept.run(table).run_id
    manifest = swept.services.manifests.find(table, run_id)
    assert manifest is not None
    assert manifest.key_parts
    named = sorted(part.name for part in manifest.all_parts)
    dead = {
        swept.put("staging", naming.part_object(table, run_id, "dead", 0)),
        swept.put("staging", naming.plan_object(table, run_id)),
        swept.put("staging", naming.unit_object(table, run_id, "0")),
    }

    report = swept.sweep()

    assert {n.split("/", 3)[3].partition("#")[0] for n in report.deleted.names} >= dead
    left = [o for kind in ("parts", "plans", "units") for o in swept.names("staging", f"{kind}/")]
    assert [o for o in left if f"/{table}/" in o] == named
    assert swept.services.manifests.find(table, run_id) == manifest


def test_objects_of_an_open_run_and_of_no_run_stay(swept: Swept) -> None:
    table = swept.source_table("unready")
    live = Lease(attempt="alive", expires_at=datetime.now(UTC) + timedelta(hours=1))
    run = swept.record(table, state=RunState.EXTRACTING, lease=live)
    kept = [
        swept.put("staging", naming.part_object(table, run.run_id, "alive", 0)),
        swept.put("staging", naming.unit_object(table, run.run_id, "0")),
        swept.put("staging", naming.part_object(table, "20200101T000000Z-0123456789ab", "x", 0)),
    ]

    swept.sweep()

    left = {n for kind in ("parts", "units") for n in swept.names("staging", f"{kind}/{table}/")}
    assert left == set(kept)


def test_young_orphan_stays(swept: Swept) -> None:
    table = swept.source_table("fresh_orphan")
    run = swept.run(table)
    orphan = swept.put("staging", naming.part_object(table, run.run_id, "dead", 0))
    patient = replace(swept.services, settings=replace(swept.services.settings, orphan_s=3600.0))

    sweep_step(SweepRequest(), patient)

    assert orphan in swept.names("staging", f"parts/{table}/")


def test_staging_table_of_an_ended_run_is_dropped_and_others_stay(swept: Swept) -> None:
    table = swept.source_table("littered")
    ended = swept.run(table).run_id
    live = Lease(attempt="alive", expires_at=datetime.now(UTC) + timedelta(hours=1))
    loading = swept.record(table, state=RunState.LOADING, lease=live).run_id
    stranger = "20200101T000000Z-0123456789ab"
    for run_id in (ended, loading, stranger):
        swept.target(f'CREATE TABLE _sluice."stage_{run_id}" (id BIGINT)')
    swept.target(f"INSERT INTO _sluice.staged VALUES ('{ended}', 'part')")

    report = swept.sweep()

    assert f"{table}/{ended}" in report.dropped.names
    left = swept.target("SELECT tablename FROM pg_tables WHERE tablename LIKE 'stage%'")
    assert (f"stage_{ended}",) not in left
    assert {(f"stage_{loading}",), (f"stage_{stranger}",)} <= set(left)
    assert swept.target(f"SELECT * FROM _sluice.staged WHERE run_id = '{ended}'") == []
    swept.target(f'DROP TABLE _sluice."stage_{loading}", _sluice."stage_{stranger}"')


def test_target_that_is_down_keeps_nothing_else_from_being_looked_after(swept: Swept) -> None:
    swept.configure("afloat", csv={}, sync_mode="append")
    swept.configure("sunk", csv={}, connections=swept.connections(port=1), sync_mode="append")
    swept.order("gcs", {"kind": "drop_notification", "path_regex": "afloat"})
    swept.upload("afloat/one.csv", ROWS)

    report = swept.sweep()

    assert any("sunk" in problem for problem in report.problems)
    assert any("afloat/one.csv" in name for name in report.announced.names)
    assert swept.await_run("afloat", lambda r: r.is_terminal).state is RunState.COMMITTED
    swept.configure("sunk", csv={}, sync_mode="append")


# Freshness ----------------------------------------------------------------------------------------


def test_table_that_missed_its_slots_is_stale_until_it_moves(swept: Swept) -> None:
    swept.source_table("timely")
    swept.configure("timely", schedule="hourly")

    def stale(hours: float) -> StaleTable | None:
        ahead = timedelta(hours=hours)
        later = Sweep(replace(swept.services, now=lambda: datetime.now(UTC) + ahead))
        freshness.check(later)
        return next((t for t in later.stale if t.table == "timely"), None)

    never = stale(3)
    assert stale(0) is None  # it was configured just now
    assert never is not None
    assert never.last_success is None
    run = swept.run("timely")
    assert run.state is RunState.COMMITTED, run
    assert stale(0) is None
    late = stale(3)
    assert late is not None
    assert late.last_success is not None
    assert late.due_since - late.last_success < timedelta(hours=3)


def test_backfill_does_not_make_a_table_fresh(swept: Swept) -> None:
    swept.source_table("refilled")
    swept.configure("refilled", schedule="hourly")
    now = datetime.now(UTC)
    run = swept.record("refilled", span=Span(first="2024-01-01", last="2024-01-02"))
    swept.services.ledger.change("refilled", run.run_id, lambda r: r.to(RunState.SKIPPED, now))
    later = Sweep(replace(swept.services, now=lambda: now + timedelta(hours=3)))

    freshness.check(later)

    found = next(t for t in later.stale if t.table == "refilled")
    assert found.last_success is None


# Dead letters -------------------------------------------------------------------------------------


def strand(swept: Swept, name: str) -> Run:
    """Run a table whose target is down until its message is a dead letter; return the run."""
    swept.source_table(name)
    swept.configure(name, connections=swept.connections(port=1))
    run_id = swept.request(name)
    return swept.await_run(name, lambda r: r.run_id == run_id and r.is_terminal)


def letters(swept: Swept, table: str) -> list[DeadLetter]:
    """Return a table's dead letters that wait for a decision."""
    found = swept.services.dead_letters.letters(LetterState.OPEN)
    return [letter for letter in found if letter.table == table]


def test_dead_letter_is_listed_with_its_reason_replayed_once_and_commits(swept: Swept) -> None:
    failed = strand(swept, "stranded")
    assert failed.state is RunState.FAILED
    assert failed.failure is not None
    assert failed.failure.error == "TargetUnavailableError"

    listed = swept.sluice("deadletter", "list", "--json")

    (letter,) = [x for x in json.loads(listed.stdout) if x["table"] == "stranded"]
    assert letter["run_id"] == failed.run_id
    assert letter["reason"].startswith("TargetUnavailableError")
    assert letter["deliveries"] == 5
    assert f"sluice deadletter replay {letter['letter_id']}" in failed.failure.message
    swept.configure("stranded")
    replayed = swept.sluice("deadletter", "replay", letter["letter_id"])

    assert replayed.returncode == 0, replayed.stderr
    run = swept.await_run("stranded", lambda r: r.state is RunState.COMMITTED)
    assert (run.run_id, run.failure) == (failed.run_id, None)
    assert swept.target("SELECT count(*) FROM stranded") == [(3,)]
    assert letters(swept, "stranded") == []
    again = swept.sluice("deadletter", "replay", letter["letter_id"])
    assert again.returncode == 1
    assert "open dead letters begin with" in again.stderr
    assert len(swept.runs("stranded")) == 1


def test_dropped_dead_letter_leaves_its_run_failed_and_its_objects_to_the_sweep(
    swept: Swept,
) -> None:
    run = strand(swept, "forsaken")
    unit = swept.put("staging", naming.unit_object("forsaken", run.run_id, "0"))
    (letter,) = letters(swept, "forsaken")
    assert letter.letter_id in swept.sluice("deadletter", "list").stdout

    swept.sweep()
    assert swept.names("staging", "units/forsaken/") == [unit]  # a replay would need it
    dropped = swept.sluice("deadletter", "drop", letter.letter_id)
    report = swept.sweep()

    assert dropped.returncode == 0, dropped.stderr
    assert letters(swept, "forsaken") == []
    assert swept.services.ledger.find("forsaken", run.run_id) == run
    assert swept.names("staging", "units/forsaken/") == [], report


def dead(topic: str, published_at: datetime, **attributes: str) -> dict[str, str]:
    """Return the attributes under which Pub/Sub forwards a dead message of a topic."""
    about = "CloudPubSubDeadLetterSource"
    return {
        f"{about}Subscription": f"sluice-local-{topic}",
        f"{about}SubscriptionProject": "sluice-local",
        f"{about}TopicPublishTime": published_at.isoformat(),
        f"{about}DeliveryCount": "5",
        **attributes,
    }


def test_message_that_died_twice_is_one_letter_and_late_copies_change_nothing(
    swept: Swept,
) -> None:
    table = swept.source_table("twice")
    run = swept.record(table, failure=Failure(error="TargetUnavailableError", message="gone"))
    request = ExtractRequest(table=table, run_id=run.run_id, published_at=run.created_at)
    attributes = dead("extract", run.created_at)

    for _ in range(2):
        assert swept.push("sweep", request.encode(), attributes=attributes) == 204

    assert swept.runs(table)[0].state is RunState.FAILED
    (letter,) = letters(swept, table)
    replay(letter, swept.services)
    swept.await_run(table, lambda r: r.state is RunState.COMMITTED)
    assert swept.push("sweep", request.encode(), attributes=attributes) == 204
    assert letters(swept, table) == []
    assert swept.runs(table)[0].state is RunState.COMMITTED


def test_run_that_died_without_a_word_is_failed_once_it_is_quiet(swept: Swept) -> None:
    table = swept.source_table("speechless")
    run = swept.record(table, state=RunState.EXTRACTING)
    request = ExtractRequest(table=table, run_id=run.run_id, published_at=run.created_at)

    swept.push("sweep", request.encode(), attributes=dead("extract", run.created_at))
    assert swept.runs(table) == [run]
    swept.sweep()

    failed = swept.runs(table)[0]
    assert failed.state is RunState.FAILED
    assert failed.failure is not None
    assert failed.failure.error == "DeadLetterError"


def test_letter_of_a_run_that_goes_on_and_ends_well_is_settled(swept: Swept) -> None:
    table = swept.source_table("overtaken")
    live = Lease(attempt="alive", expires_at=datetime.now(UTC) + timedelta(hours=1))
    run = swept.record(table, state=RunState.LOADING, lease=live)
    request = ExtractRequest(table=table, run_id=run.run_id, published_at=run.created_at)

    swept.push("sweep", request.encode(), attributes=dead("extract", run.created_at))
    swept.sweep()
    assert swept.runs(table) == [run]
    assert len(letters(swept, table)) == 1
    end = datetime.now(UTC)
    swept.services.ledger.change(table, run.run_id, lambda r: r.to(RunState.COMMITTED, end))
    swept.sweep()

    assert letters(swept, table) == []


def test_dead_event_of_a_file_is_published_again_as_it_was(swept: Swept) -> None:
    swept.configure("muffled", csv={}, sync_mode="append")
    swept.order("gcs", {"kind": "drop_notification", "path_regex": "muffled"})
    generation = swept.upload("muffled/one.csv", ROWS)
    bucket = swept.services.settings.bucket("landing")
    event = IngestRequest(bucket=bucket, name="muffled/one.csv", generation=generation)
    attributes = dead("ingest", datetime.now(UTC), **event.attributes())

    assert swept.push("sweep", b"", attributes=attributes) == 204
    (letter,) = letters(swept, "muffled")
    assert swept.sweep().announced.count == 0  # it waits for people
    assert swept.runs("muffled") == []
    replay(letter, swept.services)

    run = swept.await_run("muffled", lambda r: r.is_terminal)
    assert run.state is RunState.COMMITTED
    assert swept.sweep().announced.count == 0


def test_letter_that_names_nothing_is_listed_all_the_same(swept: Swept) -> None:
    attributes = dead("load", datetime.now(UTC))

    assert swept.push("sweep", b"no JSON", attributes=attributes) == 204

    (letter,) = letters(swept, "")
    assert replay(letter, swept.services) is LetterState.REPLAYED


def test_sweep_can_be_asked_for_and_looked_at(swept: Swept) -> None:
    asked = swept.sluice("sweep", "--now")

    assert asked.returncode == 0, asked.stderr
    assert "open run" in asked.stdout
    assert "stale tables" in asked.stdout
