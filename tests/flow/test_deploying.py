"""Table files deployed to a cloud that is up, or starts again: what changed, and only that."""

import json
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from local.supervisor import Background
from tests.flow.command_line import TIMEOUT_S, sluice
from tests.flow.conftest import write_config

BILLS = """\
  - name: bills
    csv: {}
    postgres: {table: bills}
    sync_mode: append
"""
TIDES = """\
  - name: deployed_tides
    snowflake: {database: TESTS, schema: PUBLIC, table: DEPLOYED_TIDES}
    postgres: {table: deployed_tides}
    schedule: hourly
"""


@pytest.mark.timeout(180)
def test_deployment_changes_what_differs_and_nothing_else(tmp_path: Path) -> None:
    """One cloud of its own for all of it: the tables of the others' tests are not in its files."""
    config, state = write_config(tmp_path), tmp_path / "state"
    write(config, BILLS)
    background = Background.start(state, config, "local")
    try:
        frozen = dropped(state, tmp_path)
        background.stop()
        background = Background.start(state, config, "local")
        restarted = contract(state)

        write(config, BILLS.replace("{}", "{delimiter: ','}"), TIDES)
        deployed = sluice(state, "local", "up", "--detach")
        shown = sluice(state, "contract", "bills")
        jobs_before = jobs(background)

        write(config, BILLS)
        removed = sluice(state, "local", "up", "--detach")
        jobs_after = jobs(background)
        stray = sluice(state, "local", "drop", str(tmp_path / "1.csv"), "--as", "nobodys/1.csv")
    finally:
        background.stop()
    deleted = sluice(state, "local", "down", "--delete")

    assert restarted == frozen
    assert frozen["in_force"]
    assert "added: deployed_tides\nchanged: bills\n" in deployed.stdout, deployed.stderr
    assert "no longer in force" in shown.stdout
    assert jobs_before == ["deployed_tides", "sluice-sweep"]
    assert "removed: deployed_tides\n" in removed.stdout
    assert jobs_after == ["sluice-sweep"]
    assert "no table nobodys is configured here; known: bills" in stray.stderr
    assert deleted.returncode == 0
    assert not state.exists()


def write(config: Path, *tables: str) -> None:
    (config / "tables.yaml").write_text("".join(("tables:\n", *tables)))


def dropped(state: Path, folder: Path) -> Any:
    """Drop a file for the table; return the contract that it froze."""
    (folder / "1.csv").write_text("id;name\n1;a,b\n")
    done = sluice(state, "local", "drop", str(folder / "1.csv"), "--as", "bills/1.csv")
    assert (done.returncode, done.stderr) == (0, "")
    deadline_s = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline_s:
        found = sluice(state, "contract", "bills", "--json")
        if found.returncode == 0:
            return json.loads(found.stdout)
    raise AssertionError(found.stderr)


def contract(state: Path) -> Any:
    return json.loads(sluice(state, "contract", "bills", "--json").stdout)


def jobs(background: Background) -> list[str]:
    url = f"{background.described['control']}/jobs"
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as reply:
        return [job["name"] for job in json.loads(reply.read())]
