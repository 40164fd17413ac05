"""The cloud on a laptop as its user meets it: started, stopped, killed, deleted, one in another."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psutil
import pytest

from local import processes
from local.demo import place
from local.demo.__main__ import Demo
from local.state import delete
from local.supervisor import Background, command
from local.topology import PORTS_FILE
from shared.errors import InvalidConfigError
from tests.flow.command_line import TIMEOUT_S, sluice
from tests.flow.conftest import write_config
from tests.flow.test_deploying import jobs

OWN = """\
name: own
snowflake: {database: PROD_DB, schema: PUBLIC, table: OWN}
postgres: {table: own}
schedule: hourly
"""


@pytest.mark.timeout(180)
def test_deleting_a_cloud_leaves_the_one_in_a_folder_of_its_own(tmp_path: Path) -> None:
    outer, inner = tmp_path / "state", tmp_path / "state" / "demo"
    config = write_config(tmp_path)
    within = Background.start(inner, config, "local")
    try:
        nothing = sluice(outer, "local", "down", "--delete")
        Background.start(outer, config, "local").stop()
        stopped = sluice(outer, "runs")

        deleted = sluice(outer, "local", "down", "--delete")

        status = sluice(inner, "local", "status", "--json")
    finally:
        within.stop()
    assert nothing.stdout.splitlines() == [f"no local cloud is up in {outer}", "nothing to delete"]
    assert stopped.stderr.startswith(f"the local cloud in {outer} is stopped; `sluice local up")
    assert f"its data in {outer} is deleted\n" in deleted.stdout
    assert "not its own, and kept: demo\n" in deleted.stdout
    assert [path.name for path in outer.iterdir()] == ["demo"]
    assert status.returncode == 0, status.stdout


@pytest.mark.timeout(240)
def test_services_of_a_killed_supervisor_are_ended_by_down_and_by_up(tmp_path: Path) -> None:
    config, state = write_config(tmp_path), tmp_path / "state"
    first = killed(Background.start(state, config, "local"))
    status = sluice(state, "local", "status")
    runs = sluice(state, "runs")

    down = sluice(state, "local", "down")

    assert [pid for pid in first if psutil.pid_exists(pid)] == []
    second = killed(Background.start(state, config, "local"))

    again = sluice(state, "local", "up", "--detach", "--config", str(config))

    up = json.loads(sluice(state, "local", "status", "--json").stdout)
    sluice(state, "local", "down")
    assert (status.returncode, runs.returncode) == (1, 1)
    assert f"was killed; {len(first)} of its services still run" in status.stdout
    assert "was killed; `sluice local up --detach`" in runs.stderr
    assert f"ended {len(first)} services" in down.stdout
    assert f"ended {len(second)} services" in again.stdout, again
    assert up["up"]
    assert not {row["pid"] for row in up["services"].values()} & set(second)


def test_second_supervisor_of_a_folder_is_refused_while_the_first_one_starts(
    tmp_path: Path,
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    noted = state / PORTS_FILE
    with processes.sole(state):
        detached = sluice(state, "local", "up", "--detach")
        ran = subprocess.run(
            command(state, Path("config"), "local"), capture_output=True, text=True, check=False
        )

    for each in (detached, ran):
        assert each.returncode == 1
        assert f"another process runs, starts or stops a local cloud in {state}" in each.stderr
    assert not noted.exists()
    with processes.sole(state):
        pass  # it is free again


def test_what_cannot_be_deleted_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "logs").mkdir()

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", path.name)

    monkeypatch.setattr(shutil, "rmtree", refuse)

    with pytest.raises(InvalidConfigError, match=f"{tmp_path}/logs cannot be deleted: Permission"):
        delete(tmp_path)


def test_process_that_has_the_id_of_a_service_by_now_is_left_alone(tmp_path: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    noted = {"supervisor": {"0": 1.0}, "services": {str(other.pid): 1.0}}
    (tmp_path / processes.NOTE).write_text(json.dumps(noted))

    down = sluice(tmp_path, "local", "down")

    is_alive = other.poll() is None
    other.kill()
    other.communicate()
    assert is_alive
    assert "no local cloud is up" in down.stdout


@pytest.mark.timeout(300)
def test_tables_beside_the_demos_and_what_an_up_cloud_lacks(tmp_path: Path) -> None:
    """One cloud for all of it, with the demo's table files and one table more."""
    config, state = tmp_path / "config", tmp_path / "state"
    shutil.copytree("config", config)
    more = config / "tables"
    more.mkdir()
    (more / "own.yaml").write_text(OWN)
    background = Background.start(state, config, "local")
    described = background.described
    try:
        with patch.dict(os.environ, described["env"]):
            demo = Demo(described, state, "postgres")
            while_told = jobs(background)
            demo.close()
        after = jobs(background)

        fresh = sluice(state, "run", "airlines")
        place.require_own(state)
        sluice(state, "local", "sql", "CREATE DATABASE PROD_DB")
        refused = told(state)
        (more / "other.yaml").write_text(
            OWN.replace("postgres", "sqlserver").replace("own", "other")
        )
        lacking = sluice(state, "local", "up", "--config", str(config))
        (more / "other.yaml").unlink()
        env = json.loads(sluice(state, "local", "env", "--json").stdout)
        said = (state / "supervisor.log").read_text()
    finally:
        background.stop()
    refused_down = told(state)
    gone = sluice(state, "runs", variables=described["env"])

    assert "own" in after
    assert set(while_told) == set(after) - {"own"}
    assert "Database 'NYC' does not exist or not authorized" in fresh.stderr + fresh.stdout
    for each in (refused, refused_down):
        assert each.returncode == 1
        assert "holds more than a demo's: database PROD_DB. Delete it by" in each.stderr
    assert lacking.returncode == 1
    assert "a table goes to SQL Server" in lacking.stderr
    assert env["SLUICE_API_ENDPOINT"] == described["api"]
    assert f"status page and API: {described['api']}/, with the key in {state}/api-key" in said
    assert described["api_key"] not in said
    assert f"{described['env']['STORAGE_EMULATOR_HOST']} is not up any more" in gone.stderr


def told(state: Path) -> "subprocess.CompletedProcess[str]":
    """Ask for the demo in a folder."""
    command = [sys.executable, "-m", "local.demo", "--state", str(state)]
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)


def killed(background: Background) -> list[int]:
    """Kill the supervisor, as for want of memory; return its services, but for PostgreSQL."""
    services: dict[str, Any] = background.described["services"]
    os.kill(background.pid, signal.SIGKILL)
    os.waitpid(background.pid, 0)
    return [each["pid"] for name, each in services.items() if name != "postgres"]
