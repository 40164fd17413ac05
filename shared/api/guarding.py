"""Around every request: security headers, a limit of its body, a line of log, no failure unseen."""

import logging
import time
from collections.abc import Callable
from http import HTTPStatus

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import logs
from shared.api import problems
from shared.core.access import Principal

MAX_BODY_BYTES = 16 * 2**20
"""Mended rows may be so many; Cloud Run takes 32 MiB. Source: Cloud Run, "Quotas and limits"."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Sent with every answer. Source: OWASP, "HTTP Security Response Headers Cheat Sheet"."""

log = logging.getLogger(__name__)


class Guard:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        call = Call(scope, receive, send)
        with logs.context(step="api"):
            try:
                if call.is_too_long:
                    await call.answer(problems.of_large_body)
                    return
                await self._app(scope, call.receive, call.send)
            except Exception:
                log.exception("unforeseen failure of a call")
                await call.answer(problems.of_bug)
            finally:
                call.note()


class Call:
    """One request on its way through."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._started_s = time.perf_counter()
        self._body_bytes = 0
        self._status: int | None = None
        scope.setdefault("state", {})

    async def receive(self) -> Message:
        """Hand on a piece of the body.

        Raises:
            HTTPException: 413, it has grown too long.
        """
        message = await self._receive()
        if message["type"] == "http.request":
            self._body_bytes += len(message.get("body", b""))
            if self._body_bytes > MAX_BODY_BYTES:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return message

    async def send(self, message: Message) -> None:
        """Hand on a piece of the answer, with the headers that every answer has."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-store")
        await self._send(message)

    @property
    def is_too_long(self) -> bool:
        """The request says of itself that its body is longer than is taken."""
        length = Headers(scope=self._scope).get("content-length", "")
        return length.isdecimal() and int(length) > MAX_BODY_BYTES

    async def answer(self, problem: Callable[[Request], Response]) -> None:
        """Answer with a problem, unless an answer has begun."""
        if self._status is None:
            await problem(Request(self._scope))(self._scope, self._receive, self.send)

    def note(self) -> None:
        """Write down who called what, and what came of it."""
        principal: Principal | None = self._scope["state"].get("principal")
        route = self._scope.get("route")
        log.info(
            "call",
            extra={
                "caller": principal.name if principal else "nobody",
                "method": self._scope["method"],
                "route": getattr(route, "path", "none"),
                "status": self._status,
                "duration_s": round(time.perf_counter() - self._started_s, 4),
            },
        )
