"""One Snowflake session by key pair, with failures sorted by what to do."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from shared.config.connections import SnowflakeConnection
from shared.errors import (
    InvalidConfigError,
    PermanentError,
    SluiceError,
    SourceRefusedError,
    SourceUnavailableError,
)
from shared.logins import log_in
from shared.secrets import Secret, Secrets
from shared.settings import BUDGET_S

_REFUSED_STATES = ("02", "0A", "22", "42")
"""SQLSTATE classes that trying again cannot help: no data, unsupported, bad value, bad statement.

A statement that was cancelled, timed out or met an inner error has another one, and is tried again.
"""

_BAD_VALUE = "22"
"""SQLSTATE class of values that a cast of the query, or of a view that it reads, refuses."""

_VALUE = re.compile(r"""['"].*['"]|(?<=\bvalue )[^'"].*""", re.DOTALL)
"""A value, where messages of that class quote one; it may have quotes in it.

What was in a VARIANT, or was to be JSON, stands in double quotes; numbers and objects in none.
"""

LOGIN_TIMEOUT_S = 30

REQUEST_TIMEOUT_S = 120
"""For requests that execute nothing, such as closing a session, with all repeats."""

QUERY_TIMEOUT_S = int(BUDGET_S) + 50
"""For a statement, with all repeats: longer than a delivery works, so that a slow one is not broken
off, and shorter than the 540 s after which its function is killed.
"""

_KEY_REFUSED = 390144

_REFUSED = {
    904: "a column does not exist",
    1003: "the statement is not valid SQL",
    2003: "the table does not exist, or the role may not see it",
    2043: "the object does not exist, or the role may not see it",
    3001: "the role lacks a privilege",
    _KEY_REFUSED: (
        "the key pair was refused: check account, user and the key registered for the user"
    ),
}
"""Error numbers that trying again cannot help. Source: seen in replies of the service."""


def connect(config: SnowflakeConnection, secrets: Secrets, tag: dict[str, str]) -> Any:
    """Open a session in UTC whose queries carry ``tag`` as their QUERY_TAG.

    It reads dates and times as they are written here, whatever the account's formats are.

    Raises:
        SourceUnavailableError: no answer, or not now.
        SourceRefusedError: the key pair was refused.
        InvalidConfigError: the secret is not a private key in PEM form.
    """
    login = partial(_connect, config, tag)
    return log_in(secrets, config.private_key_secret, login, _is_refused)


def _connect(config: SnowflakeConnection, tag: dict[str, str], private_key: Secret) -> Any:
    import snowflake.connector

    place = {"host": config.host, "port": config.port} if config.host else {}
    with failures(f"login as {config.user}"):
        return snowflake.connector.connect(
            account=config.account,
            user=config.user,
            authenticator="SNOWFLAKE_JWT",
            private_key=_der(private_key, config.private_key_secret),
            protocol=config.protocol,
            login_timeout=LOGIN_TIMEOUT_S,
            request_timeout=REQUEST_TIMEOUT_S,
            query_timeout=QUERY_TIMEOUT_S,
            paramstyle="qmark",
            arrow_number_to_decimal=True,
            application="sluice",
            enable_server_session_keep_alive_auto_detection=False,
            session_parameters={
                "QUERY_TAG": json.dumps({"app": "sluice", **tag}),
                "TIMEZONE": "UTC",
                "DATE_INPUT_FORMAT": "AUTO",
                "TIME_INPUT_FORMAT": "AUTO",
                "TIMESTAMP_INPUT_FORMAT": "AUTO",
                "USE_CACHED_RESULT": False,
            },
            **{k: v for k, v in (("role", config.role), ("warehouse", config.warehouse)) if v},
            **place,
        )


@contextmanager
def failures(doing: str) -> Iterator[None]:
    """Turn the connector's failures into ours; values in Snowflake's messages are cut."""
    from snowflake.connector.errors import Error, ProgrammingError

    try:
        yield
    except SluiceError:
        raise
    except Error as exc:
        number = getattr(exc, "errno", None) or 0
        state = str(getattr(exc, "sqlstate", None) or "")
        said = str(getattr(exc, "msg", None) or exc)
        if state.startswith(_BAD_VALUE):
            said = _VALUE.sub("'…'", said)
        text = f"Snowflake, {doing}: {said}"
        if number in _REFUSED:
            raise SourceRefusedError(f"{text} ({_REFUSED[number]})", errno=number) from exc
        if isinstance(exc, ProgrammingError) and state.startswith(_REFUSED_STATES):
            raise SourceRefusedError(text, errno=number) from exc
        raise SourceUnavailableError(text, errno=number) from exc
    except OSError as exc:
        raise SourceUnavailableError(f"Snowflake, {doing}: {exc}") from exc


def _is_refused(exc: PermanentError) -> bool:
    return exc.facts.get("errno") == _KEY_REFUSED


def _der(secret: Secret, name: str) -> bytes:
    from cryptography.hazmat.primitives import serialization

    try:
        key = serialization.load_pem_private_key(secret.reveal(), password=None)
    except (ValueError, TypeError) as exc:
        raise InvalidConfigError(f"secret {name} is not an unencrypted PEM private key") from exc
    return key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
