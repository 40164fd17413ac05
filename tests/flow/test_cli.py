"""The command line against a running cloud, as a person uses it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from shared.core import traces
from tests.flow.cloud import Cloud
from tests.flow.command_line import sluice


@pytest.fixture(scope="module")
def berries(cloud: Cloud) -> str:
    """Return a table that can be moved."""
    cloud.source(
        "CREATE TABLE {db}.BERRIES (ID NUMBER(9,0) NOT NULL, NAME VARCHAR, PRICE NUMBER(10,2), "
        "PRIMARY KEY (ID))"
    )
    cloud.source("INSERT INTO {db}.BERRIES VALUES (1, 'goji', 1.5), (2, 'sloe', 2)")
    return cloud.configure("berries")


def test_run_waits_and_shows_the_receipt(cloud: Cloud, berries: str) -> None:
    result = cloud.sluice("run", berries, "--trace")

    assert result.returncode == 0, result.stderr
    assert "committed, verified" in result.stdout
    assert re.search(r"^trace [0-9a-f]{32}$", result.stdout, re.MULTILINE)
    assert re.search(r"^load +█+ +[\d.]+ s  committed$", result.stdout, re.MULTILINE)
    assert "at source" in result.stdout


def test_run_as_json_carries_the_receipt(cloud: Cloud, berries: str) -> None:
    result = cloud.sluice("run", berries, "--mode", "full", "--json")

    run = json.loads(result.stdout)
    assert result.returncode == 0, result.stderr
    assert run["state"] == "committed"
    assert run["receipt"]["rows_source"] == run["receipt"]["rows_loaded"] == 2
    assert run["receipt"]["adds_up"] is True
    assert run["receipt"]["verdict"] == "verified"


def test_run_without_waiting_names_the_run(cloud: Cloud, berries: str) -> None:
    result = cloud.sluice("run", berries, "--no-wait")

    run_id = result.stdout.strip()
    run = cloud.await_run(berries, lambda r: r.run_id == run_id and r.is_terminal)
    assert str(run.state) == "committed"


def test_failed_run_exits_one_and_says_why(cloud: Cloud) -> None:
    cloud.configure("phantom")

    result = cloud.sluice("run", "phantom")

    assert result.returncode == 1
    assert "SourceRefusedError" in result.stdout


def test_table_that_its_source_does_not_have_is_not_written(cloud: Cloud, tmp_path: Path) -> None:
    result = sluice(cloud.state_dir, "init", "--from", "TESTS.PUBLIC.PHANTOMS", folder=tmp_path)

    assert result.returncode == 1
    assert "nothing was written" in result.stderr
    assert "PHANTOMS" in result.stderr
    assert not list(tmp_path.rglob("*.yaml"))


def test_lines_of_a_run_carry_its_trace(cloud: Cloud, berries: str) -> None:
    run = cloud.run(berries)

    def lines() -> list[dict[str, Any]]:
        result = cloud.sluice("logs", run.run_id, "--json")
        found = [json.loads(line) for line in result.stdout.splitlines()]
        # The record is written before the line.
        return found if any(line.get("span") == "load" for line in found) else []

    found = cloud.await_value(lines, "no line of the end of the load")
    assert {line["step"] for line in found} >= {"extract", "load"}
    assert {line["logging.googleapis.com/trace"] for line in found} == {
        f"projects/sluice-local/traces/{traces.trace_id(run.run_id)}"
    }
    asked, loaded = (
        next(line for line in found if line.get("span") == step) for step in ("extract", "load")
    )
    assert loaded["parent_span"] == asked["logging.googleapis.com/spanId"]


def test_silence_is_told_from_a_misspelt_name(cloud: Cloud, berries: str) -> None:
    silent = cloud.sluice("logs", berries, "--since", "0s")
    misspelt = cloud.sluice("logs", "berrys")
    no_run = cloud.sluice("logs", "19990101")

    assert (silent.returncode, misspelt.returncode, no_run.returncode) == (0, 1, 1)
    assert f"no line about {berries} in the last 0s" in silent.stderr
    assert "no table 'berrys' is configured" in misspelt.stderr
    assert "no run has an id that begins with '19990101'" in no_run.stderr


def test_unknown_table_lists_the_known_ones(cloud: Cloud, berries: str) -> None:
    result = cloud.sluice("run", "berrys")

    assert result.returncode == 1
    assert berries in result.stderr
    assert "Traceback" not in result.stderr


def test_runs_lists_newest_first_and_limits(cloud: Cloud, berries: str) -> None:
    for _ in range(2):
        cloud.run(berries)

    result = cloud.sluice("runs", berries, "--json", "--limit", "2")

    runs = json.loads(result.stdout)
    assert len(runs) == 2
    assert runs[0]["created_at"] >= runs[1]["created_at"]


def test_table_without_runs_is_told_how_to_start_and_an_unknown_one_that_it_is_none(
    cloud: Cloud,
) -> None:
    cloud.configure("runless_files", csv={}, sync_mode="append")

    files = cloud.sluice("runs", "runless_files")
    unknown = cloud.sluice("runs", "nosuch")

    assert files.stdout == "no runs yet; a file dropped under runless_files/ starts one\n"
    assert unknown.returncode == 1
    assert "no table 'nosuch' is configured" in unknown.stderr
    assert "sluice runs -" in unknown.stderr


def test_metadata_shows_columns_types_keys_and_rows(cloud: Cloud, berries: str) -> None:
    cloud.sluice("run", berries)

    result = cloud.sluice("metadata", berries, "--json")

    facts = json.loads(result.stdout)
    assert facts["source"]["rows"] == facts["rows_target"] == 2
    assert facts["source"]["source_types"]["price"] == "NUMBER(10,2)"
    assert facts["source"]["schema"]["primary_key"] == ["id"]
    assert "berries" not in cloud.sluice("metadata", berries).stderr


def test_source_tables_are_made_and_read_with_sql(cloud: Cloud) -> None:
    made = cloud.sluice(
        "local",
        "sql",
        "CREATE TABLE TESTS.PUBLIC.HANDMADE (ID NUMBER(9,0), AT TIMESTAMP_NTZ);"
        "INSERT INTO TESTS.PUBLIC.HANDMADE VALUES (1, '2024-01-31 10:00:00'), (2, NULL);"
        "SELECT ID, AT, CURRENT_TIMESTAMP()::VARCHAR AS NOW FROM TESTS.PUBLIC.HANDMADE ORDER BY ID",
        "--json",
    )
    wrong = cloud.sluice("local", "sql", "SELECT * FROM TESTS.PUBLIC.NOWHERE")

    rows = json.loads(made.stdout.splitlines()[-1])
    assert [(row["ID"], row["AT"]) for row in rows] == [(1, "2024-01-31 10:00:00"), (2, None)]
    assert rows[0]["NOW"].endswith("Z") or "+0000" in rows[0]["NOW"]
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "NOWHERE" in wrong.stderr


def test_local_status_env_and_drop(cloud: Cloud, tmp_path: Path) -> None:
    cloud.configure("fallen", csv={}, sync_mode="append")
    file = tmp_path / "apples.csv"
    file.write_text("id\n1\n")

    status = cloud.sluice("local", "status", "--json")
    env = cloud.sluice("local", "env", "--json")
    dropped = cloud.sluice("local", "drop", str(file), "--as", "fallen/apples.csv")

    assert all(s["up"] for s in json.loads(status.stdout)["services"].values())
    variables = json.loads(env.stdout)
    assert variables["SLUICE_POSTGRES_URI"].startswith("postgresql://")
    assert variables["SLUICE_LANDING_BUCKET"]
    key = dropped.stdout.strip()
    run = cloud.await_run("fallen", lambda r: r.trigger_key == key and r.is_terminal)
    assert str(run.state) == "committed"


def test_scheduler_fires_what_falls_due_and_a_repeated_slot_is_one_run(cloud: Cloud) -> None:
    cloud.source("CREATE TABLE {db}.TIDES (ID NUMBER(9,0))")
    cloud.configure("tides", schedule="0 * * * *")
    settings = cloud.services.settings
    data = b'{"version": 1, "table": "tides"}'

    for _ in range(2):
        cloud.services.bus.publish(settings.topic("extract"), data)

    cloud.await_run("tides", lambda r: r.is_terminal)
    runs = cloud.runs("tides")
    assert len(runs) == 1
    assert str(runs[0].trigger) == "schedule"


def test_no_cloud_is_an_error_that_says_how_to_start_one(cloud: Cloud, tmp_path: Path) -> None:
    import os
    import subprocess
    import sys

    clean = {k: v for k, v in os.environ.items() if not k.startswith(("SLUICE_", "STORAGE_"))}

    result = subprocess.run(
        [sys.executable, "-c", "from shared.cli import main; main()", "runs"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=clean,
    )

    assert result.returncode == 1
    assert "sluice local up" in result.stderr
