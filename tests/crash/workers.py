"""One world in each worker process, and what is asked of it."""

import logging
import tempfile
from contextlib import ExitStack
from multiprocessing.util import Finalize
from pathlib import Path

from local.faultpoints.boards import Seen
from tests.crash.lab import Lab, opened
from tests.crash.lanes import find
from tests.crash.matrix import Case, Verdict

_lab: Lab
_open = ExitStack()


def begin() -> None:
    """Open a world in a worker process; it ends with the process."""
    global _lab  # noqa: PLW0603 - one world a process
    logging.getLogger("shared").addHandler(logging.NullHandler())
    logging.getLogger("shared").propagate = False
    folder = Path(_open.enter_context(tempfile.TemporaryDirectory(prefix="sluice-crash-")))
    folder.chmod(0o755)
    _lab = _open.enter_context(opened(folder))
    Finalize(None, _open.close, exitpriority=100)


def record(lane: str) -> list[Seen]:
    """Return the points of a lane."""
    return _lab.record(find(lane))


def play(task: list[Case]) -> list[Verdict]:
    """Play cases of one lane."""
    return list(_lab.play(task))
