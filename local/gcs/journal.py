"""What was asked of the emulator: the newest requests, for tests that count them.

`GET /_requests` lists them, oldest first, and `DELETE /_requests` begins anew. Each says `method`,
`object` (`bucket/name`; of a listing `bucket/`), `query`, `status`, and the bytes of the bodies
that were `received` and `sent`. The parts of a batch are one request, as they are on the wire;
requests to the emulator's own paths are not kept.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote

from local.gcs.messages import Request, Response, json_response
from local.gcs.routes import Route

KEPT = 10_000


class Journal:
    """The newest requests, and the endpoint that shows them."""

    def __init__(self) -> None:
        """Begin without any."""
        self._lock = threading.Lock()
        self._entries: deque[dict[str, object]] = deque(maxlen=KEPT)

    def routes(self) -> list[Route]:
        """What the endpoint answers."""
        return [
            Route("GET", "/_requests", self.show),
            Route("DELETE", "/_requests", self.clear),
        ]

    @contextmanager
    def kept(self, request: Request, response: Response) -> Iterator[None]:
        """Keep a request whose body was read, before its caller can know the answer."""
        entry = {
            "method": request.method,
            "object": request.subject or _subject(request.path),
            "query": request.query,
            "status": response.status,
            "received": request.body.received_bytes,
            "sent": 0,
        }
        if not request.path.startswith("/_"):
            with self._lock:
                self._entries.append(entry)
        try:
            yield
        finally:
            entry["sent"] = response.sent_bytes

    def show(self, request: Request) -> Response:  # noqa: ARG002
        """Answer with all requests."""
        with self._lock:
            return json_response(list(self._entries))

    def clear(self, request: Request) -> Response:  # noqa: ARG002
        """Forget all requests."""
        with self._lock:
            self._entries.clear()
        return Response(status=204)


def _subject(path: str) -> str:
    """Return bucket and object of a path, e.g. `/storage/v1/b/BUCKET/o/NAME`."""
    _, _, rest = path.partition("/b/")
    bucket, _, below = rest.partition("/")
    return f"{bucket}/{unquote(below.removeprefix('o').removeprefix('/'))}"
