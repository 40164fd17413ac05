"""Which processes belong to a local cloud, noted in its state directory while they run.

A supervisor that is killed ends nothing. Whoever stops or starts the cloud next finds here what it
left, and ends it; PostgreSQL's own guard ends that server.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from shared.errors import InvalidConfigError

NOTE = "processes.json"
STOP_TIMEOUT_S = 5.0
CLOCK_STEP_S = 1.0
"""Linux tells when a process began only to the second in which the machine did."""


def note(state_dir: Path, services: Iterable[int]) -> None:
    """Write down the processes of a cloud whose supervisor this one is, each with its beginning."""
    partial = state_dir / f"{NOTE}.partial"
    began = {pid: at for pid in services if (at := _began(pid))}
    content = {"supervisor": {os.getpid(): _began(os.getpid())}, "services": began}
    partial.write_text(json.dumps(content))
    partial.rename(state_dir / NOTE)


def forget(state_dir: Path) -> None:
    """Take the note away: nothing runs any more."""
    (state_dir / NOTE).unlink(missing_ok=True)


@contextmanager
def sole(state_dir: Path) -> Iterator[None]:
    """Keep every other supervisor from a folder, which has to be there.

    Raises:
        InvalidConfigError: one has it.
    """
    descriptor = os.open(state_dir, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise InvalidConfigError(
                f"another process runs, starts or stops a local cloud in {state_dir}; "
                f"`sluice local status --state {state_dir}` shows it once it is up"
            ) from exc
        yield
    finally:
        os.close(descriptor)


def supervisor(state_dir: Path) -> int | None:
    """Return the process that runs the cloud in a folder; None: nothing does any more."""
    return next((each.pid for each in _alive(_noted(state_dir, "supervisor"))), None)


def left(state_dir: Path) -> list[psutil.Process]:
    """Return the processes of a cloud whose supervisor is gone."""
    return [] if supervisor(state_dir) else _alive(_noted(state_dir, "services"))


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


def _noted(state_dir: Path, part: str) -> dict[str, float]:
    try:
        found: dict[str, float] = json.loads((state_dir / NOTE).read_text())[part]
    except (FileNotFoundError, ValueError):  # none, or one that was not written to its end
        return {}
    return found


def _alive(noted: dict[str, float]) -> list[psutil.Process]:
    """Return those of the noted processes that run; another may have the id of one by now."""
    return [
        psutil.Process(int(pid))
        for pid, began in noted.items()
        if (found := _began(int(pid))) and abs(found - began) <= CLOCK_STEP_S
    ]


def _began(pid: int) -> float | None:
    """Return when a process began, in seconds since 1970; None: it ended, or is out of reach."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None
