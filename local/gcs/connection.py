"""One connection: requests in, responses out, until one side has had enough."""

import contextlib
import http.client
import socket
import socketserver
import struct
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from local.gcs.errors import ApiError
from local.gcs.faults import REQUEST_KINDS, FaultKind, FaultRule
from local.gcs.messages import FileSlice, Request, Response, error_response, read_request

if TYPE_CHECKING:
    from local.gcs.server import GcsServer

_READ_BUFFER_BYTES = 2**18
# Linux holds the headers back until the content follows; elsewhere they travel alone.
_MORE = getattr(socket, "MSG_MORE", 0)
# Source: RFC 9110, sections 15.3.5 and 15.4.5.
_WITHOUT_CONTENT = (204, 304)
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Connection(socketserver.StreamRequestHandler):
    """Serves one connection in a thread of its own; `server` is the emulator's."""

    rbufsize = _READ_BUFFER_BYTES
    disable_nagle_algorithm = True
    server: "GcsServer"

    def handle(self) -> None:
        """Answer requests until the connection ends."""
        with contextlib.suppress(ConnectionError):
            while self._exchange():
                pass

    def _exchange(self) -> bool:
        """Answer one request; whether another may follow."""
        try:
            request = read_request(self.rfile, self.request.sendall)
        except ApiError as error:
            self._send(error_response(error), is_last=True)
            return False
        if request is None:
            return False
        rule = None
        if not request.path.startswith("/_"):
            rule = self.server.faults.take(REQUEST_KINDS, request.method, request.target)
        if rule is not None:
            return self._exchange_badly(request, rule)
        response = self.server.dispatch(request)
        request.body.drain()
        # A caller of HEAD expects no content, and the next response where this one's would be.
        is_last = request.method == "HEAD" or request.headers.get("connection", "") == "close"
        with self.server.journal.kept(request, response):
            self._send(response, is_last=is_last)
        return not is_last

    def _exchange_badly(self, request: Request, rule: FaultRule) -> bool:
        time.sleep(rule.delay_s)
        if rule.kind is FaultKind.RESET:
            self._reset()
            return False
        if rule.kind is FaultKind.STATUS:
            error = ApiError(rule.status, "injectedFault", f"Injected fault: {rule.status}")
            response = error_response(error)
        else:
            response = self.server.dispatch(request)
        request.body.drain()
        with self.server.journal.kept(request, response):
            if rule.kind is FaultKind.DROP_REPLY:
                response.close()
                return False
            self._send(response, is_last=False, is_truncated=rule.kind is FaultKind.TRUNCATE)
        return rule.kind is not FaultKind.TRUNCATE

    def _reset(self) -> None:
        """Close with RST; an orderly end would say FIN first."""
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.rfile.close()
        self.request.close()

    def _send(self, response: Response, *, is_last: bool, is_truncated: bool = False) -> None:
        head = _head(response, is_last=is_last)
        content = response.content
        if isinstance(content, FileSlice):
            with content.file:
                self.request.sendall(head, _MORE if content.length else 0)
                length = content.length // 2 if is_truncated else content.length
                response.sent_bytes = self._send_file(content, length)
        elif isinstance(content, bytes):
            self.request.sendall(head + content[: len(content) // 2 if is_truncated else None])
            response.sent_bytes = len(content)
        else:
            self.request.sendall(head)
            self._send_chunks(content, is_truncated=is_truncated)

    def _send_file(self, piece: FileSlice, length: int) -> int:
        """Send a part of a file; return how much of it went out before the caller hung up."""
        if length:
            # An end in the middle is met again by whoever reads the next request.
            with contextlib.suppress(ConnectionError):
                self.request.sendfile(piece.file, piece.offset, length)
        return piece.file.tell() - piece.offset if length else 0

    def _send_chunks(self, blocks: Iterator[bytes], *, is_truncated: bool) -> None:
        for block in blocks:
            self.request.sendall(b"%x\r\n%b\r\n" % (len(block), block))
            if is_truncated:
                return
        self.request.sendall(b"0\r\n\r\n")


def _head(response: Response, *, is_last: bool) -> bytes:
    reason = http.client.responses.get(response.status, "Unknown")
    lines = [f"HTTP/1.1 {response.status} {reason}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    if response.length is None:
        lines.append("transfer-encoding: chunked")
    elif response.status not in _WITHOUT_CONTENT:
        lines.append(f"content-length: {response.length}")
    if is_last:
        lines.append("connection: close")
    return "\r\n".join([*lines, "", ""]).encode("utf-8")
