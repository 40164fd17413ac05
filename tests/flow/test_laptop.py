"""The cloud on a laptop as its user meets it: started, stopped, killed, deleted, one in another."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest

from local.supervisor import Background
from tests.flow.command_line import sluice
from tests.flow.conftest import write_config


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


def killed(background: Background) -> list[int]:
    """Kill the supervisor, as for want of memory; return its services, but for PostgreSQL."""
    services: dict[str, Any] = background.described["services"]
    os.kill(background.pid, signal.SIGKILL)
    os.waitpid(background.pid, 0)
    return [each["pid"] for name, each in services.items() if name != "postgres"]
