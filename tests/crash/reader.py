"""Somebody who reads the table all the time, and notes every set of rows that was there to see."""

import threading
from collections.abc import Callable
from typing import Any

ABSENT = "no table"
POLL_S = 0.01

Look = Callable[[Any, str], str]
"""Returns a digest of a table's rows, from a connection and the table's name."""


def look(connection: Any, table: str) -> str:
    """Return a digest of all rows of a table, as one statement sees them."""
    from pg8000.exceptions import DatabaseError

    cursor = connection.cursor()
    try:
        cursor.execute(
            "SELECT count(*) || ' rows ' || "
            f"md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {table} t"
        )
    except DatabaseError as exc:
        if exc.args[0].get("C") != "42P01":  # undefined_table
            raise
        return ABSENT
    return str(cursor.fetchone()[0])


class Reader:
    """Reads in a thread of its own, over a connection of its own."""

    def __init__(
        self, connection: Any, table: str, look: Look = look, poll_s: float = POLL_S
    ) -> None:
        self._look = look
        self._poll_s = poll_s
        self._connection = connection
        self._table = table
        self._over = threading.Event()
        self._failure: BaseException | None = None
        self.seen: set[str] = {look(connection, table)}
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def stop(self) -> set[str]:
        """Stop reading and return what was seen."""
        self._over.set()
        self._thread.join()
        self._connection.close()
        if self._failure:
            raise self._failure
        return self.seen

    def _read(self) -> None:
        try:
            while not self._over.wait(self._poll_s):
                self.seen.add(self._look(self._connection, self._table))
        except BaseException as exc:  # noqa: BLE001 - handed to whoever asked for the reading
            self._failure = exc
