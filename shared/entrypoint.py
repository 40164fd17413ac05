"""A push request in, acknowledge or retry out: the only place that decides it.

    not signed for Pub/Sub's account   -> 401: nothing of it is read
    returned, permanent or quarantine  -> 204: Pub/Sub forgets the message
    retryable, or anything unforeseen  -> 500: Pub/Sub backs off, redelivers, and dead-letters

A bug is thus loud and bounded by the dead-letter limit, never swallowed.
"""

import hashlib
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from shared import logs, settings, spans
from shared.core import naming, runs, traces
from shared.core.deliveries import Delivery
from shared.core.runs import Failure, Run, RunState, Trigger
from shared.errors import InvalidConfigError, PermanentError, QuarantineError, RetryableError
from shared.pushes import INSTEAD
from shared.steps.auditing import tell
from shared.tokens import InvalidTokenError
from shared.wiring import Services, pushes, services

if TYPE_CHECKING:
    from flask import Request

R = TypeVar("R")

ACKNOWLEDGED = ("", 204)
REDELIVER = ("", 500)
NOT_A_PUSH = ("", 405)
REFUSED = ("", 401)

log = logging.getLogger(__name__)


def push(
    request: "Request", decode: Callable[[Delivery], R], step: Callable[[R, Services], None]
) -> tuple[str, int]:
    """Serve one push of Pub/Sub.

    Args:
        request: the HTTP request.
        decode: turns the delivery into the step's request.
        step: does the work.
    """
    logs.configure(settings.project())
    headers = request.headers
    if request.method != "POST":
        return NOT_A_PUSH
    with logs.context(step=step.__name__):
        try:
            pushes().verify(headers.get("Authorization"), headers.get(INSTEAD))
            return _handle(request.get_data(), decode, step)
        except InvalidTokenError as exc:
            log.warning("push refused", extra={"why": str(exc)})
            return REFUSED
        except RetryableError as exc:
            log.warning("will be redelivered", extra={"error": _name(exc), "why": exc.message})
        except InvalidConfigError as exc:
            log.error("function is not set up, will be redelivered", extra={"why": exc.message})
        except Exception:
            log.exception("unforeseen failure, will be redelivered")
            return REDELIVER
    return REDELIVER


def _handle(
    body: bytes, decode: Callable[[Delivery], R], step: Callable[[R, Services], None]
) -> tuple[str, int]:
    delivery = None
    try:
        delivery = Delivery.from_push(body)
        asked_by = traces.parent(delivery.attributes)
        with logs.context(
            message_id=delivery.message_id, attempt=delivery.attempt, parent_span=asked_by or None
        ):
            request, found = decode(delivery), services()
            with spans.collected(found.settings, step.__name__, delivery.attributes):
                step(request, found)
    except (PermanentError, QuarantineError) as exc:
        log.error("gave up", extra={"error": _name(exc), "why": exc.message, **exc.facts})
        if not exc.is_recorded:
            _record(body, delivery, exc)
    return ACKNOWLEDGED


def _record(body: bytes, delivery: Delivery | None, exc: PermanentError | QuarantineError) -> None:
    """Keep what happened to a message that belongs to no run, where people look for runs."""
    now = services().now()
    at = delivery.published_at if delivery else now
    # A request that is no push has no time of its own: its digest alone makes it one of a kind.
    key = delivery.message_id if delivery else hashlib.sha256(body).hexdigest()
    run = Run(
        run_id=runs.run_id(naming.NO_TABLE, Trigger.MESSAGE, key, at),
        table=naming.NO_TABLE,
        trigger=Trigger.MESSAGE,
        trigger_key=key,
        mode=None,
        created_at=at,
        updated_at=now,
    )
    state = RunState.QUARANTINED if isinstance(exc, QuarantineError) else RunState.FAILED
    failed = run.to(state, now, failure=Failure(error=_name(exc), message=exc.message))
    tell(services().ledger.open(failed), services())


def _name(exc: Exception) -> str:
    return type(exc).__name__
