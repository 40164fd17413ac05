"""One pg8000 connection, to Cloud SQL or to a host, with failures sorted by what to do."""

import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from typing import Any

from shared.config.connections import PostgresConnection
from shared.errors import (
    PermanentError,
    SluiceError,
    TargetRefusedError,
    TargetUnavailableError,
    ValueNotRepresentableError,
)
from shared.logins import log_in
from shared.secrets import Secret, Secrets

CONNECT_TIMEOUT_S = 10

REPLY_TIMEOUT_S = 420
"""A server that says nothing for so long is gone; statements end before, by their own limit."""

LOCK_TIMEOUT_S = 30
"""How long a statement waits for somebody else's lock; then the message is redelivered."""

SESSION_LIMITS_S = {
    "lock_timeout": LOCK_TIMEOUT_S,
    "statement_timeout": 400,
    "idle_in_transaction_session_timeout": 60,
}
"""What the server itself ends: an instance that stands still must not keep its locks for ever.

Source: PostgreSQL, "Client Connection Defaults". Statements have the time of one delivery.
"""

PLANNING = {"parallel_tuple_cost": "0"}
"""The planner takes comparisons for ones that find most rows, and would not share their work.

Source: PostgreSQL, "Query Planning", Planner Cost Constants.
"""

_ASK_FOR_TLS = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")
"""Its own length, and the code. Source: PostgreSQL, "Message Formats", SSLRequest."""

_TLS_GRANTED = b"S"

_PASSING = ("08", "25006", "40", "53", "55P03", "57", "58", "XX")
"""SQLSTATE classes that pass: connection, read-only, rollback, resources, lock, operator, system.

Source: PostgreSQL, Appendix A, "PostgreSQL Error Codes".
"""

_BAD_VALUE = "22"
"""SQLSTATE class of values that their type refuses."""

_VALUE = re.compile(r'".*"', re.DOTALL)
"""A value, where messages of that class quote one; it may have quotes in it."""


_LOGIN_REFUSED = ("28000", "28P01")
"""SQLSTATEs of a login that is refused. Source: likewise, class 28."""


def connect(config: PostgresConnection, secrets: Secrets) -> Any:
    """Open a connection with autocommit off.

    Raises:
        TargetUnavailableError: no answer, or not now.
        TargetRefusedError: wrong password, database or user.
    """
    return log_in(secrets, config.password_secret, partial(_connect, config), _is_refused)


def _connect(config: PostgresConnection, password: Secret) -> Any:
    import pg8000.dbapi

    with failures(config.instance or f"{config.host}:{config.port}"):
        if config.instance:
            return _connect_to_instance(config.instance, config, password)
        with _socket(config.host or "", config.port) as link:
            return pg8000.dbapi.connect(
                user=config.user,
                password=password.text(),
                sock=link,
                ssl_context=False,  # settled
                database=config.database,
                application_name="sluice",
                startup_params=_session(),
            )


@contextmanager
def failures(place: str) -> Iterator[None]:
    """Turn the driver's failures into ours; the server's detail, which may hold values, is cut."""
    from pg8000.exceptions import DatabaseError, InterfaceError

    try:
        yield
    except SluiceError:
        raise
    except InterfaceError as exc:
        raise TargetUnavailableError(f"PostgreSQL {place}: {exc}") from exc
    except DatabaseError as exc:
        raise _sorted(place, exc) from exc
    except OSError as exc:
        raise TargetUnavailableError(f"PostgreSQL {place}: {exc}") from exc


def close(connection: Any) -> None:
    """Close, also a connection that is dead: pg8000 raises there."""
    from pg8000.exceptions import Error

    with suppress(Error, OSError):
        connection.close()


@contextmanager
def _socket(host: str, port: int) -> Iterator[socket.socket]:
    """Open a socket to log in over; once that is done it has the patience for long statements.

    The driver's own ``timeout`` would stay, and break off every statement that takes longer.
    """
    link = socket.create_connection((host, port), CONNECT_TIMEOUT_S)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    try:
        link = _encrypted(link)
        yield link
    except BaseException:
        link.close()
        raise
    link.settimeout(REPLY_TIMEOUT_S)


def _encrypted(link: socket.socket) -> socket.socket:
    """Encrypt where the server can; as the driver does it, it is not asked who it is.

    Only, the driver reads all of the system's certificates first, of which it then uses none: that
    takes longer than the whole login.
    """
    link.sendall(_ASK_FOR_TLS)
    if link.recv(1) != _TLS_GRANTED:
        return link
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(link)


def _connect_to_instance(instance: str, config: PostgresConnection, password: Secret) -> Any:
    """Open a connection through Cloud SQL's own connector.

    Raises:
        TargetUnavailableError: the Cloud SQL Admin API or its credentials do not answer, or refuse.
    """
    from aiohttp import ClientError
    from google.auth.exceptions import GoogleAuthError

    try:
        return _connector().connect(
            instance,
            "pg8000",
            user=config.user,
            password=password.text(),
            db=config.database,
            ip_type="PRIVATE",
            startup_params=_session(),
        )
    except (ClientError, GoogleAuthError) as exc:
        raise TargetUnavailableError(
            f"Cloud SQL {instance}: {exc}. The function's service account needs the role "
            "cloudsql.client, and the instance a private address"
        ) from exc


def _is_refused(exc: PermanentError) -> bool:
    return exc.facts.get("sqlstate") in _LOGIN_REFUSED


def _session() -> dict[str, str]:
    return PLANNING | {name: f"{seconds}s" for name, seconds in SESSION_LIMITS_S.items()}


def _sorted(place: str, exc: Exception) -> SluiceError:
    facts = exc.args[0] if exc.args and isinstance(exc.args[0], dict) else {}
    code, message = str(facts.get("C", "")), str(facts.get("M", exc))
    if code.startswith(_BAD_VALUE):
        message = _VALUE.sub('"…"', message)
    text = f"PostgreSQL {place}: {message} (SQLSTATE {code or 'unknown'})"
    if not code or code.startswith(_PASSING):
        return TargetUnavailableError(text, sqlstate=code)
    if code.startswith(_BAD_VALUE):
        return ValueNotRepresentableError(text, sqlstate=code)
    return TargetRefusedError(text, sqlstate=code)


@cache
def _connector() -> Any:
    """Build this instance's Cloud SQL connector, whose certificates are fetched when needed.

    Background refresh does not survive the CPU throttling of idle instances.
    """
    from google.cloud.sql.connector import Connector

    return Connector(refresh_strategy="LAZY")
