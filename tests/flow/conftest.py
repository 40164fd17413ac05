"""One cloud for all flow tests; each test has tables of its own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flow.cloud import Cloud

ENVIRONMENT = """\
connections:
  snowflake: {account: local, user: SLUICE, host: 127.0.0.1, protocol: http}
  postgres: {host: 127.0.0.1, user: postgres}
"""


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Start a cloud, and take it down at the end."""
    folder = tmp_path_factory.mktemp("cloud")
    started = Cloud.start(folder / "state", write_config(folder))
    base = tmp_path_factory.getbasetemp()
    started.tables_of = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "tables"
    started.tables_of.mkdir(exist_ok=True)
    yield started
    started.stop()


@pytest.fixture(scope="module", autouse=True)
def environment(cloud: Cloud) -> Iterator[None]:
    """Let each module begin with clients that find the cloud, whatever the one before it left."""
    with cloud.environment():
        yield


def write_config(folder: Path) -> Path:
    """Write table files without a table, and return their folder."""
    config = folder / "config"
    (config / "environments").mkdir(parents=True)
    (config / "tables.yaml").write_text("tables: []\n")
    (config / "environments" / "local.yaml").write_text(ENVIRONMENT)
    return config
