"""One cloud whose functions are the built archives; nothing else uses it, so it may be broken."""

import shutil
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from shared.deploy import archives
from tests.deploy.unpacked import unpack
from tests.flow.cloud import Cloud
from tests.flow.conftest import environment, write_config
from tests.flow.sqlserver import server

__all__ = ["environment", "server"]

LIBRARIES = Path("/usr/lib")
"""Below it, in the folder of its architecture, Debian and Ubuntu have unixODBC."""


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the archives and unpack them; return the folder that holds a folder per function."""
    folder = tmp_path_factory.mktemp("archives")
    archives.write(archives.build(Path.cwd()), folder / "dist")
    unpack(folder / "dist", folder / "functions")
    _give_unixodbc(folder / "functions")
    return folder / "functions"


def _give_unixodbc(functions: Path) -> None:
    """Put this machine's unixODBC where archives have it, as `make odbc` lets them."""
    for function, name in product(functions.iterdir(), archives.LIBRARIES):
        found = next((path for path in LIBRARIES.glob(f"*/{name}")), None)
        if found:
            (function / "odbc").mkdir(exist_ok=True)
            shutil.copyfile(found, function / "odbc" / name)


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory, unpacked: Path) -> Iterator[Cloud]:
    """Start a cloud of the archives, and take it down at the end."""
    folder = tmp_path_factory.mktemp("cloud")
    started = Cloud.start(folder / "state", write_config(folder), unpacked)
    yield started
    started.stop()
