"""Starts a local cloud, keeps it running, and takes it down: the platform's part on a laptop.

Run as ``python -m local.supervisor --state DIR --config DIR --env NAME``. It owns every process;
one that dies is started again, as the cloud would do. Once all of it serves, ``cloud.json`` appears
in the state directory; it disappears when the cloud is down.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psutil

from local import deployment, processes
from local.provision import provision
from local.topology import API_KEY_FILE, Process, Topology
from shared.cli.cloud import STATE_FILE
from shared.errors import InvalidConfigError, SluiceError

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 5.0
DOWN_TIMEOUT_S = 30.0
WATCH_S = 0.5
POLL_S = 0.03


class Supervisor:
    """All processes of one local cloud."""

    def __init__(self, topology: Topology, config_dir: Path, environment: str) -> None:
        self._topology = topology
        self._config = {"folder": str(config_dir.resolve()), "environment": environment}
        self._logs = topology.state_dir / "logs"
        self._logs.mkdir(exist_ok=True)
        self._running: dict[str, tuple[Process, subprocess.Popen[bytes]]] = {}
        self._postgres = topology.postgres()

    def start(self) -> dict[str, Any]:
        """Start everything and provision it; return what ``cloud.json`` says.

        Raises:
            InvalidConfigError: a process did not come up, or the table files are wrong.
        """
        emulators = list(self._topology.processes())
        for process in emulators:
            self._launch(process)
        self._postgres.start()
        for process in emulators:
            self._await(process)
        functions = list(self._topology.functions())
        for process in functions:
            self._launch(process)
        provision(self._topology, Path(self._config["folder"]), self._config["environment"])
        for process in functions:
            self._await(process)
        return self._describe()

    def watch(self, changed: Callable[[dict[str, Any]], None]) -> None:
        """Start again what dies, for ever, and tell how the cloud looks then."""
        while True:
            time.sleep(WATCH_S)
            before = self._describe()["services"]
            for process, child in list(self._running.values()):
                if child.poll() is not None:
                    _say(f"{process.name} ended with {child.returncode}, starting it again")
                    self._launch(process)
            if not self._postgres.is_running():
                _say("postgres ended, starting it again")
                self._postgres.start()
            described = self._describe()
            if described["services"] != before:
                changed(described)

    def close(self) -> None:
        """End every process, functions first."""
        children = [child for _, child in reversed(self._running.values())]
        for child in children:
            child.terminate()
        for child in children:
            try:
                child.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self._postgres.stop()
        processes.forget(self._topology.state_dir)

    def _launch(self, process: Process) -> None:
        with (self._logs / f"{process.name}.log").open("ab") as log:
            child = subprocess.Popen(
                process.command,
                env={**os.environ, **process.env},
                cwd=process.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._running[process.name] = (process, child)
        pids = (child.pid for _, child in self._running.values())
        processes.note(self._topology.state_dir, pids)

    def _await(self, process: Process) -> None:
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while not _serves(process):
            _, child = self._running[process.name]
            if child.poll() is not None or time.monotonic() > deadline_s:
                raise InvalidConfigError(
                    f"{process.name} did not start; its log is {self._logs / process.name}.log"
                )
            time.sleep(POLL_S)

    def _describe(self) -> dict[str, Any]:
        topology = self._topology
        services = {
            name: {
                "pid": child.pid,
                "port": process.port,
                "health": process.health,
                "log": f"{self._logs / name}.log",
            }
            for name, (process, child) in self._running.items()
        }
        services["postgres"] = {
            "pid": self._postgres.pid,
            "port": topology.ports.postgres,
            "log": str(self._postgres.log_path),
        }
        return {
            "pid": os.getpid(),
            "state_dir": str(topology.state_dir),
            "config": self._config,
            "env": topology.env,
            "postgres_uri": self._postgres.uri,
            "control": f"http://127.0.0.1:{topology.ports.control}",
            "snowflake": f"http://127.0.0.1:{topology.ports.snowflake}",
            "api": f"http://127.0.0.1:{topology.ports.api}",
            "api_key": topology.api_key,
            **({"sqlserver": topology.ports.sqlserver} if topology.has_sqlserver else {}),
            **({"bigquery": topology.ports.bigquery} if topology.has_bigquery else {}),
            "services": services,
        }


def run(
    state_dir: Path, config_dir: Path, environment: str, functions_dir: Path | None = None
) -> None:
    """Run a local cloud until this process is told to end.

    Raises:
        InvalidConfigError: it does not come up, or another process runs one in the folder.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    with processes.sole(state_dir):
        _run(state_dir, config_dir, environment, functions_dir)


def _run(state_dir: Path, config_dir: Path, environment: str, functions_dir: Path | None) -> None:
    if ended := processes.end_left(state_dir):
        _say(f"ended {ended} processes that a killed supervisor had left")
    topology = Topology.plan(
        state_dir.resolve(),
        functions_dir and functions_dir.resolve(),
        has_sqlserver=deployment.needs("sqlserver", config_dir, environment),
        has_bigquery=deployment.needs("bigquery", config_dir, environment),
    )
    supervisor = Supervisor(topology, config_dir, environment)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    path = topology.state_dir / STATE_FILE
    try:
        described = supervisor.start()
        _write(path, described)
        for line in (*welcome(described), "Ctrl-C stops it; its data stays"):
            _say(line)
        supervisor.watch(lambda changed: _write(path, changed))
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        path.unlink(missing_ok=True)
        supervisor.close()


def welcome(described: dict[str, Any]) -> tuple[str, ...]:
    """Return what to say of a cloud that has come up; without the key, for it may go to a log."""
    state_dir = Path(described["state_dir"])
    return (
        f"the local cloud is up; its folder is {state_dir}",
        f"status page and API: {described['api']}/, with the key in {state_dir / API_KEY_FILE}",
    )


def _end(*_: object) -> None:
    raise SystemExit(0)


@dataclass(frozen=True, slots=True)
class Background:
    """A local cloud whose supervisor runs in a process of its own, and outlives this one."""

    pid: int
    described: dict[str, Any]

    @classmethod
    def start(
        cls,
        state_dir: Path,
        config_dir: Path,
        environment: str,
        functions_dir: Path | None = None,
    ) -> Self:
        """Start a supervisor and wait until its cloud serves.

        Raises:
            InvalidConfigError: it did not come up; the message ends with its last words.
        """
        state_dir.mkdir(parents=True, exist_ok=True)
        with processes.sole(state_dir):
            (state_dir / STATE_FILE).unlink(missing_ok=True)
        log = state_dir / "supervisor.log"
        with log.open("wb") as output:
            child = subprocess.Popen(
                command(state_dir, config_dir, environment, functions_dir),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        path = state_dir / STATE_FILE
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while not path.exists():
            if child.poll() is not None or time.monotonic() > deadline_s:
                child.terminate()
                last_words = log.read_text().strip() or f"no end of it after {START_TIMEOUT_S:g} s"
                raise InvalidConfigError(f"the local cloud did not start: {last_words}")
            time.sleep(POLL_S)
        return cls(child.pid, json.loads(path.read_text()))

    def stop(self) -> None:
        """Stop the cloud and wait until it is down.

        Raises:
            InvalidConfigError: it does not stop.
        """
        try:
            supervisor = psutil.Process(self.pid)
            supervisor.send_signal(signal.SIGTERM)
            supervisor.wait(DOWN_TIMEOUT_S)
        except psutil.NoSuchProcess:
            return
        except psutil.TimeoutExpired as exc:
            raise InvalidConfigError(f"process {self.pid} does not stop; kill it") from exc


def command(
    state_dir: Path, config_dir: Path, environment: str, functions_dir: Path | None = None
) -> list[str]:
    """Return the command that runs a supervisor in the foreground."""
    return [
        *(sys.executable, "-m", "local.supervisor", "--state", str(state_dir)),
        *("--config", str(config_dir), "--env", environment),
        *(("--functions", str(functions_dir)) if functions_dir else ()),
    ]


def _write(path: Path, described: dict[str, Any]) -> None:
    """Write the file in one go, readable by its owner alone: it holds the database's password."""
    partial = path.with_suffix(".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(described, file, indent=2)
    partial.rename(path)


def _serves(process: Process) -> bool:
    url = f"http://127.0.0.1:{process.port}{process.health or '/'}"
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError as exc:
        # A function answers any request; only a named health path must answer well.
        exc.close()
        return process.health is None
    except OSError:
        return False


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main(arguments: Iterable[str] | None = None) -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m local.supervisor", description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--env", default="local")
    parser.add_argument("--functions", type=Path, help="folder of unpacked archives")
    given = parser.parse_args(list(arguments) if arguments is not None else None)
    # Provisioning loads gRPC, whose fork handlers can end a child that is started later.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")
    try:
        run(given.state, given.config, given.env, given.functions)
    except SluiceError as exc:
        sys.exit(exc.message)


if __name__ == "__main__":
    main()
