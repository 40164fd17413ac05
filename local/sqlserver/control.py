"""What people and tests ask and order over HTTP: health and faults.

GET    /_health
GET    /_faults    POST    DELETE    see `faults`
"""

from __future__ import annotations

from typing import Any

from local.http_json import Call, Route
from local.sqlserver.faults import Faults


def routes(faults: Faults) -> list[Route]:
    """Return what an HTTP server needs."""

    def add(call: Call) -> list[dict[str, Any]]:
        faults.add(call.document())
        return faults.documents()

    return [
        Route("GET", "/_health", lambda _: {"status": "ok"}),
        Route("GET", "/_faults", lambda _: faults.documents()),
        Route("POST", "/_faults", add),
        Route("DELETE", "/_faults", lambda _: faults.clear()),
    ]
