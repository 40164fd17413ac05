"""Whether this instance lives, whether its cloud answers, and numbers for Prometheus."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel
from starlette.responses import JSONResponse, PlainTextResponse

from shared.api import examples, metrics
from shared.api.access import Reader
from shared.api.context import Lent, Shared
from shared.errors import SluiceError

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """This instance lives."""

    model_config = examples.shown({"status": "ok", "version": "1.2.3"})

    status: Literal["ok"] = "ok"
    version: str


class Readiness(BaseModel):
    """Whether what every call needs can be reached."""

    status: Literal["ready", "not ready"]
    checks: dict[str, bool]


@router.get("/health")
def health(services: Lent) -> Health:
    """Say that this instance lives. Asks nobody."""
    return Health(version=services.settings.code_version)


@router.get("/ready", responses={503: {"model": Readiness}})
def ready(services: Lent, context: Shared) -> Response:
    """Say whether Cloud Storage and the access list can be read."""
    checks = {
        "storage": _works(services.config.names),
        "access": _works(context.callers.known),
    }
    is_ready = all(checks.values())
    found = Readiness(status="ready" if is_ready else "not ready", checks=checks)
    status = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
    return JSONResponse(found.model_dump(), status_code=status)


@router.get("/metrics", response_class=PlainTextResponse)
def numbers(services: Lent, context: Shared, _: Reader) -> PlainTextResponse:
    """Return numbers in Prometheus' text form."""
    found = metrics.text(services, context.history)
    return PlainTextResponse(found, media_type=metrics.MEDIA_TYPE)


def _works(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except SluiceError:
        return False
    return True
