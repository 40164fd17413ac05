"""Fixtures of the SQL Server contract: a server, a connection by each driver, a table's name."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.sqlserver_process import DRIVERS, SqlServerProcess, missing


@pytest.fixture(scope="session")
def sqlserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlServerProcess]:
    """The server of all tests that do not stop it."""
    if reason := missing("microsoft"):
        pytest.skip(reason)
    process = SqlServerProcess(tmp_path_factory.mktemp("sqlserver"))
    process.start()
    yield process
    process.stop()


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> str:
    """The name of a driver that is there."""
    if reason := missing(request.param):
        pytest.skip(reason)
    return str(request.param)


@pytest.fixture
def connection(sqlserver: SqlServerProcess, driver: str) -> Iterator[Any]:
    """A connection by each driver, in manual commit mode."""
    opened = sqlserver.connect(driver)
    yield opened
    opened.close()


@pytest.fixture
def cursor(connection: Any) -> Any:
    """A cursor by each driver."""
    return connection.cursor()


@pytest.fixture
def microsoft(sqlserver: SqlServerProcess) -> Iterator[Any]:
    """A cursor by Microsoft's driver, in autocommit."""
    opened = sqlserver.connect(autocommit=True)
    yield opened.cursor()
    opened.close()


@pytest.fixture
def table() -> str:
    """A name that no other test uses."""
    return f"t{uuid.uuid4().hex[:10]}"
