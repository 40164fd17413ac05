"""The connections to both databases, wrapped: only what has a fault point can be called.

A method that the product starts to use and that is not here does not exist: an I/O cannot come in
without a point.
"""

import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from local.faultpoints.deliveries import Delivery, io
from local.faultpoints.points import statement_name


class PostgresLink:
    """A pg8000 connection."""

    def __init__(self, connection: Any, delivery: Delivery) -> None:
        self._connection = connection
        delivery.links.append(self.cut)

    def cursor(self) -> "PostgresCursor":
        """Return a cursor; no I/O."""
        return PostgresCursor(self._connection.cursor(), self)

    def commit(self) -> None:
        """Commit."""
        with io("postgres", "COMMIT", "transaction", self.broken):
            self._connection.commit()

    def rollback(self) -> None:
        """Roll back."""
        with io("postgres", "ROLLBACK", "transaction", self.broken):
            self._connection.rollback()

    def close(self) -> None:
        """Say goodbye and close."""
        with io("postgres", "close", "connection", self.broken):
            self._connection.close()

    def broken(self) -> Exception:
        """Break the connection; the server sees it too."""
        from pg8000.exceptions import InterfaceError

        self.cut()
        broken: Exception = InterfaceError("network error")
        return broken

    def cut(self) -> None:
        """Close the socket under the connection."""
        with suppress(OSError, AttributeError):
            self._connection._usock.shutdown(socket.SHUT_RDWR)


class PostgresCursor:
    """A cursor of pg8000, which reads a whole result when it executes."""

    def __init__(self, cursor: Any, link: PostgresLink) -> None:
        self._cursor = cursor
        self._link = link

    @property
    def rowcount(self) -> int:
        """Rows of the last statement; no I/O."""
        return int(self._cursor.rowcount)

    @property
    def description(self) -> Any:
        """Columns of the last result; no I/O."""
        return self._cursor.description

    def execute(
        self, statement: str, args: Any = (), stream: Iterable[bytes] | None = None
    ) -> None:
        """Execute; each block of a COPY has points of its own."""
        about = statement_name(statement)
        verb, _, rest = about.partition(" ")
        blocks = None if stream is None else self._blocks(rest, stream)
        with io("postgres", verb, rest, self._link.broken):
            self._cursor.execute(statement, args, stream=blocks)

    def fetchone(self) -> Any:
        """Return the next row; no I/O."""
        return self._cursor.fetchone()

    def fetchall(self) -> Any:
        """Return the rows left; no I/O."""
        return self._cursor.fetchall()

    def _blocks(self, about: str, stream: Iterable[bytes]) -> Iterator[bytes]:
        for block in stream:
            with io("postgres", "send block to", about, self._link.broken):
                yield block


class SnowflakeLink:
    """A connection of Snowflake's connector."""

    def __init__(self, connection: Any, delivery: Delivery) -> None:
        self._connection = connection
        self.is_cut = False
        delivery.links.append(self.cut)

    def cursor(self, cursor_class: Any = None) -> "SnowflakeCursor":
        """Return a cursor; no I/O."""
        given = (cursor_class,) if cursor_class else ()
        return SnowflakeCursor(self._connection.cursor(*given), self)

    def close(self) -> None:
        """Log out."""
        with io("snowflake", "close", "session", self.broken):
            self._connection.close()

    def broken(self) -> Exception:
        """Break the connection: nothing works on it any more."""
        from snowflake.connector.errors import OperationalError

        self.cut()
        broken: Exception = OperationalError("connection reset by peer")
        return broken

    def cut(self) -> None:
        """Let nothing pass any more, and give back what the driver holds."""
        from snowflake.connector.errors import Error

        self.is_cut = True
        with suppress(Error, OSError):
            self._connection.close()

    def require(self) -> None:
        """Fail as a broken connection does."""
        if self.is_cut:
            raise self.broken()


class SnowflakeCursor:
    """A cursor of Snowflake's connector, which downloads a result while it is fetched."""

    def __init__(self, cursor: Any, link: SnowflakeLink) -> None:
        self._cursor = cursor
        self._link = link
        self._about = ""

    @property
    def sfqid(self) -> Any:
        """The query's id; no I/O."""
        return self._cursor.sfqid

    def execute(self, statement: str, values: Any = None) -> None:
        """Execute."""
        self._about = statement_name(statement)
        verb, _, rest = self._about.partition(" ")
        with io("snowflake", verb, rest, self._link.broken):
            self._link.require()
            self._cursor.execute(statement, values)

    def fetchall(self) -> Any:
        """Return all rows."""
        with io("snowflake", "fetch rows of", self._about, self._link.broken):
            self._link.require()
            return self._cursor.fetchall()

    def get_result_batches(self) -> list["SnowflakeChunk"] | None:
        """Return the result's chunks, none of them downloaded."""
        with io("snowflake", "list chunks of", self._about, self._link.broken):
            self._link.require()
            chunks = self._cursor.get_result_batches()
        return [SnowflakeChunk(chunk, self._about, self._link) for chunk in chunks or ()]


class SnowflakeChunk:
    """A chunk of a result, downloaded by itself."""

    def __init__(self, chunk: Any, about: str, link: SnowflakeLink) -> None:
        self._chunk = chunk
        self._about = about
        self._link = link

    @property
    def uncompressed_size(self) -> int | None:
        """Return its bytes once unpacked, as the result says before any download."""
        size: int | None = self._chunk.uncompressed_size
        return size

    def to_arrow(self, **options: Any) -> Any:
        """Download the chunk."""
        with io("snowflake", "fetch chunk of", self._about, self._link.broken):
            self._link.require()
            return self._chunk.to_arrow(**options)
