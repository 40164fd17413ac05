"""A server that answers with given bytes, whatever is asked: also what is no HTTP at all."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from email.parser import BytesHeaderParser
from threading import Event, Thread
from typing import Any


@contextmanager
def serving(*answers: bytes, pause_s: float = 0.0) -> Iterator[tuple[str, list[bytes]]]:
    """Answer one connection after the other; yield the address, and the requests as they come.

    Args:
        answers: one for each connection; then it is closed.
        pause_s: after each byte; 0: all bytes are sent at once.
    """
    asked: list[bytes] = []
    is_over = Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            for answer in answers:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection, connection.makefile("rb") as reading:
                    asked.append(_request(reading))
                    _send(connection, answer, pause_s, is_over)

        thread = Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}", asked
        finally:
            is_over.set()
            listening.shutdown(socket.SHUT_RDWR)  # ends an accept that waits
            thread.join()


def reply(status: str, body: str = "", **headers: str) -> bytes:
    """Return an answer; ``_`` stands for ``-`` in names of headers."""
    named = {"Content-Length": str(len(body)), "Connection": "close"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in named.items())]
    return "\r\n".join([*lines, "", body]).encode()


def parted(request: bytes) -> tuple[str, Message, bytes]:
    """Return what a request asks for, its headers, whose names have no case, and its body."""
    head, _, body = request.partition(b"\r\n\r\n")
    line, _, headers = head.partition(b"\r\n")
    return line.split()[1].decode(), BytesHeaderParser().parsebytes(headers), body


def _request(reading: Any) -> bytes:
    head, length = b"", 0
    while (line := reading.readline()) not in (b"\r\n", b""):
        head += line
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return head + b"\r\n" + bytes(reading.read(length))


def _send(connection: socket.socket, answer: bytes, pause_s: float, is_over: Event) -> None:
    if not pause_s:
        connection.sendall(answer)
        return
    for byte in answer:
        if is_over.wait(pause_s):
            return
        connection.sendall(bytes([byte]))
