"""Runs other people's programs and says clearly what went wrong with them."""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shared import settings
from shared.errors import DeploymentError

LAST_LINES = 25
"""So much of a program's output is repeated when it fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a program ended."""

    code: int
    output: str
    """What it wrote to its standard output."""


def find(program: str, install: str) -> Path:
    """Return where a program is.

    Raises:
        DeploymentError: it is not on the PATH; the message ends with how to get it.
    """
    found = shutil.which(program)
    if not found:
        raise DeploymentError(f"{program} is not on the PATH; {install}")
    return Path(found)


def run(
    command: tuple[str, ...],
    *,
    doing: str,
    folder: Path | None = None,
    env: Mapping[str, str] | None = None,
    accepted: tuple[int, ...] = (0,),
) -> Outcome:
    """Run a program to its end.

    Args:
        command: the program and its arguments.
        doing: what a person would call it, for the message.
        folder: where to run it.
        env: variables on top of this process's own.
        accepted: exit codes that are no failure.

    Raises:
        DeploymentError: another exit code; the message ends with the program's last lines.
    """
    done = subprocess.run(
        command,
        cwd=folder,
        env=settings.environment(env or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in accepted:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-LAST_LINES:]
        raise DeploymentError(
            f"{doing} failed with exit code {done.returncode}:\n" + "\n".join(said)
        )
    return Outcome(code=done.returncode, output=done.stdout)
