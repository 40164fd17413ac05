"""The batch endpoint: many small requests in one, each answered on its own.

Source: Cloud Storage, "Sending batch requests". Media does not travel in batches.
"""

import io
import uuid
from collections.abc import Callable
from email.parser import BytesParser
from http import HTTPStatus
from urllib.parse import urlsplit

from local.gcs.errors import ApiError, invalid, not_emulated
from local.gcs.messages import Body, Request, Response, error_response, read_request
from local.gcs.routes import Route

BATCH_MAX_REQUESTS = 1000
"""The real service says 100; Google's Python client sends up to 1,000."""


class BatchApi:
    """Handler that hands the parts of a request to the router, as requests."""

    def __init__(self, dispatch: Callable[[Request], Response]) -> None:
        """Answer the parts by `dispatch`."""
        self._dispatch = dispatch

    def routes(self) -> list[Route]:
        """What this answers."""
        return [Route("POST", "/batch/storage/v1", self.batch), Route("POST", "/batch", self.batch)]

    def batch(self, request: Request) -> Response:
        """Answer a batch."""
        content_type = request.headers.get("content-type", "").encode("latin-1")
        message = BytesParser().parsebytes(
            b"Content-Type: " + content_type + b"\r\n\r\n" + request.body.read_document()
        )
        parts = [part for part in message.walk() if not part.is_multipart()]
        if not message.is_multipart() or len(parts) > BATCH_MAX_REQUESTS:
            raise invalid(f"A batch is multipart/mixed, of at most {BATCH_MAX_REQUESTS} requests.")
        boundary = f"batch_{uuid.uuid4().hex}"
        answers = []
        for part in parts:
            data = part.get_payload(decode=True)
            response = self._answer(data if isinstance(data, bytes) else b"", request)
            answers.append(_part(boundary, part.get("Content-ID", ""), response))
        return Response(
            status=200,
            headers={"content-type": f"multipart/mixed; boundary={boundary}"},
            content=b"".join([*answers, f"--{boundary}--\r\n".encode("ascii")]),
        )

    def _answer(self, data: bytes, outer: Request) -> Response:
        try:
            request = _inner_request(data, outer)
            if request.path.startswith(("/upload", "/batch")) or _is_media(request):
                raise not_emulated(f"{request.method} {request.path} inside a batch")
        except ApiError as error:
            return error_response(error)
        except ConnectionError as exc:
            return error_response(invalid(f"A part of the batch is no request: {exc}"))
        return self._dispatch(request)


def _is_media(request: Request) -> bool:
    return request.query.get("alt") == "media"


def _inner_request(data: bytes, outer: Request) -> Request:
    head, blank, body = data.partition(b"\r\n\r\n")
    if not blank:
        head, _, body = data.partition(b"\n\n")
    request = read_request(io.BytesIO(head.strip() + b"\r\n\r\n"), lambda _: None)
    if request is None:
        raise ConnectionError("it is empty")
    url = urlsplit(request.target)
    return Request(
        method=request.method,
        target=f"{url.path}?{url.query}",
        headers={**request.headers, "host": outer.headers.get("host", "")},
        body=Body(io.BytesIO(body), len(body)),
    )


def _part(boundary: str, content_id: str, response: Response) -> bytes:
    content = response.content if isinstance(response.content, bytes) else b""
    response.close()
    head = [
        f"--{boundary}",
        "Content-Type: application/http",
        f"Content-ID: <response-{content_id.strip('<>')}>",
        "",
        f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}",
        *(f"{name}: {value}" for name, value in response.headers.items()),
        f"Content-Length: {len(content)}",
        "",
        "",
    ]
    return "\r\n".join(head).encode("latin-1") + content + b"\r\n"
