"""One writer a table: the locks that transactions take at their first change and hold to their end.

Stricter than Snowflake, where INSERTs do not wait for each other; it keeps a table's history
(`history.py`) in the order of its commits.
"""

from __future__ import annotations

import threading
import time

from local.snowflake.catalog import TableName
from local.snowflake.errors import lock_timeout


class TableLocks:
    """Exclusive locks by table name, re-entrant for their owner."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._owners: dict[TableName, object] = {}

    def acquire(self, table: TableName, owner: object, *, timeout_s: float) -> None:
        """Wait for a table.

        Raises:
            SnowflakeError: 625, another owner kept it for `timeout_s`.
        """
        deadline = time.monotonic() + timeout_s
        with self._condition:
            while self._owners.get(table, owner) is not owner:
                if not self._condition.wait(deadline - time.monotonic()):
                    raise lock_timeout(str(table), timeout_s)
            self._owners[table] = owner

    def release_all(self, owner: object) -> None:
        """Give up all tables of an owner."""
        with self._condition:
            for table in [table for table, holder in self._owners.items() if holder is owner]:
                del self._owners[table]
            self._condition.notify_all()
