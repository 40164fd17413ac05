"""One session's connection to PostgreSQL: transactions as SQL Server has them.

A failed statement undoes itself and leaves the transaction as it was. PostgreSQL would abort the
transaction; so a savepoint stands before each statement, unless XACT_ABORT would abort it too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pg8000.exceptions import DatabaseError
from pg8000.native import Connection

from local.sqlserver import errors
from local.sqlserver.errors import SqlServerError
from local.sqlserver.names import literal, stored


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
            database=stored(database),
            password=address.password,
        )
    except DatabaseError as error:
        text = f'Cannot open database "{database}" requested by the login. The login failed.'
        raise SqlServerError(4060, text, 11) from error


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
        self.type_names: dict[int, str] = dict(
            self._connection.run(
                "SELECT oid, typname FROM pg_type WHERE typnamespace = 'sys'::regnamespace"
            )
        )
        for oid, name in self.type_names.items():
            if name == "varbinary":
                self._connection.register_in_adapter(oid, lambda text: bytes.fromhex(text[2:]))
        self.open_transactions = 0
        self.transactions_begun = 0
        self.is_last_committed = False
        self.aborts_on_error = False
        self._has_savepoint = False
        self.lock_timeout_ms = -1

    def begin(self) -> None:
        """Open a transaction, or count one more inside it."""
        if self.open_transactions == 0:
            self._connection.run("BEGIN")
            self._has_savepoint = False
            self.transactions_begun += 1
        self.open_transactions += 1

    def commit(self) -> None:
        """End the innermost transaction; the outermost one is kept by the database.

        Raises:
            SqlServerError: 3902, none is open.
        """
        if self.open_transactions == 0:
            text = "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION."
            raise SqlServerError(3902, text)
        if self.open_transactions == 1:
            self._end("COMMIT")
        self.open_transactions -= 1

    def rollback(self) -> None:
        """Undo everything since the outermost BEGIN.

        Raises:
            SqlServerError: 3903, none is open.
        """
        if self.open_transactions == 0:
            text = "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION."
            raise SqlServerError(3903, text)
        self._abandon()

    def set_lock_timeout(self, milliseconds: int) -> None:
        """Say how long to wait for a lock; -1 is for ever, 0 hardly at all."""
        self.lock_timeout_ms = milliseconds
        self.execute(self._set_lock_timeout)

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """Run one statement; the answer has `columns`, `rows` and `row_count`.

        Raises:
            SqlServerError: it failed and has been undone, alone or (XACT_ABORT, deadlock) with
                the transaction.
        """
        self._guard()
        try:
            if values:
                return self._connection.execute_unnamed(sql, values)
            return self._connection.execute_simple(sql)
        except DatabaseError as error:
            self._recover(is_deadlock=errors.from_postgres(error).number == errors.DEADLOCK)
            raise errors.from_postgres(error, is_index=self._is_index(error)) from error

    def cancel(self) -> None:
        """Cancel what runs, from another thread."""
        other = connect(self._address, "postgres")
        other.run(f"SELECT pg_cancel_backend({self.pid})")
        other.close()

    def close(self) -> None:
        """Disconnect; an open transaction is undone."""
        self._connection.close()

    @property
    def _set_lock_timeout(self) -> str:
        # PostgreSQL's 0 is for ever.
        wait_ms = 0 if self.lock_timeout_ms < 0 else max(self.lock_timeout_ms, 1)
        return f"SET lock_timeout = {wait_ms}"

    def _guard(self) -> None:
        if self.open_transactions and not self.aborts_on_error:
            released = "RELEASE SAVEPOINT statement; " if self._has_savepoint else ""
            self._connection.run(f"{released}SAVEPOINT statement")
            self._has_savepoint = True

    def _recover(self, *, is_deadlock: bool) -> None:
        if not self.open_transactions:
            return
        if self.aborts_on_error or is_deadlock:
            self._abandon()
        else:
            self._connection.run("ROLLBACK TO SAVEPOINT statement")

    def _is_index(self, error: DatabaseError) -> bool:
        found = errors.constraint_of(error)
        if found is None:
            return False
        schema, name = (literal(each) for each in found)
        return not self._connection.run(
            "SELECT 1 FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace "  # noqa: S608
            f"WHERE k.conname = {name} AND n.nspname = {schema}"
        )

    def _abandon(self) -> None:
        self._end("ROLLBACK")
        self.open_transactions = 0
        self._connection.run(self._set_lock_timeout)

    def _end(self, sql: str) -> None:
        try:
            self._connection.run(sql)
        except DatabaseError as error:
            self.open_transactions = 0
            self.is_last_committed = False
            raise errors.from_postgres(error) from error
        self.is_last_committed = sql == "COMMIT"
