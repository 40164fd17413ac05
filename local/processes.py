"""Which processes belong to a local cloud, noted in its state directory while they run.

A supervisor that is killed ends nothing. Whoever stops or starts the cloud next finds here what it
left, and ends it; PostgreSQL's own guard ends that server.
"""

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

NOTE = "processes.json"
STOP_TIMEOUT_S = 5.0
CLOCK_STEP_S = 1.0
"""Linux tells when a process began only to the second in which the machine did."""


def note(state_dir: Path, supervisor: int, services: Iterable[int]) -> None:
    """Write down the processes of a cloud."""
    partial = state_dir / f"{NOTE}.partial"
    partial.write_text(json.dumps({"supervisor": supervisor, "services": list(services)}))
    partial.rename(state_dir / NOTE)


def forget(state_dir: Path) -> None:
    """Take the note away: nothing runs any more."""
    (state_dir / NOTE).unlink(missing_ok=True)


def noted(pid: int, file: Path) -> psutil.Process | None:
    """Return the process that a file names, unless it ended and another has its id by now."""
    try:
        process = psutil.Process(pid)
        is_zombie = process.status() == psutil.STATUS_ZOMBIE
        is_older = process.create_time() <= file.stat().st_mtime + CLOCK_STEP_S
    except (psutil.Error, FileNotFoundError):
        return None
    return process if is_older and not is_zombie else None


def left(state_dir: Path) -> list[psutil.Process]:
    """Return the processes of a cloud whose supervisor is gone."""
    file = state_dir / NOTE
    try:
        found = json.loads(file.read_text())
    except FileNotFoundError:
        return []
    if noted(found["supervisor"], file):
        return []
    return [process for pid in found["services"] if (process := noted(pid, file))]


def end_left(state_dir: Path) -> int:
    """End the processes of a cloud whose supervisor is gone; return how many services there were.

    Each gets some time to end by itself.
    """
    found = left(state_dir)
    family = [*found]
    for process in found:
        with suppress(psutil.NoSuchProcess):
            family += process.children(recursive=True)
            process.terminate()
    _, alive = psutil.wait_procs(family, STOP_TIMEOUT_S)
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, STOP_TIMEOUT_S)
    return len(found)
