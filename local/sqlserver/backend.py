"""One session's connection to PostgreSQL: transactions as SQL Server has them.

A failed statement undoes itself and leaves the transaction as it was. PostgreSQL would abort the
transaction; so a savepoint always stands before the next statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pg8000.exceptions import DatabaseError
from pg8000.native import Connection

from local.sqlserver import errors
from local.sqlserver.catalog import SETUP
from local.sqlserver.errors import SqlServerError

_NEXT_SAVEPOINT = "RELEASE SAVEPOINT statement; SAVEPOINT statement"


@dataclass(frozen=True, slots=True)
class Address:
    """Where PostgreSQL is; user and first database are `postgres`."""

    port: int
    password: str


def connect(address: Address, database: str) -> Connection:
    """Return a connection.

    Raises:
        SqlServerError: 4060, there is no such database.
    """
    try:
        return Connection(
            "postgres",
            host="127.0.0.1",
            port=address.port,
            database=database,
            password=address.password,
        )
    except DatabaseError as error:
        text = f"Cannot open database '{database}' requested by the login: {error}"
        raise SqlServerError(4060, text, 11) from error


def create_database(address: Address, name: str) -> None:
    """Create a database with SQL Server's catalogue in it.

    Raises:
        SqlServerError: 1801, it exists.
    """
    quoted = '"' + name.replace('"', '""') + '"'
    server = connect(address, "postgres")
    try:
        server.run(f"CREATE DATABASE {quoted}")
        server.run(f"ALTER DATABASE {quoted} SET search_path = dbo, sys")
        database = connect(address, name)
        database.run(SETUP)
        database.close()
    except DatabaseError as error:
        raise errors.from_postgres(error) from error
    finally:
        server.close()


def database_exists(address: Address, name: str) -> bool:
    """Whether a database has been created."""
    server = connect(address, "postgres")
    try:
        rows = server.run("SELECT 1 FROM pg_database WHERE datname = :name", name=name)
        return bool(rows)
    finally:
        server.close()


class Backend:
    """A connection that keeps SQL Server's transaction state."""

    def __init__(self, address: Address, database: str) -> None:
        """Connect.

        Raises:
            SqlServerError: 4060, there is no such database.
        """
        self._address = address
        self._connection = connect(address, database)
        self.pid = int(self._connection.run("SELECT pg_backend_pid()")[0][0])
        self.open_transactions = 0
        self.aborts_on_error = False
        self._lock_timeout_ms = 0

    def begin(self) -> None:
        """Open a transaction, or count one more inside it."""
        if self.open_transactions == 0:
            self._connection.run("BEGIN; SAVEPOINT statement")
        self.open_transactions += 1

    def commit(self) -> None:
        """End the innermost transaction; the outermost one is kept by the database.

        Raises:
            SqlServerError: 3902, none is open.
        """
        if self.open_transactions == 0:
            raise SqlServerError(3902, "COMMIT TRANSACTION has no BEGIN TRANSACTION.")
        if self.open_transactions == 1:
            self._run_plain("COMMIT")
        self.open_transactions -= 1

    def rollback(self) -> None:
        """Undo everything since the outermost BEGIN.

        Raises:
            SqlServerError: 3903, none is open.
        """
        if self.open_transactions == 0:
            raise SqlServerError(3903, "ROLLBACK TRANSACTION has no BEGIN TRANSACTION.")
        self._abandon()

    def set_lock_timeout(self, milliseconds: int) -> None:
        """Say how long to wait for a lock; -1 is for ever, 0 hardly at all."""
        self._lock_timeout_ms = 0 if milliseconds < 0 else max(milliseconds, 1)
        self.execute(f"SET lock_timeout = {self._lock_timeout_ms}")

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """Run one statement; the answer has `columns`, `rows` and `row_count`.

        Raises:
            SqlServerError: it failed and has been undone, alone or (XACT_ABORT, deadlock) with
                the transaction.
        """
        try:
            if values:
                answer = self._connection.execute_unnamed(sql, values)
            else:
                answer = self._connection.execute_simple(sql)
        except DatabaseError as error:
            problem = errors.from_postgres(error)
            self._recover(problem)
            raise problem from error
        if self.open_transactions:
            self._connection.run(_NEXT_SAVEPOINT)
        return answer

    def cancel(self) -> None:
        """Cancel what runs, from another thread."""
        other = connect(self._address, "postgres")
        other.run(f"SELECT pg_cancel_backend({self.pid})")
        other.close()

    def close(self) -> None:
        """Disconnect; an open transaction is undone."""
        self._connection.close()

    def _recover(self, problem: SqlServerError) -> None:
        if not self.open_transactions:
            return
        if self.aborts_on_error or problem.number == errors.DEADLOCK:
            self._abandon()
        else:
            self._connection.run(f"ROLLBACK TO SAVEPOINT statement; {_NEXT_SAVEPOINT}")

    def _abandon(self) -> None:
        self._connection.run("ROLLBACK")
        self.open_transactions = 0
        self._connection.run(f"SET lock_timeout = {self._lock_timeout_ms}")

    def _run_plain(self, sql: str) -> None:
        try:
            self._connection.run(sql)
        except DatabaseError as error:
            self.open_transactions = 0
            raise errors.from_postgres(error) from error
