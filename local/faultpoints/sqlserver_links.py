"""The connection to SQL Server, wrapped: only what has a fault point can be called."""

from contextlib import suppress
from typing import Any

from local.faultpoints.deliveries import Delivery, io
from local.faultpoints.points import statement_name


class SqlServerLink:
    """A session over pyodbc, whose cursor begins a transaction."""

    def __init__(self, session: Any, delivery: Delivery) -> None:
        self._session = session
        self.is_cut = False
        delivery.links.append(self.cut)

    def cursor(self) -> "SqlServerCursor":
        """Begin a transaction and return its cursor."""
        with io("sqlserver", "BEGIN", "transaction", self.broken):
            self.require()
            return SqlServerCursor(self._session.cursor(), self)

    def commit(self) -> None:
        """Commit."""
        with io("sqlserver", "COMMIT", "transaction", self.broken):
            self.require()
            self._session.commit()

    def rollback(self) -> None:
        """Roll back, unless the connection is gone and the transaction with it."""
        with io("sqlserver", "ROLLBACK", "transaction", self.broken):
            if not self.is_cut:
                self._session.rollback()

    def close(self) -> None:
        """Close."""
        with io("sqlserver", "close", "connection", self.broken):
            if not self.is_cut:
                self._session.close()

    def broken(self) -> Exception:
        """Break the connection; the server sees it too."""
        import pyodbc

        self.cut()
        broken: Exception = pyodbc.OperationalError("08S01", "[08S01] Communication link failure")
        return broken

    def cut(self) -> None:
        """Give the connection up: the driver shows nobody its socket."""
        import pyodbc

        self.is_cut = True
        with suppress(pyodbc.Error):
            self._session.close()

    def require(self) -> None:
        """Fail as a broken connection does."""
        if self.is_cut:
            raise self.broken()


class SqlServerCursor:
    """A cursor of pyodbc; its results are short, and read with the statement."""

    def __init__(self, cursor: Any, link: SqlServerLink) -> None:
        self._cursor = cursor
        self._link = link

    @property
    def rowcount(self) -> int:
        """Rows of the last statement; no I/O."""
        return int(self._cursor.rowcount)

    def setinputsizes(self, sizes: Any) -> None:
        """Say how parameters are sent; no I/O."""
        self._cursor.setinputsizes(sizes)

    def execute(self, statement: str, args: Any = ()) -> None:
        """Execute."""
        verb, _, rest = statement_name(statement).partition(" ")
        with io("sqlserver", verb, rest, self._link.broken):
            self._link.require()
            self._cursor.execute(statement, *([args] if args else []))

    def fetchone(self) -> Any:
        """Return the next row."""
        return self._cursor.fetchone()

    def fetchall(self) -> Any:
        """Return the rows left."""
        return self._cursor.fetchall()
