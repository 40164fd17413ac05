"""Databases that the contract of targets is checked on, each started once per process."""

from collections.abc import Iterator

import pytest

from tests.contract.engines import BigQueryEngine, Engine, PostgresEngine, SqlServerEngine
from tests.contract.sqlserver_process import missing


@pytest.fixture(scope="session")
def postgres_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Start PostgreSQL once."""
    with PostgresEngine.started(tmp_path_factory.mktemp("target-postgres")) as engine:
        yield engine


@pytest.fixture(scope="session")
def sqlserver_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Start SQL Server once."""
    if reason := missing("microsoft"):
        pytest.skip(reason)
    with SqlServerEngine.started(tmp_path_factory.mktemp("target-sqlserver")) as engine:
        yield engine


@pytest.fixture(scope="session")
def bigquery_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Start BigQuery once."""
    with BigQueryEngine.started(tmp_path_factory.mktemp("target-bigquery")) as engine:
        yield engine


@pytest.fixture(params=["postgres", "sqlserver", "bigquery"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Return each database in turn."""
    found: Engine = request.getfixturevalue(f"{request.param}_engine")
    return found
