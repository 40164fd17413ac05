"""What goes over any socket while a delivery is under way, and whether a fault point is around it.

Wrapped at Python's sockets, so it knows nothing of clients and drivers: an I/O that the seams do
not know is seen here. Snowflake's connector and gRPC have sockets of their own, out of reach.
"""

import socket
import socketserver
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from local.faultpoints.deliveries import current

_is_test: ContextVar[bool] = ContextVar("is_test", default=False)

SENDING = ("connect", "connect_ex", "send", "sendall", "sendmsg", "sendto", "sendfile")
"""Methods of a socket that reach out; whoever only receives has asked for it before."""


class Wire:
    """Counts what was sent, and notes where from it was sent without a fault point."""

    def __init__(self) -> None:
        self.sent = 0
        self.unguarded: dict[str, str] = {}
        """By the product's own line that it comes from, the whole stack."""

    def note(self) -> None:
        """Look at who sends just now.

        What the test sends outside of deliveries is its own, also by threads that work ahead for
        it. A thread that a client starts knows neither test nor delivery, and thus no fault point.
        A server in this process only answers.
        """
        here = current()
        if here is None and _is_test.get():
            return
        stack = traceback.extract_stack()[:-2]
        if any(frame.filename == socketserver.__file__ for frame in stack):
            return
        self.sent += 1
        if here is None or not here.inside:
            ours = [f for f in stack if "/shared/" in f.filename]
            place = f"{ours[-1].filename}:{ours[-1].lineno}" if ours else "a client's own thread"
            self.unguarded[place] = "".join(traceback.format_list(stack))


@contextmanager
def watched() -> Iterator[Wire]:
    """Watch all sockets of this process."""
    wire = Wire()
    token = _is_test.set(True)
    originals = {name: getattr(socket.socket, name) for name in SENDING}
    for name, original in originals.items():
        setattr(socket.socket, name, _watching(wire, original))
    try:
        yield wire
    finally:
        for name, original in originals.items():
            setattr(socket.socket, name, original)
        _is_test.reset(token)


def _watching(wire: Wire, original: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        wire.note()
        return original(*args, **kwargs)

    return call
