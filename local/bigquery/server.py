"""HTTP on the loopback address: requests to the service, uploads to the jobs they come with."""

from __future__ import annotations

import gzip
import json
import re
import sys
import traceback
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from local.bigquery.engine import Engine
from local.bigquery.errors import ApiError
from local.bigquery.faults import Faults
from local.bigquery.jobs import document
from local.bigquery.service import Service
from local.bigquery.uploads import Session, Uploads
from local.http_json import HOST, Call, HttpError

_UPLOAD = re.compile(r"(?:/resumable)?/upload/bigquery/v2/projects/([^/]+)/jobs")
_CHUNK_ACCEPTED = 308
"""Source: Google's resumable uploads: there is more to come."""


@dataclass(slots=True)
class Reply:
    """An answer: the status, a document or none, and headers."""

    status: int = 200
    document: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Server(ThreadingHTTPServer):
    """Serves one state folder."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, engine: Engine) -> None:
        """Open the port; `serve_forever` serves.

        Raises:
            OSError: the port is taken.
        """
        super().__init__((HOST, port), _Handler)
        self._service = Service(engine)
        self._uploads = Uploads(engine.uploads_dir)
        self._faults = Faults()
        routes = [*self._faults.routes(), *self._service.routes()]
        self._routes = [(each, re.compile(each.pattern)) for each in routes]

    def reply(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Reply:
        """Return the answer to a request."""
        url = urlsplit(target)
        fault = self._faults.take(method, url.path)
        if fault and not fault[1]:
            return _broken(fault[0])
        reply = self._reply(method, target, headers, body)
        return _broken(fault[0]) if fault else reply

    def _reply(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Reply:
        url = urlsplit(target)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        try:
            if match := _UPLOAD.fullmatch(url.path):
                return self._upload(method, target, unquote(match[1]), query, headers, body)
            for route, pattern in self._routes:
                found = pattern.fullmatch(url.path) if route.method == method else None
                if found:
                    names = (unquote(each) for each in found.groups())
                    answer = route.answer(Call(query, body), *names)
                    return Reply(204 if answer is None else 200, answer)
            raise ApiError("notFound", f"{method} {url.path}: not served here")
        except ApiError as exc:
            return Reply(exc.status, exc.document)
        except HttpError as exc:
            return Reply(exc.code, exc.document)
        except Exception as exc:  # noqa: BLE001 - the outermost boundary of a request
            traceback.print_exc(file=sys.stderr)
            error = {"code": 500, "message": f"bug in the local cloud: {exc!r}"}
            return Reply(500, {"error": error})

    def _upload(
        self,
        method: str,
        target: str,
        project: str,
        query: dict[str, str],
        headers: dict[str, str],
        body: bytes,
    ) -> Reply:
        if method == "POST" and query.get("uploadType") == "multipart":
            return self._load(project, self._uploads.take(headers.get("content-type", ""), body))
        if method == "POST":
            upload_id = self._uploads.begin(body)
            location = f"http://{headers['host']}{target}&upload_id={upload_id}"
            return Reply(200, {}, {"location": location})
        session = self._uploads.put(query["upload_id"], headers.get("content-range", ""), body)
        if session.is_complete:
            return self._load(project, session)
        ranges = {"range": f"bytes=0-{session.size - 1}"} if session.size else {}
        return Reply(_CHUNK_ACCEPTED, None, ranges)

    def _load(self, project: str, session: Session) -> Reply:
        try:
            return Reply(200, document(self._service.jobs.run(project, session.job, session.file)))
        finally:
            session.file.unlink(missing_ok=True)


def _broken(status: int) -> Reply:
    error = {"reason": "backendError", "message": "a fault on order", "domain": "global"}
    return Reply(status, {"error": {"code": status, "message": "a fault", "errors": [error]}})


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    # One segment for headers and body: otherwise the body waits for the caller's delayed ACK.
    wbufsize = -1
    disable_nagle_algorithm = True

    def _respond(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length") or 0))
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        reply = self.server.reply(self.command, self.path, headers, body)
        content = b"" if reply.document is None else json.dumps(reply.document).encode()
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("content-type", "application/json; charset=UTF-8")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _respond  # noqa: N815 - its base's names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its base's name
        """Say nothing: a test makes thousands of requests."""
