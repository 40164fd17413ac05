"""The application: routes, errors, guards and the status page, put together once per instance."""

from functools import cache
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from shared import logs
from shared.api import page, parameters, problems
from shared.api.context import Context
from shared.api.guarding import Guard
from shared.api.problems import Problem, Refusal
from shared.api.routes import (
    admin,
    audit,
    backups,
    configuring,
    costs,
    data,
    health,
    metadata,
    pipeline,
    quarantine,
    runs,
    tables,
)
from shared.errors import SluiceError
from shared.settings import ApiSettings, Settings
from shared.wiring import Services

DESCRIPTION = """\
Sluice moves tables and files into databases, every row once, with a receipt.

Every call but `/health` and `/ready` takes a key or an ID token whose role is high enough: `read`,
`operate` or `admin`. Errors are [problem details](https://www.rfc-editor.org/rfc/rfc9457) whose
`type` says what to do. Lists have pages: pass the `next` of one as the `cursor` of the following.
Every POST takes an `Idempotency-Key`: sent again with the same, it does nothing a second time and
answers as it did.
"""

PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "content": {problems.MEDIA_TYPE: {}}}
    for status in (400, 401, 403, 404, 409, 412, 422, 428, 429, 502, 503)
}
"""What any call may answer instead."""


@cache
def application() -> FastAPI:
    """Return this instance's application, from its environment."""
    settings = Settings.from_environment()
    logs.configure(settings.project)
    api_settings = ApiSettings.from_environment()
    return build(api_settings, Context.build(api_settings, lambda: Services.build(settings)))


class Answer(Response):
    """What this instance's application answers to a request, as a response of the framework."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer. The response is called as an application is, with the request's own scope."""
        await application()(scope, receive, send)


def build(settings: ApiSettings, context: Context) -> FastAPI:
    """Put the application together."""
    app = FastAPI(
        title="Sluice",
        version="1",
        summary="Tables, runs, quarantine and repairs.",
        description=DESCRIPTION,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # it would load scripts from elsewhere
        redoc_url=None,
        generate_unique_id_function=_operation_id,
    )
    app.state.settings = settings
    app.state.context = context
    for part in (
        configuring,
        tables,
        pipeline,
        runs,
        data,
        metadata,
        quarantine,
        costs,
        admin,
        audit,
        backups,
    ):
        app.include_router(
            part.router, responses=PROBLEMS, dependencies=[Depends(parameters.require_known)]
        )
    app.include_router(health.router, responses={s: PROBLEMS[s] for s in (401, 403, 429, 503)})
    page.mount(app)
    app.add_exception_handler(Refusal, problems.of_refusal)
    app.add_exception_handler(SluiceError, problems.of_sluice_error)
    app.add_exception_handler(RequestValidationError, problems.of_invalid_request)
    app.add_exception_handler(HTTPException, problems.of_http_exception)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.origins),
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["Authorization", "X-API-Key", "Idempotency-Key", "If-Match"],
        )
    app.add_middleware(Guard)
    return app


def _operation_id(route: APIRoute) -> str:
    part = str(route.tags[0]) if route.tags else "page"
    return f"{part}_{route.name}"
