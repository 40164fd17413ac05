"""A small JSON-over-HTTP server on the loopback address, for control endpoints and REST services.

Standard library only. Routes are a method, a regular expression for the path and a function; what
that function returns is sent as JSON (None: 204, no body).
"""

import json
import re
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

HOST = "127.0.0.1"


class HttpError(Exception):
    """An answer other than success."""

    def __init__(self, code: int, message: str, status: str = "") -> None:
        """Keep what is sent.

        Args:
            code: HTTP status.
            message: what is wrong, and what to do.
            status: name of the error, as Google's services give it.
        """
        super().__init__(message)
        self.code = code
        self.document = {"error": {"code": code, "message": message, "status": status}}


@dataclass(frozen=True, slots=True)
class Call:
    """What a route gets to know about a request besides its path."""

    query: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def document(self) -> Any:
        """Return the body's JSON; an empty body stands for an empty object.

        Raises:
            HttpError: 400, it is none.
        """
        try:
            return json.loads(self.body or b"{}")
        except ValueError as exc:
            raise HttpError(400, f"the body is not JSON: {exc}", "INVALID_ARGUMENT") from exc

    def fields(self) -> dict[str, Any]:
        """Return the body's JSON object; an empty body stands for an empty one.

        Raises:
            HttpError: 400, it is none.
        """
        document = self.document()
        if not isinstance(document, dict):
            raise HttpError(400, "the body is not a JSON object", "INVALID_ARGUMENT")
        return document


@dataclass(frozen=True, slots=True)
class Route:
    """A method, a pattern that the whole path must match, and who answers.

    ``answer`` takes the call and the pattern's groups, percent-decoded.
    """

    method: str
    pattern: str
    answer: Callable[..., Any]


class JsonServer(ThreadingHTTPServer):
    """Serves routes on 127.0.0.1 from threads of its own; the first route that fits answers."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, routes: Sequence[Route]) -> None:
        """Open the port and begin to serve.

        Args:
            port: TCP port; 0 picks a free one, see ``server_port``.
            routes: what is served.

        Raises:
            OSError: the port is taken.
        """
        super().__init__((HOST, port), _Handler)
        self._routes = [(each, re.compile(each.pattern)) for each in routes]
        threading.Thread(target=self.serve_forever, name=f"http-{port}", daemon=True).start()

    def answer(self, method: str, path: str, call: Call) -> tuple[int, Any]:
        """Return HTTP status and document for a request."""
        try:
            for route, pattern in self._routes:
                match = pattern.fullmatch(path) if route.method == method else None
                if match is not None:
                    document = route.answer(call, *(unquote(each) for each in match.groups()))
                    return (204 if document is None else 200), document
            raise HttpError(404, f"{method} {path}: not served here", "NOT_FOUND")
        except HttpError as error:
            return error.code, error.document
        except Exception as exc:  # noqa: BLE001 - the outermost boundary of a request
            traceback.print_exc(file=sys.stderr)
            return 500, HttpError(500, f"bug in the local cloud: {exc!r}", "INTERNAL").document


class _Handler(BaseHTTPRequestHandler):
    server: JsonServer
    protocol_version = "HTTP/1.1"
    # One segment for headers and body: otherwise the body waits for the caller's delayed ACK.
    wbufsize = -1
    disable_nagle_algorithm = True

    def _respond(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        call = Call(dict(parse_qsl(url.query, keep_blank_values=True)), body)
        status, document = self.server.answer(self.command, url.path, call)
        content = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        if document is not None:
            self.send_header("content-type", "application/json; charset=UTF-8")
            self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    do_GET = do_POST = do_PUT = do_DELETE = _respond  # noqa: N815 - its base's names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its base's name
        """Say nothing: a test makes thousands of requests."""
