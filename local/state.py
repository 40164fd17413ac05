"""Which local cloud a command means, and whether it is up."""

import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from local import processes
from local.supervisor import Background
from local.topology import API_KEY_FILE, PASSWORD_FILE, PORTS_FILE, Topology
from shared.cli import cloud
from shared.errors import InvalidConfigError

StateDir = Annotated[
    Path, typer.Option("--state", envvar="SLUICE_STATE", help="Folder of the local cloud.")
]

OWN = (
    *("postgres", "control", "gcs", "snowflake", "sqlserver", "bigquery", "logs"),
    *(PASSWORD_FILE, API_KEY_FILE, "supervisor.log"),
    *(cloud.STATE_FILE, "cloud.partial", processes.NOTE, f"{processes.NOTE}.partial"),
    PORTS_FILE,
)
"""What a cloud makes in its state directory. Whatever else is there is somebody else's: the state
directory of another cloud may lie in it, as the demo's does in the default one. The last tells
that there is a cloud."""


def find(state: Path) -> dict[str, Any] | None:
    """Return what a cloud that is up wrote about itself."""
    try:
        found = cloud.describe(state)
    except InvalidConfigError:
        return None
    return found if processes.supervisor(state) == found["pid"] else None


def require(state: Path) -> dict[str, Any]:
    """Return what a cloud that is up wrote about itself.

    Raises:
        InvalidConfigError: it is not up.
    """
    found = find(state)
    if not found:
        raise InvalidConfigError(f"no local cloud is up in {state}; `sluice local up --detach`")
    return found


def stop(state: Path) -> tuple[bool, int]:
    """Stop the cloud; return whether it was up, else how many services a killed one had left."""
    found = find(state)
    if found:
        Background(found["pid"], found).stop()
    return bool(found), processes.end_left(state)


def is_there(state: Path) -> bool:
    """Say whether a folder holds a cloud, up or not."""
    return (state / PORTS_FILE).exists()


def delete(state: Path) -> list[str]:
    """Stop the cloud if it is up, and delete all that is its own; return the names of the rest.

    Raises:
        InvalidConfigError: something cannot be deleted.
    """
    stop(state)
    if (state / PASSWORD_FILE).exists():
        Topology.plan(state.resolve()).postgres().destroy()
    for name in OWN:
        path = state / name
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        except OSError as exc:
            raise InvalidConfigError(
                f"{path} cannot be deleted: {exc.strerror}; delete it by other means, then "
                f"`sluice local down --delete --state {state}` deletes the rest"
            ) from exc
    rest = sorted(path.name for path in state.iterdir()) if state.exists() else []
    if not rest and state.exists():
        state.rmdir()
    return rest
