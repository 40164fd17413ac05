"""The command line as tests call it: a process for each command, without its second of imports.

A server has imported the libraries once and forks for each command (multiprocessing's forkserver).
The modules of the command line itself are imported in the fork: they read its environment.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

TIMEOUT_S = 60.0

LIBRARIES = [
    "google.cloud.pubsub_v1",
    "google.cloud.storage",
    "local.clients",
    "local.health",
    "shared.deploy.deployment",
    "shared.steps.repairs.sweeping",
    "shared.steps.rewinds",
    "shared.wiring",
    "typer.rich_utils",
]

_END = os.O_WRONLY | os.O_APPEND
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(LIBRARIES)


def sluice(
    state_dir: Path,
    *arguments: str,
    columns: int = 200,
    folder: Path | None = None,
    variables: Mapping[str, str] | None = None,
) -> "subprocess.CompletedProcess[str]":
    """Run the command line against the cloud in a folder, from another folder if need be."""
    others = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}
    environment = {**others, "SLUICE_STATE": str(state_dir), "COLUMNS": str(columns)}
    environment |= variables or {}
    with tempfile.NamedTemporaryFile() as out, tempfile.NamedTemporaryFile() as errors:
        process = _processes.Process(
            target=_main, args=(arguments, environment, out.name, errors.name, folder)
        )
        process.start()
        process.join(TIMEOUT_S)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(list(arguments), TIMEOUT_S, _text(out), _text(errors))
        return subprocess.CompletedProcess(
            list(arguments), process.exitcode, _text(out), _text(errors)
        )


def _main(
    arguments: tuple[str, ...],
    environment: dict[str, str],
    out: str,
    errors: str,
    folder: Path | None,
) -> None:
    """Be the command: nobody types, and what it says goes into files."""
    if folder:
        os.chdir(folder)
    for descriptor, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, out, _END),
        (2, errors, _END),
    ):
        os.dup2(os.open(path, flags), descriptor)
    sys.stdin = open(0)  # noqa: SIM115 - multiprocessing has closed the one before
    sys.argv = ["sluice", *arguments]
    os.environ.clear()
    os.environ.update(environment)

    from shared.cli import main

    main()


def _text(file: "IO[bytes]") -> str:
    file.seek(0)
    return file.read().decode()
