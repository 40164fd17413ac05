"""What the tests of the BigQuery contract share: the stand-in as a process, and a client of it."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from local.ports import free_port

REPOSITORY = Path(__file__).parents[2]
PROJECT = "sluice-tests"
LOCATION = "EU"


class BigQueryProcess:
    """The stand-in in a process of its own, on a state folder that outlives it."""

    def __init__(self, state_dir: Path, env: dict[str, str] | None = None) -> None:
        self._state_dir = state_dir
        self._env = {**os.environ, **(env or {})}
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it serves."""
        options = ["--port", str(self.port), "--state", str(self._state_dir)]
        command = [sys.executable, "-m", "local.bigquery", *options]
        self._process = subprocess.Popen(command, cwd=REPOSITORY, env=self._env)
        deadline = time.monotonic() + 60
        while not self._answers():
            assert time.monotonic() < deadline, "the stand-in does not answer"
            assert self._process.poll() is None, "the stand-in has ended"
            time.sleep(0.03)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Tell it to end, and wait for it."""
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(timeout=30)

    def order(self, *faults: dict[str, Any]) -> None:
        """Put faults in force."""
        self._control("POST", json.dumps(faults).encode())

    def clear_faults(self) -> None:
        """End all faults."""
        self._control("DELETE")

    def connect(self) -> Any:
        """Return Google's client."""
        return connect(self.endpoint, PROJECT, LOCATION)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.endpoint}/_health", timeout=2):
                return True
        except OSError:
            return False

    def _control(self, method: str, body: bytes | None = None) -> None:
        url = f"{self.endpoint}/_faults"
        urllib.request.urlopen(urllib.request.Request(url, body, method=method), timeout=5).close()


def connect(endpoint: str | None, project: str, location: str) -> Any:
    """Return Google's client for an endpoint; None: Google's own."""
    from google.api_core.client_options import ClientOptions
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.bigquery import Client

    if endpoint is None:
        return Client(project=project, location=location)
    options = ClientOptions(api_endpoint=endpoint)
    return Client(
        project=project,
        location=location,
        credentials=AnonymousCredentials(),
        client_options=options,
    )
