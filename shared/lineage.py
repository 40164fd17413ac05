"""Where lineage events go: a file, an HTTP endpoint, or a topic; nowhere unless configured.

They are for catalogues, which can do without one: what cannot be delivered is logged, and
`sluice lineage` makes the same events again from the run's record.
"""

import json
import logging
from pathlib import Path

from shared import outside
from shared.bus import Bus
from shared.errors import InvalidConfigError, StorageUnavailableError

TIMEOUT_S = 10.0
"""For one event to an HTTP endpoint; the run has ended, and its message is not acknowledged yet."""

FORMS = "file:///<path>, https://<host>/<path>, or projects/<project>/topics/<topic>"

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
        outside.post(place, event, "application/json", what="SLUICE_LINEAGE", timeout_s=TIMEOUT_S)
    elif place.startswith("projects/"):
        bus.publish(place, event, {"type": json.loads(event)["eventType"]})
    else:
        raise InvalidConfigError(f"lineage cannot go to {place!r}; SLUICE_LINEAGE is {FORMS}")
