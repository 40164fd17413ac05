"""The databases of one server: `master`, and what CREATE DATABASE makes out of `model`."""

from __future__ import annotations

from pg8000.exceptions import DatabaseError

from local.sqlserver import catalog, engine_types, errors
from local.sqlserver.backend import Address, connect
from local.sqlserver.names import quote, stored

MODEL, MASTER = "model", "master"
# A deadlock is found after this time. SQL Server looks every 5 s, and more often after the first.
_DEADLOCK_TIMEOUT_MS = 100


def prepare(address: Address) -> None:
    """Make `model` and `master` in a PostgreSQL that has none."""
    if exists(address, MASTER):
        return
    _run(address, "postgres", f"DROP DATABASE IF EXISTS {MODEL}", f"CREATE DATABASE {MODEL}")
    database = connect(address, MODEL)
    for script in (catalog.SCHEMAS, engine_types.SETUP, catalog.SETUP):
        database.run(script)
    database.close()
    create(address, MASTER)


def create(address: Address, name: str) -> None:
    """Create a database.

    Raises:
        SqlServerError: 1801, it exists.
    """
    options = {
        "search_path": "dbo, sys, pg_catalog",
        "jit": "off",
        "deadlock_timeout": f"{_DEADLOCK_TIMEOUT_MS}",
    }
    _run(
        address,
        "postgres",
        f"CREATE DATABASE {quote(name)} TEMPLATE {MODEL}",
        *(f"ALTER DATABASE {quote(name)} SET {key} = {value}" for key, value in options.items()),
    )


def exists(address: Address, name: str) -> bool:
    """Whether a database has been created."""
    server = connect(address, "postgres")
    try:
        return bool(server.run("SELECT 1 FROM pg_database WHERE datname = :n", n=stored(name)))
    finally:
        server.close()


def _run(address: Address, database: str, *statements: str) -> None:
    connection = connect(address, database)
    try:
        for statement in statements:
            connection.run(statement)
    except DatabaseError as error:
        raise errors.from_postgres(error) from error
    finally:
        connection.close()
