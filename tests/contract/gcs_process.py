"""What the tests of the Cloud Storage contract share, besides Google's client."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import requests
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from local.ports import free_port

ENDPOINT = os.environ.get("SLUICE_TEST_GCS_ENDPOINT")
REPOSITORY = Path(__file__).parents[2]

only_emulator = pytest.mark.skipif(
    ENDPOINT is not None, reason="needs the emulator itself, not SLUICE_TEST_GCS_ENDPOINT"
)


def wait_until(condition: Callable[[], object], *, what: str, timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {timeout_s} s"
        time.sleep(0.01)


def new_client(endpoint: str) -> storage.Client:
    return storage.Client(
        project="test-project",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": endpoint},
    )


def put(bucket: storage.Bucket, name: str, data: bytes | str = b"data", **options) -> storage.Blob:
    blob = bucket.blob(name)
    blob.upload_from_string(data, **options)
    return blob


def names(client: storage.Client, bucket: storage.Bucket, **options) -> list[str]:
    return [blob.name for blob in client.list_blobs(bucket, **options)]


class GcsProcess:
    """An emulator that a test may stop, kill and start again on the same port and state."""

    def __init__(self, state_dir: Path, *, notify_endpoint: str | None = None) -> None:
        self.state_dir = state_dir
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._options = ["--notify-endpoint", notify_endpoint] if notify_endpoint else []
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        options = ["--port", str(self.port), "--state", str(self.state_dir), *self._options]
        return [sys.executable, "-m", "local.gcs", *options]

    def start(self) -> None:
        self._process = subprocess.Popen(self.command(), cwd=REPOSITORY)
        wait_until(self._is_healthy, what="the emulator answers")

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        return self._end(signal.SIGTERM)

    def rss_bytes(self) -> int:
        assert self._process is not None
        return psutil.Process(self._process.pid).memory_info().rss

    def _end(self, number: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(timeout=5)

    def _is_healthy(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "the emulator ended"
        with contextlib.suppress(requests.ConnectionError):
            return requests.get(f"{self.url}/_health", timeout=5).ok
        return False


class Faults:
    """Orders faults from an emulator."""

    def __init__(self, endpoint: str) -> None:
        self._url = f"{endpoint}/_faults"

    def order(self, **rule: object) -> None:
        requests.post(self._url, json=[rule], timeout=5).raise_for_status()

    def hits(self) -> list[int]:
        return [rule["hits"] for rule in requests.get(self._url, timeout=5).json()]

    def clear(self) -> None:
        requests.delete(self._url, timeout=5).raise_for_status()
