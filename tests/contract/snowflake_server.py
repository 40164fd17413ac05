"""Fixtures of the Snowflake contract: a server, a connection, a schema of one's own."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.contract.snowflake_process import SnowflakeProcess

DATABASE = "CONTRACT"


@pytest.fixture(scope="session")
def snowflake_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SnowflakeProcess]:
    """The server of all tests that do not stop it, with a database."""
    process = SnowflakeProcess(tmp_path_factory.mktemp("snowflake"))
    process.start()
    connection = process.connect()
    connection.cursor().execute(f"CREATE DATABASE {DATABASE}")
    connection.close()
    yield process
    process.stop()


@pytest.fixture(scope="session")
def snowflake_session(snowflake_server: SnowflakeProcess) -> Iterator[Any]:
    connection = snowflake_server.connect(database=DATABASE, arrow_number_to_decimal=True)
    yield connection
    connection.close()


@pytest.fixture
def schema(snowflake_session: Any) -> str:
    """A new schema, current in the shared session."""
    name = f"S{uuid.uuid4().hex[:12].upper()}"
    cursor = snowflake_session.cursor()
    cursor.execute("ALTER SESSION SET TIMEZONE = 'UTC'")
    cursor.execute(f"USE DATABASE {DATABASE}")
    cursor.execute(f"CREATE SCHEMA {name}")
    return name


@pytest.fixture
def cursor(snowflake_session: Any, schema: str) -> Any:
    return snowflake_session.cursor()


@pytest.fixture
def other(snowflake_server: SnowflakeProcess, schema: str) -> Iterator[Any]:
    """A cursor of a second session, in the same schema."""
    connection = snowflake_server.connect(database=DATABASE, schema=schema)
    yield connection.cursor()
    connection.close()


@pytest.fixture
def faults(snowflake_server: SnowflakeProcess) -> Iterator[SnowflakeProcess]:
    yield snowflake_server
    requests.delete(f"{snowflake_server.url}/_faults", timeout=5).raise_for_status()
