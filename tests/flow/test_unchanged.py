"""Scheduled runs that end without reading, and everything that makes them read all the same."""

import itertools

import pytest

from shared.core.runs import Run, RunState
from shared.targets.postgres import bookkeeping
from tests.flow.cloud import Cloud

HOURLY = {"schedule": "hourly"}
MERGED = {**HOURLY, "sync_mode": "incremental", "incremental_column": "at"}

TABLES = (
    *("idle_full", "idle_incremental", "busy_inserted", "busy_updated", "busy_deleted", "replaced"),
    *("asked", "moved", "dropped", "waiting", "not_waiting", "viewed", "upgraded"),
)

slots = itertools.count()


def next_slot(cloud: Cloud, table: str) -> Run:
    """Do the run of a slot that had none."""
    return cloud.slot(table, next(slots))


def settle(cloud: Cloud, table: str) -> Run:
    """Do slots until one is skipped: a change that is only moments old proves nothing."""

    def skipped() -> Run | None:
        run = next_slot(cloud, table)
        assert run.state in (RunState.COMMITTED, RunState.SKIPPED), run
        return run if run.state is RunState.SKIPPED else None

    found = cloud.await_value(skipped, f"no slot of {table} was skipped")
    assert isinstance(found, Run)
    return found


def make(cloud: Cloud, name: str) -> None:
    """Make a table of two rows at the source."""
    columns = "ID NUMBER(9,0), NAME VARCHAR, AT TIMESTAMP_NTZ(6), PRIMARY KEY (ID)"
    cloud.source(f"CREATE TABLE {{db}}.{name.upper()} ({columns})")
    cloud.source(
        f"INSERT INTO {{db}}.{name.upper()} VALUES (1, 'a', '2024-01-01'), (2, 'b', '2024-01-02')"
    )


@pytest.fixture(scope="module", autouse=True)
def tables(cloud: Cloud) -> None:
    """Make all tables first: each change needs moments to settle."""
    for name in TABLES:
        make(cloud, name)
    cloud.source("INSERT INTO {db}.WAITING VALUES (3, 'c', '2199-01-01')")
    cloud.source("CREATE VIEW {db}.A_VIEW AS SELECT * FROM {db}.VIEWED")


@pytest.mark.parametrize("mode", ["full", "incremental"])
def test_slot_of_an_unchanged_table_is_skipped_with_the_run_that_read_it(
    cloud: Cloud, mode: str
) -> None:
    name = f"idle_{mode}"
    cloud.configure(name, **(HOURLY if mode == "full" else MERGED))

    run = settle(cloud, name)

    reader = [r for r in cloud.runs(name) if r.state is RunState.COMMITTED][-1]
    assert run.reason == f"the source has not changed since run {reader.run_id} (verified)"
    assert run.receipt is None
    state = cloud.target(f"SELECT run_id FROM _sluice.state WHERE table_name = '{name}'")
    assert state == [(reader.run_id,)]


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("inserted", "INSERT INTO {table} VALUES (3, 'c', '2024-01-03')"),
        ("updated", "UPDATE {table} SET NAME = 'B' WHERE ID = 2"),
        ("deleted", "DELETE FROM {table} WHERE ID = 2"),
    ],
)
def test_change_at_the_source_is_read_by_the_next_slot(
    cloud: Cloud, what: str, change: str
) -> None:
    name = f"busy_{what}"
    cloud.configure(name, **HOURLY)
    settle(cloud, name)
    cloud.source(change.replace("{table}", f"{{db}}.{name.upper()}"))

    run = next_slot(cloud, name)

    assert run.state is RunState.COMMITTED, run
    at_source = cloud.source(f"SELECT ID, NAME FROM {{db}}.{name.upper()} ORDER BY ID")
    assert cloud.target(f"SELECT id, name FROM {name} ORDER BY id") == at_source


def test_table_that_took_the_name_of_another_is_read(cloud: Cloud) -> None:
    cloud.configure("replaced", **HOURLY)
    settle(cloud, "replaced")
    cloud.source("DROP TABLE {db}.REPLACED")
    make(cloud, "replaced")

    assert next_slot(cloud, "replaced").state is RunState.COMMITTED


def test_run_that_somebody_asks_for_always_reads(cloud: Cloud) -> None:
    cloud.configure("asked", **HOURLY)
    settle(cloud, "asked")

    run = cloud.run("asked")

    assert run.state is RunState.COMMITTED
    assert run.receipt is not None
    assert run.receipt.rows_source == 2


def test_new_configuration_is_read_for_once(cloud: Cloud) -> None:
    cloud.configure("moved", **HOURLY)
    settle(cloud, "moved")
    cloud.configure("moved", postgres={"table": "moved_elsewhere"}, **HOURLY)

    assert next_slot(cloud, "moved").state is RunState.COMMITTED
    assert cloud.target("SELECT count(*) FROM moved_elsewhere") == [(2,)]
    assert next_slot(cloud, "moved").state is RunState.SKIPPED


def test_target_that_somebody_dropped_is_filled_again(cloud: Cloud) -> None:
    cloud.configure("dropped", **HOURLY)
    settle(cloud, "dropped")
    cloud.target("DROP TABLE dropped")

    assert next_slot(cloud, "dropped").state is RunState.COMMITTED
    assert cloud.target("SELECT count(*) FROM dropped") == [(2,)]


def test_rows_ahead_of_the_window_keep_a_table_from_being_skipped(cloud: Cloud) -> None:
    cloud.configure("waiting", **MERGED)
    cloud.configure("not_waiting", **MERGED)
    settle(cloud, "not_waiting")

    states = [next_slot(cloud, "waiting").state for _ in range(2)]

    assert states == [RunState.COMMITTED, RunState.COMMITTED]
    last = cloud.runs("waiting")[-1]
    assert last.receipt is not None
    assert last.receipt.notes == (
        f"1 rows lie ahead: their incremental_column is beyond {last.receipt.high}",
    )


def test_view_is_always_read_since_it_may_change_without_a_commit(cloud: Cloud) -> None:
    cloud.configure("a_view", primary_key=["id"], **HOURLY)
    cloud.configure("viewed", **HOURLY)
    settle(cloud, "viewed")

    states = [next_slot(cloud, "a_view").state for _ in range(2)]

    assert states == [RunState.COMMITTED, RunState.COMMITTED]


def test_bookkeeping_of_an_older_release_is_completed(cloud: Cloud) -> None:
    cloud.configure("upgraded", **HOURLY)
    next_slot(cloud, "upgraded")
    cloud.target("DROP TABLE _sluice.versions")
    cloud.target("ALTER TABLE _sluice.state DROP COLUMN change_token")

    assert next_slot(cloud, "upgraded").state is RunState.COMMITTED
    assert cloud.target("SELECT version FROM _sluice.versions") == [(bookkeeping.VERSION,)]
    assert settle(cloud, "upgraded").state is RunState.SKIPPED
