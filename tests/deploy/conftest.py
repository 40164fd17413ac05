"""One cloud whose functions are the built archives; nothing else uses it, so it may be broken."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client

from local.topology import PREFIX, PROJECT
from shared.deploy import archives
from shared.deploy.releases import Releases
from tests.deploy.fakes import TABLES, Bench
from tests.deploy.unpacked import unpack
from tests.flow.cloud import Cloud
from tests.flow.conftest import environment, write_config
from tests.flow.sqlserver import server

__all__ = ["environment", "server"]


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the archives and unpack them; return the folder that holds a folder per function."""
    folder = tmp_path_factory.mktemp("archives")
    archives.write(archives.build(Path.cwd()), folder / "dist")
    unpack(folder / "dist", folder / "functions")
    return folder / "functions"


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory, unpacked: Path) -> Iterator[Cloud]:
    """Start a cloud of the archives, and take it down at the end."""
    folder = tmp_path_factory.mktemp("cloud")
    started = Cloud.start(folder / "state", write_config(folder), unpacked)
    yield started
    started.stop()


@pytest.fixture
def bench(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Make a checkout of this code to deploy into an environment that nothing was deployed to."""
    connections = cloud.connections().model_dump(mode="json", exclude_none=True)
    made = Bench.make(tmp_path, connections, TABLES)
    monkeypatch.setenv("PATH", str(made.programs))
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    client = Client(project=PROJECT, credentials=AnonymousCredentials())
    bucket = client.create_bucket(f"{PREFIX}-source")
    yield made
    bucket.delete(force=True)


@pytest.fixture
def releases(cloud: Cloud) -> Releases:
    """Return what was deployed."""
    return Releases(cloud.services.storage, cloud.services.settings)
