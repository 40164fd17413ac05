"""What goes wrong in Google's client: tried again for a while, then one of our errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from shared.errors import ConflictError, StorageUnavailableError

RETRY_TIMEOUT_S = 30.0
"""How long one call is tried again; the message's own redelivery takes over from there."""


def retry() -> Any:
    """Return how every call is tried again; every write is conditional, so that is safe.

    A reply lost on the way makes the client try a write again that has succeeded: it then meets
    its own generation, and the caller a ``ConflictError`` over a write of its own.
    """
    from google.cloud.storage.retry import DEFAULT_RETRY

    return DEFAULT_RETRY.with_timeout(RETRY_TIMEOUT_S)


def not_found() -> type[Exception]:
    """Return what the client raises where there is no such object, or no such bucket."""
    from google.api_core.exceptions import NotFound

    return NotFound


def precondition() -> type[Exception]:
    """Return what the client raises where an object has another generation than asked for."""
    from google.api_core.exceptions import PreconditionFailed

    return PreconditionFailed


@contextmanager
def failures(bucket: str, name: str) -> Iterator[None]:
    """Turn the client's failures into ours.

    A refused precondition reaches us in two forms: ``PreconditionFailed``, and ``InvalidResponse``
    with status 412 from the chunked writer.
    """
    from google.api_core.exceptions import GoogleAPICallError, NotFound, RetryError
    from google.auth.exceptions import TransportError
    from google.cloud.storage.exceptions import DataCorruption, InvalidResponse
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    place = f"gs://{bucket}/{name}"
    try:
        yield
    except NotFound as exc:
        raise StorageUnavailableError(f"{place}: not found: {exc}", object=place) from exc
    except (GoogleAPICallError, InvalidResponse) as exc:
        code = exc.response.status_code if isinstance(exc, InvalidResponse) else exc.code
        if code == 412:
            raise ConflictError(f"{place} has another generation", object=place) from exc
        raise StorageUnavailableError(f"{place}: {exc}", object=place) from exc
    except (
        RetryError,
        RequestException,
        TransportError,
        DataCorruption,
        HTTPError,
        ConnectionError,
    ) as exc:
        raise StorageUnavailableError(f"{place}: {exc}", object=place) from exc
