"""The HTTP side: Snowflake's protocol as the connector speaks it, and this stand-in's controls.

Errors of the protocol come with HTTP 200 and `success: false`, as from Snowflake; a 5xx would be
retried for minutes. Source of routes and fields: the requests of snowflake-connector-python 5.2.0
and the names that its core reads from replies.
"""

from __future__ import annotations

import gzip
import http.server
import json
import re
import socket
import socketserver
import struct
import sys
import traceback
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from local.snowflake import errors
from local.snowflake.errors import SnowflakeError
from local.snowflake.faults import Fault
from local.snowflake.replies import failure, success
from local.snowflake.seeds import seed
from local.snowflake.service import ResetConnectionError, Service
from local.snowflake.session import Session
from local.snowflake.translate import table_name_from

_MAX_BODY_BYTES = 256 * 1024 * 1024
_ARROW = "application/octet-stream"
_TOKEN = re.compile(r'Snowflake Token="([^"]*)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request, read."""

    service: Service
    match: re.Match[str]
    query: dict[str, str]
    body: bytes
    token: str
    address: str

    @property
    def json(self) -> Any:
        """The body as JSON; an empty one is an empty object."""
        return json.loads(self.body or b"{}")


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply, to be written."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"


def _json(data: Any, status: int = 200) -> Reply:
    return Reply(json.dumps(data).encode(), status)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """A thread a connection; `service` has all state."""

    daemon_threads = True
    # What a burst of connections may queue up to; the default of 5 makes clients wait a second.
    request_queue_size = 128

    def __init__(self, port: int, service: Service) -> None:
        self.service = service
        super().__init__(("127.0.0.1", port), Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""
        if not isinstance(sys.exception(), (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection, many requests."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        """Say nothing; statements are the interesting unit, not requests."""

    def _answer(self) -> None:
        body = self._read_body()
        try:
            reply = self._route(body)
        except ResetConnectionError:
            self._reset()
            return
        except SnowflakeError as error:
            reply = _json(failure(error))
        except Exception as error:  # noqa: BLE001 - the outermost boundary of the server
            traceback.print_exc(file=sys.stderr)
            reply = _json(failure(errors.internal_error(f"{type(error).__name__}: {error}")))
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)
        self.wfile.flush()

    def _route(self, body: bytes) -> Reply:
        url = urllib.parse.urlsplit(self.path)
        token = _TOKEN.search(self.headers.get("Authorization") or "")
        for method, pattern, answer in _ROUTES:
            match = re.fullmatch(pattern, url.path)
            if match and method == self.command:
                request = Request(
                    service=self.server.service,
                    match=match,
                    query=dict(urllib.parse.parse_qsl(url.query)),
                    body=body,
                    token=token[1] if token else "",
                    address=self.headers.get("Host") or "",
                )
                return answer(request)
        return _json({"success": False, "message": f"no route {self.command} {url.path}"}, 404)

    def _read_body(self) -> bytes:
        length = int(self.headers.get("Content-Length") or 0)
        if length > _MAX_BODY_BYTES:
            raise ConnectionError(f"a request of {length} bytes")
        body = self.rfile.read(length)
        return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body

    def _reset(self) -> None:
        """Close with a TCP reset, as a peer that died would."""
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True
        self.connection.close()


def _log_in(request: Request) -> Reply:
    return _json(success(request.service.log_in(request.query, request.json["data"])))


def _renew(request: Request) -> Reply:
    return _json(success(request.service.renew(request.token)))


def _session(request: Request) -> Reply:
    if request.query.get("delete"):
        request.service.log_out(request.token)
    else:
        request.service.session(request.token)
    return _json(success(None))


def _query(request: Request) -> Reply:
    request_id = request.query.get("requestId") or ""
    return Reply(request.service.query(request.token, request_id, request.json, request.address))


def _abort(request: Request) -> Reply:
    request.service.abort(str(request.json.get("requestId") or ""))
    return _json(success(None))


def _result(request: Request) -> Reply:
    request.service.session(request.token)
    reply = request.service.engine.results.reply(request.match[1])
    if reply is None:
        raise SnowflakeError(709, "02000", f"Statement {request.match[1]} not found")
    return Reply(reply)


def _monitor(request: Request) -> Reply:
    reply = request.service.engine.results.reply(request.match[1])
    if reply is None:
        return _json(success({"queries": []}))
    is_good = json.loads(reply)["success"]
    status = {"id": request.match[1], "status": "SUCCESS" if is_good else "FAILED_WITH_ERROR"}
    return _json(success({"queries": [status]}))


def _chunk(request: Request) -> Reply:
    data = request.service.engine.results.chunk(request.match[1], request.match[2])
    return Reply(b"expired", 403, _ARROW) if data is None else Reply(data, 200, _ARROW)


def _ignore(_: Request) -> Reply:
    """Telemetry."""
    return _json(success("Log Received"))


def _health(_: Request) -> Reply:
    return _json({"status": "ok"})


def _statements(request: Request) -> Reply:
    """The last statements, oldest first, with their query tags."""
    return _json(list(request.service.statements))


def _order_faults(request: Request) -> Reply:
    try:
        request.service.faults.order([Fault.from_dict(fault) for fault in request.json])
    except (TypeError, ValueError, re.error) as error:
        return _json({"error": str(error)}, 400)
    return _faults(request)


def _faults(request: Request) -> Reply:
    return _json(request.service.faults.to_list())


def _clear_faults(request: Request) -> Reply:
    request.service.faults.clear()
    return _faults(request)


def _seed(request: Request) -> Reply:
    session = Session(request.service.engine, user="SEED", account="LOCAL")
    session.set_parameter("TIMEZONE", "UTC")
    try:
        options = request.json
        name = table_name_from(request.query.get("table", ""), None, None)
        rows = seed(session, name, Path(options["path"]), null=options.get("null"))
    except SnowflakeError as error:
        return _json({"error": error.message}, 400)
    except (ValueError, KeyError, duckdb.Error) as error:
        return _json({"error": f"{type(error).__name__}: {error}"}, 400)
    finally:
        session.close()
    return _json({"rows": rows})


_ROUTES: list[tuple[str, str, Callable[[Request], Reply]]] = [
    ("POST", "/session/v1/login-request", _log_in),
    ("POST", "/session/token-request", _renew),
    ("POST", "/session", _session),
    ("POST", "/session/heartbeat", _session),
    ("POST", "/queries/v1/query-request", _query),
    ("POST", "/queries/v1/abort-request", _abort),
    ("GET", "/queries/([0-9a-f-]+)/result", _result),
    ("GET", "/monitoring/queries//?([0-9a-f-]+)", _monitor),
    ("GET", "/chunks/([0-9a-f-]+)/([0-9]+)", _chunk),
    ("POST", "/telemetry/.*", _ignore),
    ("GET", "/_health", _health),
    ("GET", "/_statements", _statements),
    ("GET", "/_faults", _faults),
    ("POST", "/_faults", _order_faults),
    ("DELETE", "/_faults", _clear_faults),
    ("POST", "/_seed", _seed),
]
