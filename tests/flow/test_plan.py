"""``sluice plan``: what a run would do, without doing it."""

import json
from typing import Any

from shared.core.runs import RunState
from tests.flow.cloud import Cloud


def plan(cloud: Cloud, *arguments: str) -> Any:
    done = cloud.sluice("plan", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def make(cloud: Cloud, name: str) -> None:
    columns = "ID NUMBER(9,0), AT TIMESTAMP_NTZ(6), PRIMARY KEY (ID)"
    cloud.source(f"CREATE TABLE {{db}}.{name.upper()} ({columns})")
    cloud.source(
        f"INSERT INTO {{db}}.{name.upper()} VALUES (1, SYSDATE()), (2, SYSDATE()), (3, NULL), "
        "(4, DATEADD(DAY, 1, SYSDATE()))"
    )


def test_plan_counts_rows_that_wait_and_rows_without_a_cursor(cloud: Cloud) -> None:
    make(cloud, "planned")
    cloud.configure("planned", sync_mode="incremental", incremental_column="at", null_cursor="skip")

    found = plan(cloud, "planned")

    assert found["rows_source"] == 2
    assert found["rows_target"] is None
    assert found["notes"][0] == "1 rows were left out: NULL in the incremental_column"
    assert found["notes"][1].startswith("1 rows lie ahead")
    assert cloud.runs("planned") == []


def test_plan_tells_what_the_next_run_does(cloud: Cloud) -> None:
    make(cloud, "planned_twice")
    cloud.configure(
        "planned_twice", sync_mode="incremental", incremental_column="at", null_cursor="include"
    )
    assert cloud.run("planned_twice").state is RunState.COMMITTED
    cloud.source("INSERT INTO {db}.PLANNED_TWICE VALUES (5, SYSDATE())")

    found, whole = plan(cloud, "planned_twice"), plan(cloud, "planned_twice", "--mode", "full")
    run = cloud.run("planned_twice")

    assert run.receipt is not None
    assert found["rows_source"] == run.receipt.rows_source
    assert found["rows_target"] == 3
    assert (whole["mode"], whole["rows_source"]) == ("full", 5)


def test_plan_says_that_the_guard_will_stop_a_run_of_an_emptied_source(cloud: Cloud) -> None:
    make(cloud, "planned_empty")
    cloud.configure("planned_empty", sync_mode="full")
    assert cloud.run("planned_empty").state is RunState.COMMITTED
    before = plan(cloud, "planned_empty")
    cloud.source("DELETE FROM {db}.PLANNED_EMPTY")

    found, said = plan(cloud, "planned_empty"), cloud.sluice("plan", "planned_empty").stdout
    run = cloud.run("planned_empty")

    assert (before["guard"], found["rows_source"]) == ("", 0)
    assert "sluice run planned_empty --allow-empty" in said
    assert run.failure is not None
    assert f"the guard allows {found['guard']}." in run.failure.message


def test_plan_reads_well(cloud: Cloud) -> None:
    make(cloud, "planned_text")
    cloud.configure("planned_text", sync_mode="full")

    done = cloud.sluice("plan", "planned_text")

    assert done.returncode == 0, done.stderr
    assert "rows to read   4" in done.stdout
    assert "in the target  not there yet" in done.stdout
