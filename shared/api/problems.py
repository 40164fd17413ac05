"""Errors as people and programs get them: RFC 9457, with a link to what to do.

``type`` is the error's heading in the runbook and ``code`` a stable name of it; ``detail`` says
what happened, to what, and what to do next.
"""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from shared import errors
from shared.errors import SluiceError

MEDIA_TYPE = "application/problem+json"

RETRY_AFTER_S = 5
"""What a caller is told to wait after a failure that may pass."""

STATUSES: Mapping[type[SluiceError], HTTPStatus] = MappingProxyType(
    {
        errors.UnknownTableError: HTTPStatus.NOT_FOUND,
        errors.IllegalTransitionError: HTTPStatus.CONFLICT,
        errors.ConflictError: HTTPStatus.CONFLICT,
        errors.RewindError: HTTPStatus.CONFLICT,
        errors.SourceRefusedError: HTTPStatus.BAD_GATEWAY,
        errors.TargetRefusedError: HTTPStatus.BAD_GATEWAY,
        errors.RetryableError: HTTPStatus.SERVICE_UNAVAILABLE,
        errors.PermanentError: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.QuarantineError: HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)
"""What an error of ours is to a caller; the first that fits."""


_FRAMEWORK_CODES = {
    HTTPStatus.NOT_FOUND: "no_such_route",
    HTTPStatus.METHOD_NOT_ALLOWED: "no_such_method",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "body_too_large",
}
_ADVICE = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "at most 16 MiB are taken; drop large files in the "
    "landing bucket instead",
}


class Problem(BaseModel):
    """An error. Source: RFC 9457, "Problem Details for HTTP APIs"."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "https://example.com/docs/runbook.md#unknowntableerror",
                    "title": "Not Found",
                    "status": 404,
                    "detail": "no table 'fligths' is configured; known: flights, weather",
                    "instance": "/api/v1/tables/fligths",
                    "code": "unknown_table",
                }
            ]
        }
    )

    type: str = Field(description="Where the runbook says what to do.")
    title: str
    status: int
    detail: str = Field(description="What happened, to what, and what to do next.")
    instance: str
    code: str = Field(description="A stable name of the error.")
    errors: list[dict[str, Any]] | None = Field(
        default=None, description="What is wrong with a request, one by one."
    )


class Refusal(Exception):  # noqa: N818 - it is what the caller gets, not a failure of ours
    """A request that is not carried out, for a reason that only HTTP knows."""

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        detail: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})


def of_refusal(request: Request, exc: Exception) -> JSONResponse:
    """Answer a refusal."""
    assert isinstance(exc, Refusal)  # noqa: S101 - it is registered for nothing else
    heading = exc.code.replace("_", "-")
    return _answer(request, exc.status, exc.code, heading, exc.detail, headers=exc.headers)


def of_sluice_error(request: Request, exc: Exception) -> JSONResponse:
    """Answer an error that was raised on purpose."""
    assert isinstance(exc, SluiceError)  # noqa: S101
    status = status_of(exc)
    wait = {"Retry-After": str(RETRY_AFTER_S)} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return _answer(
        request, status, errors.code_of(exc), type(exc).__name__.lower(), exc.message, headers=wait
    )


def of_invalid_request(request: Request, exc: Exception) -> JSONResponse:
    """Answer a request that is not of the documented form."""
    assert isinstance(exc, RequestValidationError)  # noqa: S101
    found = [
        {"at": ".".join(str(part) for part in error["loc"]), "message": error["msg"]}
        for error in exc.errors()
    ]
    said = "; ".join(f"{error['at']}: {error['message']}" for error in found[:3])
    if found[0]["at"] == "body" and "json" not in request.headers.get("content-type", ""):
        said += "; a body of JSON is read with the header Content-Type: application/json"
    return _answer(
        request,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid_request",
        "invalid-request",
        f"the request is not of the documented form: {said}",
        found=found,
    )


def of_http_exception(request: Request, exc: Exception) -> JSONResponse:
    """Answer what the framework refuses by itself: no such route, no such method."""
    assert isinstance(exc, HTTPException)  # noqa: S101
    status = HTTPStatus(exc.status_code)
    code = _FRAMEWORK_CODES.get(status, "invalid_request")
    said = f"{request.method} {request.url.path}: {status.phrase.lower()}"
    advice = _ADVICE.get(status, "/api/v1/openapi.json describes every call")
    heading = code.replace("_", "-")
    return _answer(request, status, code, heading, f"{said}; {advice}", headers=exc.headers)


def of_large_body(request: Request) -> JSONResponse:
    """Answer a request whose body is too long."""
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    return of_http_exception(request, HTTPException(status))


def of_bug(request: Request) -> JSONResponse:
    """Answer a failure that nobody foresaw; the log has it."""
    return _answer(
        request,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "unforeseen",
        "unforeseen",
        "something failed that should not; the log of the function api has it",
    )


def status_of(exc: SluiceError) -> HTTPStatus:
    """Return the HTTP status of an error of ours."""
    kinds = (status for kind, status in STATUSES.items() if isinstance(exc, kind))
    return next(kinds, HTTPStatus.INTERNAL_SERVER_ERROR)


def _answer(
    request: Request,
    status: HTTPStatus,
    code: str,
    heading: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    found: list[dict[str, Any]] | None = None,
) -> JSONResponse:
    problem = Problem(
        type=f"{request.app.state.settings.runbook_url}#{heading}",
        title=status.phrase,
        status=status,
        detail=detail,
        instance=request.url.path,
        code=code,
        errors=found,
    )
    return JSONResponse(
        problem.model_dump(exclude_none=True),
        status_code=status,
        headers=dict(headers or {}),
        media_type=MEDIA_TYPE,
    )
