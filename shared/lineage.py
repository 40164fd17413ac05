"""Where lineage events go: a file, an HTTP endpoint, or a topic; nowhere unless configured.

They are for catalogues, which can do without one: what cannot be delivered is logged, and
`sluice lineage` makes the same events again from the run's record.
"""

import json
import logging
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from shared.bus import Bus
from shared.errors import InvalidConfigError, StorageUnavailableError

TIMEOUT_S = 10.0
"""For one event to an HTTP endpoint; the run has ended, and its message is not acknowledged yet."""

FORMS = "file:///<path>, https://<host>/<path>, or projects/<project>/topics/<topic>"

HERE = frozenset({"127.0.0.1", "::1", "localhost"})
"""Hosts that may be spoken to in plain HTTP."""

METADATA = frozenset({"metadata", "metadata.google.internal", "169.254.169.254", "fd20:ce::254"})
"""Hosts that hand out the function's own credentials. Source: Compute Engine, "About VM metadata".
"""

log = logging.getLogger(__name__)


def deliver(place: str, events: list[bytes], bus: Bus) -> None:
    """Deliver events, in their order; what cannot be delivered is logged.

    Raises:
        InvalidConfigError: the place is none.
    """
    try:
        for event in events:
            _send(place, event, bus)
    except (StorageUnavailableError, OSError) as exc:
        log.warning("lineage was not delivered", extra={"why": str(exc)})


def _send(place: str, event: bytes, bus: Bus) -> None:
    if place.startswith("file://"):
        with Path(place.removeprefix("file://")).open("ab") as file:
            file.write(event + b"\n")
    elif place.startswith(("http://", "https://")):
        _require_outside(place)
        _post(place, event)
    elif place.startswith("projects/"):
        bus.publish(place, event, {"type": json.loads(event)["eventType"]})
    else:
        raise InvalidConfigError(f"lineage cannot go to {place!r}; SLUICE_LINEAGE is {FORMS}")


def _require_outside(url: str) -> None:
    """Make sure that events go over TLS, and to nobody who answers with credentials.

    Raises:
        InvalidConfigError: they do not.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if host in METADATA or (parts.scheme != "https" and host not in HERE):
        raise InvalidConfigError(
            f"lineage cannot go to {host!r} by {parts.scheme}: it needs https, and no metadata "
            f"server; SLUICE_LINEAGE is {FORMS}"
        )


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Takes an answer that leads elsewhere for a refusal: only the configured host is spoken to."""

    def redirect_request(self, *_: object) -> None:
        """Go nowhere."""


def _post(url: str, event: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, event, headers)  # noqa: S310 - http(s) only, see above
    opener = urllib.request.build_opener(_NoRedirect)
    with opener.open(request, timeout=TIMEOUT_S):
        return
