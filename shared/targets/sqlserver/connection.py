"""One ODBC connection to SQL Server, with failures sorted by what to do."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from shared.config.connections import SqlServerConnection
from shared.errors import (
    InvalidConfigError,
    PermanentError,
    SluiceError,
    TargetRefusedError,
    TargetUnavailableError,
    ValueNotRepresentableError,
)
from shared.logins import log_in
from shared.secrets import Secret, Secrets
from shared.targets.sqlserver import drivers
from shared.targets.sqlserver.bookkeeping import LOCK_TIMEOUT_MS

if TYPE_CHECKING:
    import pyodbc

CONNECT_TIMEOUT_S = 10

STATEMENT_TIMEOUT_S = 400
"""No statement has more time than one delivery."""

OPTIONS = (
    "SET XACT_ABORT ON",
    f"SET LOCK_TIMEOUT {LOCK_TIMEOUT_MS}",
    "SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET LANGUAGE us_english",
)
"""Any error ends the transaction, no lock is waited for for ever, and errors are in one language.

``ANSI_WARNINGS``, ``ANSI_NULLS``, ``ARITHABORT`` and the like are on: ODBC drivers see to that.
"""

_PASSING_STATES = ("08", "HYT", "40001")
"""SQLSTATEs that pass: connection, time-out, deadlock. Source: "ODBC Error Codes"."""

_PASSING = frozenset(
    {
        *(1204, 1205, 1222, 3960),  # no locks left, deadlock, lock time-out, row version conflict
        *(701, 802, 8645, 8651),  # memory
        *(1105, 9002, 9001),  # disk or log full, log not there
        *(
            922,
            924,
            927,
            976,
            978,
            983,
            3906,
        ),  # starting, single user, restoring, replica, read-only
        *(2714, 2759),  # somebody else created it meanwhile
        *(6005, 17142, 17147, 17187, 18401),  # shutting down, paused, starting, being upgraded
        *(10928, 10929, 40143, 40197, 40501, 40540, 40613, 42108, 42109),  # throttled, moved
        *(49918, 49919, 49920, 615, 4221),  # busy, failing over
        *(64, 121, 233, 10053, 10054, 10060),  # the network
    }
)
"""Error numbers that pass. Source: "Database Engine events and errors", and "Troubleshoot
transient connection errors in Azure SQL"."""

_BAD_VALUES = frozenset(
    {220, 232, 235, 241, 242, 244, 245, 248, 517, 2628, 8114, 8115, 8152, 8169, 13609}
)
"""Error numbers of values that their type refuses. Source: "Database Engine events and errors"."""

_LOGIN_FAILED = 18456
"""Error number of a login that is refused. Source: likewise."""

_VALUES = re.compile(
    r"(?:Truncated value:|The duplicate key value is|\bvalue '|, value =).*", re.DOTALL
)
"""Where a message begins to quote a value."""

_NUMBER = re.compile(r"\((-?\d+)\)")
_SOURCE = re.compile(r"^(?:\[[^\]]*\] ?)+")
_UNLOADABLE = "Can't open lib"
"""unixODBC's words for a driver that cannot be loaded, whatever the reason."""

_CERTIFICATE = re.compile("certificate|SSL Provider", re.IGNORECASE)


class Session:
    """A connection whose transactions begin with a cursor and end where they are told to.

    The driver's own mode for that begins one only with certain statements, which those that take
    locks are not. All goes through one cursor: what it has not read yet would keep another waiting.
    """

    def __init__(self, link: "pyodbc.Connection") -> None:
        self._link = link
        self._cursor = link.cursor()

    def cursor(self) -> Any:
        """Begin a transaction and return the cursor."""
        self._cursor.execute("BEGIN TRANSACTION")
        return self._cursor

    def commit(self) -> None:
        """Commit the transaction."""
        self._cursor.execute("COMMIT TRANSACTION")

    def rollback(self) -> None:
        """Undo the transaction, if the server has not; a dead link has none."""
        with suppress(drivers.load().Error):
            self._cursor.execute("IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION")

    def close(self) -> None:
        """Close the link."""
        self._link.close()


def connect(config: SqlServerConnection, secrets: Secrets) -> Session:
    """Open a connection.

    Raises:
        InvalidConfigError: the driver is not there, or cannot be loaded.
        TargetUnavailableError: no answer, or not now.
        TargetRefusedError: wrong password, database or user; a certificate that is not trusted.
    """
    authority = secrets.get(config.ca_secret).text() if config.ca_secret else None
    connect = partial(_connect, config, authority)
    return log_in(secrets, config.password_secret, connect, _is_refused)


def _connect(config: SqlServerConnection, authority: str | None, password: Secret) -> Session:
    pyodbc = drivers.load()
    pyodbc.pooling = False
    with failures(f"{config.host}:{config.port}"), drivers.trust(authority):
        link = pyodbc.connect(
            drivers.connection_string(config, password.text()),
            timeout=CONNECT_TIMEOUT_S,
            autocommit=True,
        )
        link.timeout = STATEMENT_TIMEOUT_S
        link.execute("; ".join(OPTIONS))
        return Session(link)


@contextmanager
def failures(place: str) -> Iterator[None]:
    """Turn the driver's failures into ours; values in the server's messages are cut."""
    try:
        yield
    except SluiceError:
        raise
    except drivers.load().Error as exc:
        raise _sorted(place, exc) from exc


def close(connection: Session) -> None:
    """Close, also a connection that is dead."""
    with suppress(drivers.load().Error):
        connection.close()


def _is_refused(exc: PermanentError) -> bool:
    return exc.facts.get("number") == _LOGIN_FAILED


def _sorted(place: str, exc: Exception) -> SluiceError:
    state, message = (*map(str, exc.args), "", "")[:2]
    number = _number(message)
    text = _SOURCE.sub("", message.partition("; [")[0]).rpartition(" (SQL")[0] or message
    text = f"SQL Server {place}: {_VALUES.sub('', text).strip()} (SQLSTATE {state or 'unknown'})"
    if _UNLOADABLE in message:
        advice = "Microsoft's is linked with libgssapi_krb5 (apt install libgssapi-krb5-2)"
        return InvalidConfigError(
            f"{text}. It is not there, or a library that it needs is not: {advice}"
        )
    if state.startswith("08") and _CERTIFICATE.search(message):
        advice = "name the authority's certificate with connections.sqlserver.ca_secret"
        return TargetRefusedError(f"{text}. The server's certificate is not trusted: {advice}")
    if number in _BAD_VALUES or state.startswith("22"):
        return ValueNotRepresentableError(text, sqlstate=state, number=number)
    if number in _PASSING or not state or state.startswith(_PASSING_STATES):
        return TargetUnavailableError(text, sqlstate=state, number=number)
    return TargetRefusedError(text, sqlstate=state, number=number)


def _number(message: str) -> int | None:
    """Return the server's error number, which drivers put last before their function's name."""
    found = _NUMBER.findall(message.partition("; [")[0].rpartition(" (SQL")[0])
    return int(found[-1]) if found else None
