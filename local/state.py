"""Which local cloud a command means, and whether it is up."""

import shutil
from pathlib import Path
from typing import Annotated, Any

import psutil
import typer

from local.supervisor import Background
from local.topology import Topology
from shared.cli import cloud
from shared.errors import InvalidConfigError

StateDir = Annotated[
    Path, typer.Option("--state", envvar="SLUICE_STATE", help="Folder of the local cloud.")
]


def find(state: Path) -> dict[str, Any] | None:
    """Return what a cloud that is up wrote about itself."""
    try:
        found = cloud.describe(state)
    except InvalidConfigError:
        return None
    return found if psutil.pid_exists(found["pid"]) else None


def require(state: Path) -> dict[str, Any]:
    """Return what a cloud that is up wrote about itself.

    Raises:
        InvalidConfigError: it is not up.
    """
    found = find(state)
    if not found:
        raise InvalidConfigError(f"no local cloud is up in {state}; `sluice local up --detach`")
    return found


def delete(state: Path) -> None:
    """Stop the cloud if it is up, and delete all of its data."""
    found = find(state)
    if found:
        Background(found["pid"], found).stop()
    if (state / "postgres-password").exists():
        Topology.plan(state.resolve()).postgres().destroy()
    shutil.rmtree(state, ignore_errors=True)
