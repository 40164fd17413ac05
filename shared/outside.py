"""HTTP to a host that the configuration names: over TLS, without redirects, never for credentials.

What leaves the cloud by an address of the environment leaves it here: lineage, and spans.
"""

import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException, InvalidURL
from urllib.parse import urlsplit

from shared.errors import InvalidConfigError

HERE = frozenset({"127.0.0.1", "::1", "localhost"})
"""Hosts that may be spoken to in plain HTTP."""

METADATA = frozenset({"metadata", "metadata.google.internal", "169.254.169.254", "fd20:ce::254"})
"""Hosts that hand out the function's own credentials. Source: Compute Engine, "About VM metadata".
"""


def post(url: str, body: bytes, content_type: str, *, what: str, timeout_s: float) -> None:
    """Post a body, and take any status but 2xx for a failure.

    Args:
        url: where to.
        body: sent as it is.
        content_type: of the body.
        what: names the setting with the address, for errors.
        timeout_s: for the whole request.

    Raises:
        InvalidConfigError: the address is none, or may not be sent anything to.
        OSError: it was not taken in time.
    """
    require_outside(url, what)
    within(timeout_s, lambda: _post(url, body, content_type, what=what, timeout_s=timeout_s))


def within(timeout_s: float, send: Callable[[], None]) -> None:
    """Send something in a thread of its own, and wait for its end for so long at most.

    A timeout of a socket is for each of its operations: a server that sends a byte now and then
    would hold the caller for as long as it likes. A thread that is given up ends by itself.

    Raises:
        TimeoutError: it goes on for longer.
        Exception: whatever was raised while it was sent.
    """
    raised: list[BaseException] = []

    def run() -> None:
        try:
            send()
        except BaseException as exc:  # noqa: BLE001 - raised again where somebody waits for it
            raised.append(exc)

    thread = threading.Thread(target=run, name="outside", daemon=True)
    thread.start()
    thread.join(timeout_s)
    if thread.is_alive():
        raise TimeoutError(f"it did not end in {timeout_s:g} s")
    for exc in raised:
        raise exc


def _post(url: str, body: bytes, content_type: str, *, what: str, timeout_s: float) -> None:
    headers = {"Content-Type": content_type}
    try:
        request = urllib.request.Request(url, body, headers)  # noqa: S310 - http(s) only
        # The answer's body is not read: its status says whether it was taken.
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=timeout_s):
            return
    except OSError:
        raise  # errors of certificates are both OSError and ValueError
    except (InvalidURL, ValueError) as exc:
        raise _no_address(what, exc) from exc
    except HTTPException as exc:
        # Its text quotes what was answered, or the address.
        raise OSError(f"what was answered is no HTTP ({type(exc).__name__})") from exc


def require_outside(url: str, what: str) -> None:
    """Make sure that an address may be sent something to.

    Raises:
        InvalidConfigError: it is no address, holds a user or a password, or is plain HTTP to
            elsewhere or of a metadata server.
    """
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
        # Both raise ValueError where they are wrong: a port of letters, a label that is too long.
        _ = parts.port, host.encode("idna")
    except ValueError as exc:
        raise _no_address(what, exc) from exc
    if not host:
        raise InvalidConfigError(f"{what} names no host; write https://<host>/...")
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and host in HERE)
    if host in METADATA or not is_safe:
        raise InvalidConfigError(
            f"{what} cannot go to {host!r} by {parts.scheme}: it needs https, and no metadata "
            "server"
        )
    if "@" in parts.netloc:
        raise InvalidConfigError(
            f"{what} holds a user or a password before {host!r}, which would end up in logs; leave "
            "them out"
        )


def place(url: str) -> str:
    """Return host and port of an address that was checked, as errors may show them."""
    return urlsplit(url).netloc.rpartition("@")[2]


def _no_address(what: str, exc: Exception) -> InvalidConfigError:
    return InvalidConfigError(
        f"{what} is no address that can be called ({type(exc).__name__}); check its host and port, "
        "and that there are no spaces in it"
    )


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Takes an answer that leads elsewhere for a refusal: only the configured host is spoken to."""

    def redirect_request(self, *_: object) -> None:
        """Go nowhere."""
