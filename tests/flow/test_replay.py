"""Replays: runs that failed or were set aside go on from where they were, and load once."""

import pytest

from shared.core.runs import Run, RunState
from tests.flow.cloud import Cloud


def replay(cloud: Cloud, run: Run) -> Run:
    done = cloud.sluice("replay", run.run_id)
    assert done.returncode == 0, done.stderr + done.stdout
    found = cloud.services.ledger.find(run.table, run.run_id)
    assert found is not None
    return found


def test_failed_load_is_replayed_from_its_parts_when_the_cause_is_gone(cloud: Cloud) -> None:
    cloud.source("CREATE TABLE {db}.REPLAYED_LOAD (ID NUMBER(9,0), NAME VARCHAR)")
    cloud.source("INSERT INTO {db}.REPLAYED_LOAD VALUES (1, 'one')")
    cloud.target(
        "CREATE TABLE replayed_load (id integer, name text CONSTRAINT no_one CHECK (name <> 'one'))"
    )
    cloud.configure("replayed_load")
    failed = cloud.run("replayed_load")
    assert failed.state is RunState.FAILED

    cloud.target("ALTER TABLE replayed_load DROP CONSTRAINT no_one")
    cloud.source("DELETE FROM {db}.REPLAYED_LOAD")
    ended = replay(cloud, failed)

    assert ended.state is RunState.COMMITTED
    assert cloud.target("SELECT * FROM replayed_load") == [(1, "one")]


def test_replay_into_a_table_that_was_dropped_says_how_to_read_all_of_it(cloud: Cloud) -> None:
    name = "replayed_dropped"
    cloud.source(f"CREATE TABLE {{db}}.{name.upper()} (ID NUMBER(9,0), PRIMARY KEY (ID))")
    cloud.source(f"INSERT INTO {{db}}.{name.upper()} VALUES (1)")
    cloud.configure(name, sync_mode="incremental", incremental_column="id")
    assert cloud.run(name).state is RunState.COMMITTED
    cloud.target(f"ALTER TABLE {name} ADD CONSTRAINT no_two CHECK (id <> 2)")
    cloud.source(f"INSERT INTO {{db}}.{name.upper()} VALUES (2)")
    failed = cloud.run(name)

    cloud.target(f"DROP TABLE {name}")
    done = cloud.sluice("replay", failed.run_id)

    assert done.returncode == 1
    assert f"sluice run {name} --mode full" in done.stdout + done.stderr
    ended = cloud.services.ledger.find(name, failed.run_id)
    assert ended is not None
    assert ended.state is RunState.FAILED
    assert cloud.sluice("run", name, "--mode", "full").returncode == 0
    assert cloud.target(f"SELECT id FROM {name} ORDER BY id") == [(1,), (2,)]


def test_quarantined_file_is_replayed_when_its_rules_are_mended(cloud: Cloud) -> None:
    columns = {"id": "int64", "amount": "int64"}
    cloud.configure("replayed_file", sync_mode="append", csv={"columns": columns})
    refused = cloud.drop("replayed_file/f.csv", b"id,amount\n1,0.5\n2,1.5\n")
    assert refused.state is RunState.QUARANTINED

    columns["amount"] = "decimal(9,1)"
    cloud.configure("replayed_file", sync_mode="append", csv={"columns": columns})
    ended = replay(cloud, refused)

    assert ended.state is RunState.COMMITTED
    assert cloud.target("SELECT id, amount::text FROM replayed_file ORDER BY id") == [
        (1, "0.5"),
        (2, "1.5"),
    ]


@pytest.mark.parametrize("times", [1, 2])
def test_committed_run_is_not_replayed_but_pointed_to_a_rewind(cloud: Cloud, times: int) -> None:
    table = f"replayed_well_{times}"
    cloud.source(f"CREATE TABLE {{db}}.{table.upper()} (ID NUMBER(9,0))")
    cloud.configure(table)
    run = cloud.run(table)

    done = [cloud.sluice("replay", run.run_id) for _ in range(times)][-1]

    assert done.returncode == 1
    assert f"sluice rewind {table} --to {run.run_id}" in done.stderr
    assert cloud.services.ledger.find(table, run.run_id) == run
