"""From method and path to the function that answers: the table of what is emulated."""

import re
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from local.gcs.errors import ApiError, invalid, not_emulated
from local.gcs.messages import Request, Response, error_response

Handler = Callable[..., Response]
"""Takes the request and the decoded variable parts of its path."""

_ENCRYPTION_HEADER = "x-goog-encryption-algorithm"


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path, whose parts in braces are variable, e.g. `/b/{bucket}`."""

    method: str
    path: str
    handler: Handler


class Router:
    """Finds the handler and turns what it raises into an answer."""

    def __init__(self, routes: list[Route]) -> None:
        """Serve these routes; the first that fits wins."""
        self._routes = [
            (route.method, re.compile(re.sub(r"\{\w+\}", "([^/]+)", route.path)), route.handler)
            for route in routes
        ]

    def dispatch(self, request: Request) -> Response:
        """Answer a request, whatever happens, unless its caller is gone."""
        try:
            return self._handle(request)
        except ApiError as error:
            return error_response(error)
        except ConnectionError:
            raise
        except Exception as exc:  # noqa: BLE001 - the outermost boundary of a request
            traceback.print_exc(file=sys.stderr)
            return error_response(ApiError(500, "backendError", f"Bug in local.gcs: {exc!r}"))

    def _handle(self, request: Request) -> Response:
        if _ENCRYPTION_HEADER in request.headers:
            raise not_emulated("Customer-supplied encryption")
        for method, pattern, handler in self._routes:
            match = pattern.fullmatch(request.path) if method == request.method else None
            if match is not None:
                return handler(request, *[_decode(part) for part in match.groups()])
        raise not_emulated(f"{request.method} {request.path}")


def _decode(part: str) -> str:
    try:
        return unquote(part, errors="strict")
    except UnicodeDecodeError as exc:
        raise invalid(f"This part of the path is not UTF-8: {part}") from exc
