"""One cloud whose functions are the built archives; nothing else uses it, so it may be broken."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.deploy import archives
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
