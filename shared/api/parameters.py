"""Query parameters: those that a call does not have are refused, misspelt ones too."""

from collections.abc import Iterator
from http import HTTPStatus

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from shared.api.problems import Refusal
from shared.core.wording import meant


def require_known(request: Request) -> None:
    """Make sure that a call has all query parameters that it is sent.

    Raises:
        Refusal: it has not.
    """
    route: APIRoute = request.scope["route"]
    known = sorted(set(_names(route.dependant)))
    for name in request.query_params:
        if name not in known:
            raise Refusal(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "invalid_request",
                f"no query parameter {name!r} here; known: {', '.join(known) or 'none'}"
                f"{meant(name, known)}",
            )


def _names(dependant: Dependant) -> Iterator[str]:
    for parameter in dependant.query_params:
        yield parameter.alias
    for other in dependant.dependencies:
        yield from _names(other)
