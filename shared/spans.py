"""Where a step's spans go: Cloud Trace, a collector, or a file; nowhere unless configured.

They are sent before the function answers: afterwards Cloud Run takes its CPU away. They are for
people who look, so what cannot be delivered is logged, and nothing waits for it longer than
``TIMEOUT_S``.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from shared import outside, timings
from shared.core import otlp
from shared.core.otlp import Fact, Timing
from shared.errors import InvalidConfigError
from shared.settings import Settings

FORMS = "off, file:<path>, otlp (Cloud Trace), or otlp:https://<host>/v1/traces (a collector)"

CLOUD_TRACE = "https://telemetry.googleapis.com/v1/traces"
"""Source: Google Cloud Observability, "Telemetry (OTLP) API"."""

APPEND = "https://www.googleapis.com/auth/trace.append"
"""Scope of the least right that the endpoint takes. Source: likewise."""

CONTENT_TYPE = "application/x-protobuf"

TIMEOUT_S = 5.0
"""For the spans of one delivery."""

log = logging.getLogger(__name__)


@contextmanager
def collected(settings: Settings, step: str, asked_by: Mapping[str, str]) -> Iterator[None]:
    """Collect the spans of one delivery and deliver them at its end, however it ends.

    Args:
        settings: where they go, and of which share of all runs.
        step: names the function.
        asked_by: attributes of the message.
    """
    if settings.traces == "off":
        yield
        return
    with timings.recorded(asked_by, settings.traces_share) as recording:
        try:
            yield
        finally:
            if recording.timings:
                deliver(settings, step, recording.timings)


def deliver(settings: Settings, step: str, found: list[Timing]) -> None:
    """Deliver spans; what cannot be delivered is logged, whatever the reason."""
    resource: dict[str, Fact] = {
        "service.name": f"{settings.prefix}-{step}",
        "service.version": settings.code_version,
        "gcp.project_id": settings.project,
    }
    try:
        _send(settings.traces, found, resource)
    except (InvalidConfigError, OSError) as exc:
        log.warning("spans were not delivered", extra={"why": str(exc), "spans": len(found)})
    except Exception:
        # Raised from here it would fail a step that has committed, or hide why one failed.
        log.exception("spans were not delivered")


def _send(place: str, found: list[Timing], resource: Mapping[str, Fact]) -> None:
    form, _, where = place.partition(":")
    if form == "file" and where:
        with Path(where).open("ab") as file:
            file.write(otlp.as_json(found, resource) + b"\n")
    elif form == "otlp" and where:
        body = otlp.as_protobuf(found, resource)
        outside.post(where, body, CONTENT_TYPE, what="SLUICE_TRACES", timeout_s=TIMEOUT_S)
    elif form == "otlp":
        body = otlp.as_protobuf(found, resource)
        outside.within(TIMEOUT_S, lambda: _post_to_google(body))
    else:
        raise InvalidConfigError(f"SLUICE_TRACES={place!r} is no place for spans; it is {FORMS}")


def _post_to_google(body: bytes) -> None:
    """Post to Cloud Trace, as the function's own account.

    Raises:
        OSError: it was not taken.
    """
    from google.auth.exceptions import GoogleAuthError

    headers = {"Content-Type": CONTENT_TYPE}
    try:
        # What requests raises is an OSError.
        reply = _session().post(
            CLOUD_TRACE, data=body, headers=headers, timeout=TIMEOUT_S, allow_redirects=False
        )
    except GoogleAuthError as exc:
        raise OSError(f"no credentials: {type(exc).__name__}") from exc
    if not reply.ok:
        raise OSError(f"{CLOUD_TRACE} answered {reply.status_code}")


@cache
def _session() -> Any:
    import google.auth
    from google.auth.transport.requests import AuthorizedSession

    credentials, _ = google.auth.default(scopes=[APPEND])
    return AuthorizedSession(credentials)
