"""sp_getapplock and sp_releaseapplock, on PostgreSQL's advisory locks.

Source of the return values: Microsoft Learn, "sp_getapplock (Transact-SQL)".
"""

from __future__ import annotations

from collections.abc import Sequence

from local.sqlserver.backend import Backend
from local.sqlserver.errors import DEADLOCK, SqlServerError
from local.sqlserver.names import literal
from local.sqlserver.parameters import Parameter

_GRANTED, _GRANTED_AFTER_WAIT, _TIMED_OUT, _DEADLOCK, _INVALID = 0, 1, -1, -3, -999
_LOCK_TIMEOUT = 1222
_ORDER = ("@resource", "@lockmode", "@lockowner", "@locktimeout", "@dbprincipal")


def acquire(backend: Backend, arguments: Sequence[Parameter]) -> int:
    """Wait for a lock and return SQL Server's status.

    A lock of a transaction outside one is refused (-999), as in SQL Server.
    """
    given = _named(arguments, _ORDER)
    key = f"hashtextextended({literal(given['@resource'])}, 0)"
    shared = "_shared" if given.get("@lockmode", "").upper() in ("SHARED", "INTENTSHARED") else ""
    owner = "" if _is_session(given) else "_xact"
    if owner and not backend.open_transactions:
        return _INVALID
    if backend.execute(f"SELECT pg_try_advisory{owner}_lock{shared}({key})").rows[0][0]:
        return _GRANTED
    timeout_ms = int(given.get("@locktimeout", "-1"))
    if timeout_ms == 0:
        return _TIMED_OUT
    previous = backend.execute("SHOW lock_timeout").rows[0][0]
    backend.execute(f"SET lock_timeout = {max(timeout_ms, 0)}")
    try:
        backend.execute(f"SELECT pg_advisory{owner}_lock{shared}({key})")
    except SqlServerError as error:
        if error.number not in (_LOCK_TIMEOUT, DEADLOCK):
            raise
        return _TIMED_OUT if error.number == _LOCK_TIMEOUT else _DEADLOCK
    finally:
        backend.execute(f"SET lock_timeout = {literal(previous)}")
    return _GRANTED_AFTER_WAIT


def release(backend: Backend, arguments: Sequence[Parameter]) -> int:
    """Give a session's lock back; those of a transaction end with it."""
    given = _named(arguments, ("@resource", "@lockowner", "@dbprincipal"))
    if not _is_session(given):
        return _GRANTED
    key = f"hashtextextended({literal(given['@resource'])}, 0)"
    return _GRANTED if backend.execute(f"SELECT pg_advisory_unlock({key})").rows[0][0] else _INVALID


def _named(arguments: Sequence[Parameter], order: Sequence[str]) -> dict[str, str]:
    return {
        (each.name.lower() or order[at]): str(each.value)
        for at, each in enumerate(arguments)
        if each.value is not None
    }


def _is_session(given: dict[str, str]) -> bool:
    return given.get("@lockowner", "Transaction").upper() == "SESSION"
