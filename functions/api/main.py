"""API: what people and machines ask, and the status page.

The routes are in shared/api/routes, the page in shared/api/page.
"""

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response


@functions_framework.aio.http
def api(request: Request) -> Response:  # noqa: ARG001 - the application reads it itself
    """Serve one request."""
    from shared.api.app import Answer

    return Answer()
