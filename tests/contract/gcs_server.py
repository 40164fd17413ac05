"""Fixtures of the Cloud Storage contract: a server, Google's client, a bucket of one's own.

The server is the emulator, in a process of its own, unless `SLUICE_TEST_GCS_ENDPOINT` names another
one; what only the emulator can do is skipped there.
"""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.cloud import storage

from tests.contract.gcs_process import ENDPOINT, Faults, GcsProcess, new_client


@pytest.fixture(scope="session")
def gcs_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GcsProcess | None]:
    """The emulator of all tests that do not stop it; None when they use another server."""
    if ENDPOINT is not None:
        yield None
        return
    process = GcsProcess(tmp_path_factory.mktemp("gcs"))
    process.start()
    yield process
    process.stop()


@pytest.fixture(scope="session")
def gcs_client(gcs_session: GcsProcess | None) -> storage.Client:
    return new_client(gcs_session.url if gcs_session else str(ENDPOINT))


@pytest.fixture
def bucket(gcs_client: storage.Client) -> storage.Bucket:
    return gcs_client.create_bucket(f"test-{uuid.uuid4().hex[:12]}")


@pytest.fixture
def faults(gcs_session: GcsProcess | None) -> Iterator[Faults]:
    if gcs_session is None:
        pytest.skip("only the emulator can be told to fail")
    faults = Faults(gcs_session.url)
    yield faults
    faults.clear()


@pytest.fixture
def gcs_process(tmp_path: Path) -> Iterator[GcsProcess]:
    """An emulator of this test alone."""
    process = GcsProcess(tmp_path / "state")
    process.start()
    yield process
    process.kill()
