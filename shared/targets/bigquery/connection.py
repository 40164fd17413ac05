"""Clients of BigQuery, and its failures sorted into ours."""

import re
from collections.abc import Iterator
from concurrent.futures import TimeoutError as JobTimeoutError
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shared.config.connections import BigQueryConnection
from shared.errors import (
    SluiceError,
    TargetRefusedError,
    TargetUnavailableError,
    ValueNotRepresentableError,
)

if TYPE_CHECKING:
    from google.cloud.bigquery import Client

WAIT_S = 300.0
"""So long one delivery waits for a job; it goes on without us, and a redelivery finds it."""

CONFLICT = "aborted due to concurrent"
"""In the message of a transaction that lost to another. Source: "Troubleshoot multi-statement
transactions"."""

_PASSING = (
    *(CONFLICT, "Could not serialize access", "rateLimitExceeded", "jobRateLimitExceeded"),
    *("quotaExceeded", "jobBackendError", "tableUnavailable"),
)
"""In the messages and reasons of failures that pass. Source: "Error messages"."""

_BAD_VALUES = ("out of range", "is too long", "overflow", "cannot be null")
"""In the messages about values that a column refuses. Source: none is complete; these were seen."""

_VALUE = re.compile(
    r"(\bvalue\b|could not (?:parse|convert|cast)|cannot (?:parse|convert|cast)|"
    r"(?:overflow|out of range)[^:]*:).*",
    re.IGNORECASE | re.DOTALL,
)
"""Where a message begins to quote a value."""


def connect(config: BigQueryConnection) -> "Client":
    """Return a client; nothing is contacted yet.

    Raises:
        TargetRefusedError: there are no credentials here.
    """
    from google.api_core.client_options import ClientOptions
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.bigquery import Client

    options, credentials = None, None
    if config.endpoint:
        options = ClientOptions(api_endpoint=config.endpoint)
        if config.endpoint.startswith("http://"):
            credentials = AnonymousCredentials()
    with failures(config.project):
        return Client(
            project=config.project,
            location=config.location,
            client_options=options,
            credentials=credentials,
        )


@contextmanager
def failures(place: str) -> Iterator[None]:
    """Turn the client's failures into ours."""
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError
    from requests.exceptions import RequestException

    try:
        yield
    except SluiceError:
        raise
    except (JobTimeoutError, RequestException) as exc:
        raise TargetUnavailableError(f"BigQuery {place}: {exc or 'no end in sight'}") from exc
    except (GoogleAPIError, GoogleAuthError) as exc:
        raise _sorted(place, exc) from exc


def _cut(found: re.Match[str]) -> str:
    return f"{found[1]} …"


def _sorted(place: str, exc: Exception) -> SluiceError:
    from google.auth.exceptions import TransportError

    code = getattr(exc, "code", None)
    message = str(getattr(exc, "message", "") or exc).partition("\n\nLocation:")[0]
    text = f"BigQuery {place}: {_VALUE.sub(_cut, message)}"
    said = f"{message} {getattr(exc, 'errors', '')}"
    # Without a code: the client gave up after its own retries.
    is_server = (
        (code is None and not hasattr(exc, "retryable")) or code == 429 or (code or 0) >= 500
    )
    if isinstance(exc, TransportError) or is_server or any(each in said for each in _PASSING):
        return TargetUnavailableError(text, code=code)
    if any(each in message for each in _BAD_VALUES):
        return ValueNotRepresentableError(text, code=code)
    return TargetRefusedError(text, code=code)
