"""A session: what one login carries from statement to statement, and its transaction."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import secrets
import threading
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass, field

import duckdb

from local.snowflake import errors
from local.snowflake.catalog import (
    Table,
    TableName,
    has_database,
    has_schema,
    literal,
    require_table,
)
from local.snowflake.engine import Cancellation, Engine
from local.snowflake.history import Change

# Reported as the server's version; clients refuse old ones.
SERVER_VERSION = "9.36.0"
Setting = str | int | bool
# Source: Snowflake documentation, "Parameters": names, types and defaults of session parameters.
_DEFAULTS: dict[str, Setting] = {
    "ABORT_DETACHED_QUERY": False,
    "AUTOCOMMIT": True,
    "CLIENT_RESULT_CHUNK_SIZE": 160,
    "CLIENT_SESSION_KEEP_ALIVE": False,
    "DATE_INPUT_FORMAT": "AUTO",
    "LOCK_TIMEOUT": 43200,
    "PYTHON_CONNECTOR_QUERY_RESULT_FORMAT": "ARROW",
    "QUERY_TAG": "",
    "ROWS_PER_RESULTSET": 0,
    "STATEMENT_QUEUED_TIMEOUT_IN_SECONDS": 0,
    "STATEMENT_TIMEOUT_IN_SECONDS": 172800,
    "TIMEZONE": "America/Los_Angeles",
    "TIME_INPUT_FORMAT": "AUTO",
    "TIMESTAMP_INPUT_FORMAT": "AUTO",
    "TIMESTAMP_TYPE_MAPPING": "TIMESTAMP_NTZ",
    "TIMESTAMP_NTZ_OUTPUT_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF3",
    "TIMESTAMP_OUTPUT_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM",
    "USE_CACHED_RESULT": True,
}
# Accepted with the value they have already; anything else would change results silently.
_FIXED = {
    "DATE_INPUT_FORMAT",
    "PYTHON_CONNECTOR_QUERY_RESULT_FORMAT",
    "ROWS_PER_RESULTSET",
    "TIME_INPUT_FORMAT",
    "TIMESTAMP_INPUT_FORMAT",
    "TIMESTAMP_TYPE_MAPPING",
    "TIMESTAMP_NTZ_OUTPUT_FORMAT",
    "TIMESTAMP_OUTPUT_FORMAT",
}
_session_ids = itertools.count(secrets.randbelow(1_000_000) * 1_000_000)


@dataclass(slots=True)
class Session:
    """One login. Statements of a session run one at a time, under `lock`."""

    engine: Engine
    user: str
    account: str
    role: str = "ACCOUNTADMIN"
    warehouse: str | None = None
    database: str | None = None
    schema: str | None = None
    id: int = field(default_factory=lambda: next(_session_ids))
    parameters: dict[str, Setting] = field(default_factory=lambda: dict(_DEFAULTS))
    last_query_id: str | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)
    cancellation: Cancellation = field(default_factory=Cancellation)
    connection: duckdb.DuckDBPyConnection = field(init=False)
    last_commit_us: int = 0
    _changes: dict[TableName, Change] | None = None

    def __post_init__(self) -> None:
        self.connection = self.engine.connect()
        self.set_parameter("TIMEZONE", _DEFAULTS["TIMEZONE"])

    def close(self) -> None:
        """End the session: an open transaction is rolled back."""
        with self.lock:
            self.rollback()
            self.connection.close()

    def use_database(self, name: str) -> None:
        """Make a database current, with its schema PUBLIC where it has one."""
        if not has_database(self.connection, name):
            raise errors.missing("Database", name)
        self.database = name
        self.schema = "PUBLIC" if has_schema(self.connection, name, "PUBLIC") else None

    def use_schema(self, database: str | None, name: str) -> None:
        """Make a schema current."""
        database = database or self.database
        if database is None:
            raise errors.no_current_database("USE SCHEMA")
        if not has_database(self.connection, database):
            raise errors.missing("Database", database)
        if not has_schema(self.connection, database, name):
            raise errors.missing("Schema", f"{database}.{name}")
        self.database, self.schema = database, name

    def set_parameter(self, name: str, value: Setting) -> None:
        """Set a session parameter.

        Raises:
            SnowflakeError: unknown name, bad value, or a value that is not served.
        """
        default = _DEFAULTS.get(name)
        if default is None:
            raise errors.SnowflakeError(1008, "22023", f"invalid parameter '{name}' for 'SESSION'")
        if isinstance(default, bool):
            value = str(value).upper() == "TRUE"
        elif isinstance(default, int):
            value = int(value)
        if name in _FIXED and value != default:
            raise errors.unsupported(f"{name} = {value}")
        if name == "TIMEZONE":
            self._set_timezone(str(value))
        self.parameters[name] = value

    def unset_parameter(self, name: str) -> None:
        """Give a session parameter its default again."""
        self.set_parameter(name, _DEFAULTS.get(name, ""))

    def _set_timezone(self, name: str) -> None:
        if name not in zoneinfo.available_timezones():
            text = f"invalid value [{name}] for parameter 'TIMEZONE'"
            raise errors.SnowflakeError(1006, "22023", text)
        self.connection.execute(f"SET TimeZone = {literal(name)}").fetchall()

    def default_parameter(self, name: str) -> Setting:
        """What a session parameter is unless set."""
        return _DEFAULTS[name]

    def today(self, now_us: int) -> dt.date:
        """The date in the session's time zone."""
        zone = zoneinfo.ZoneInfo(str(self.parameters["TIMEZONE"]))
        return dt.datetime.fromtimestamp(now_us / 1_000_000, zone).date()

    @property
    def is_in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._changes is not None

    def begin(self) -> None:
        """Open a transaction; does nothing within one."""
        if self._changes is None:
            self.connection.execute("BEGIN").fetchall()
            self._changes = {}

    def commit(self) -> None:
        """Make the transaction's changes visible at one moment; does nothing without one.

        Raises:
            SnowflakeError: a conflict; the transaction is rolled back.
        """
        if self._changes is None:
            return
        changes = [change for change in self._changes.values() if change.rows]
        history = self.engine.history
        with history.commit_lock:
            try:
                at_us = self.engine.clock.tick_us() if changes else 0
                for change in changes:
                    history.record(self.connection, change, at_us)
                self.connection.execute("COMMIT").fetchall()
            except duckdb.Error as error:
                self.rollback()
                raise errors.from_duckdb(error) from error
            self.last_commit_us = at_us
            for change in changes:
                history.settle(change)
        self._end(keep_copies=True)

    def rollback(self) -> None:
        """Undo the transaction; does nothing without one."""
        if self._changes is None:
            return
        with contextlib.suppress(duckdb.TransactionException):
            self.connection.execute("ROLLBACK").fetchall()
        self._end(keep_copies=False)

    def _end(self, *, keep_copies: bool) -> None:
        changes, self._changes = self._changes or {}, None
        for change in changes.values():
            if change.copy and not (keep_copies and change.rows):
                self.engine.history.discard(change.table, change.copy)
        self.engine.locks.release_all(self)

    @contextlib.contextmanager
    def changing(
        self, name: TableName, *, only_appends: bool = False, new: Table | None = None
    ) -> Iterator[Change]:
        """Change a table in the open transaction, or in one of its own.

        Args:
            name: of the table, which is locked until the transaction ends.
            only_appends: existing rows stay as they are, so that no copy of them is needed.
            new: the table, if this transaction creates it.

        Yields:
            the change; add the number of changed rows to it, or it is as if nothing had happened.

        Raises:
            SnowflakeError: there is no such table, or another transaction keeps it locked.
        """
        # The lock comes first: DuckDB's view of the data begins with the first look at it.
        timeout_s = float(self.parameters["LOCK_TIMEOUT"])
        self.engine.locks.acquire(name, self, timeout_s=timeout_s)
        with self.transaction():
            table = new or require_table(self.connection, name)
            changes = self._changes if self._changes is not None else {}
            change = changes.setdefault(name, Change(table, is_new=new is not None))
            if not (only_appends or table.is_view or change.copy or change.is_new):
                change.copy = self.engine.history.preserve(table)
            yield change

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Run in the open transaction; where there is none, in one that ends with the block."""
        is_own = self._changes is None
        self.begin()
        try:
            yield
        except BaseException:
            if is_own:
                self.rollback()
            raise
        if is_own and self.parameters["AUTOCOMMIT"]:
            self.commit()
