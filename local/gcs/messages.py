"""HTTP/1.1 as the emulator needs it: a request whose body is a stream, a response that may be one.

Own code rather than `http.server`, which reads headers as e-mail: a compare-and-set costs half.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BufferedIOBase
from typing import Any, BinaryIO
from urllib.parse import parse_qsl, urlsplit

from local.gcs.errors import ApiError, invalid
from local.gcs.resources import dumps

LINE_MAX_BYTES = 64 * 1024
HEADERS_MAX = 200
DOCUMENT_MAX_BYTES = 16 * 2**20
"""A JSON document or a batch; what is larger is refused. Ours; objects have no limit."""


class ClientGoneError(ConnectionError):
    """The caller went away, or talks nonsense, in the middle of a request."""


class Body:
    """The bytes that follow the headers: a stream, read once, never kept."""

    def __init__(
        self,
        stream: BufferedIOBase,
        length: int | None,
        before_first_read: Callable[[], None] | None = None,
    ) -> None:
        """Describe the body.

        Args:
            stream: where the bytes come from.
            length: how many; None when they come in chunks that say so.
            before_first_read: says `100 Continue` to a caller that waits for it.
        """
        self.length = length
        self.received_bytes = 0
        self._stream = stream
        self._is_chunked = length is None
        self._left = length or 0
        self._before_first_read = before_first_read

    def read(self, limit: int) -> bytes:
        """Return what has arrived, at most `limit` bytes; nothing at the end.

        Raises:
            ClientGoneError: the connection ended before the body did.
        """
        if self._before_first_read is not None:
            self._before_first_read()
            self._before_first_read = None
        if self._left == 0 and self._is_chunked:
            self._next_chunk()
        if self._left == 0:
            return b""
        block = self._stream.read1(min(limit, self._left))
        if not block:
            raise ClientGoneError("the connection ended inside a request")
        self._left -= len(block)
        self.received_bytes += len(block)
        return block

    def read_document(self) -> bytes:
        """Return the whole body.

        Raises:
            ApiError: 413, it is no document but something large.
        """
        blocks: list[bytes] = []
        left = DOCUMENT_MAX_BYTES
        while block := self.read(LINE_MAX_BYTES):
            blocks.append(block)
            left -= len(block)
            if left < 0:
                raise ApiError(413, "uploadTooLarge", f"More than {DOCUMENT_MAX_BYTES} bytes.")
        return b"".join(blocks)

    def drain(self) -> None:
        """Read to the end; a caller that is still sending does not listen."""
        while self.read(LINE_MAX_BYTES):
            pass

    def _next_chunk(self) -> None:
        """Read the next chunk's size, and after the last one the trailers."""
        line = self._stream.readline(LINE_MAX_BYTES)
        if line == b"\r\n":
            line = self._stream.readline(LINE_MAX_BYTES)
        try:
            self._left = int(line.split(b";")[0], 16)
        except ValueError as exc:
            raise ClientGoneError(f"not a chunk: {line[:40]!r}") from exc
        if self._left == 0:
            self._is_chunked = False
            while self._stream.readline(LINE_MAX_BYTES) not in (b"\r\n", b"\n", b""):
                pass


@dataclass(slots=True, kw_only=True)
class Request:
    """One request; header names are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: Body
    subject: str = ""
    """Bucket and object, where only the handler knows: the path of an upload names no object."""
    path: str = field(init=False)
    """Still percent-encoded: an encoded slash belongs to a name."""
    query: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        url = urlsplit(self.target)
        self.path = url.path
        try:
            pairs = parse_qsl(url.query, keep_blank_values=True, errors="strict")
        except UnicodeDecodeError as exc:
            raise invalid(f"The query is not UTF-8: {url.query}") from exc
        self.query = dict(pairs)

    @property
    def base_url(self) -> str:
        """The address under which the caller knows the emulator."""
        return f"http://{self.headers.get('host', '127.0.0.1')}"

    def document(self) -> dict[str, Any]:
        """Read the body as a JSON object; nothing stands for an empty one.

        Raises:
            ApiError: 400, it is something else.
        """
        return parse_document(self.body.read_document())


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSlice:
    """Bytes of an open file, which whoever sends them closes."""

    file: BinaryIO
    offset: int
    length: int


@dataclass(slots=True, kw_only=True)
class Response:
    """One response; an iterator is sent in chunks, because nobody knows its length."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes | FileSlice | Iterator[bytes] = b""
    sent_bytes: int = 0
    """How much of the content went out; that of an iterator is not counted."""

    @property
    def length(self) -> int | None:
        """Bytes of the content, None for an iterator."""
        if isinstance(self.content, FileSlice):
            return self.content.length
        return len(self.content) if isinstance(self.content, bytes) else None

    def close(self) -> None:
        """Give back what an unsent response holds."""
        if isinstance(self.content, FileSlice):
            self.content.file.close()


def json_response(document: object, status: int = 200) -> Response:
    """Answer with a JSON document."""
    return Response(
        status=status,
        headers={"content-type": "application/json; charset=UTF-8"},
        content=dumps(document).encode("utf-8"),
    )


def error_response(error: ApiError) -> Response:
    """Answer with an error; 304 has no body. Source: RFC 9110, section 15.4.5."""
    return (
        Response(status=304)
        if error.status == 304
        else json_response(error.document(), error.status)
    )


def parse_document(data: bytes) -> dict[str, Any]:
    """Parse a JSON object; nothing, or null, stands for an empty one.

    Raises:
        ApiError: 400, it is something else.
    """
    document = parse_json(data) or {}
    if not isinstance(document, dict):
        raise ApiError(400, "parseError", "The body is not a JSON object.")
    return document


def parse_json(data: bytes) -> object:
    """Parse JSON; nothing stands for null.

    Raises:
        ApiError: 400, it is something else.
    """
    try:
        return json.loads(data or b"null")
    except ValueError as exc:
        raise ApiError(400, "parseError", f"The body is not JSON: {exc}") from exc


def read_request(stream: BufferedIOBase, send: Callable[[bytes], None]) -> Request | None:
    """Read one request up to its body; None when the caller has no more.

    Args:
        stream: of the connection.
        send: writes to the connection, for `100 Continue`.

    Raises:
        ClientGoneError: this is no HTTP.
        ApiError: 400, the query is not UTF-8.
    """
    line = stream.readline(LINE_MAX_BYTES)
    if not line:
        return None
    parts = line.decode("latin-1").split()
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise ClientGoneError(f"not a request: {line[:80]!r}")
    headers = _read_headers(stream)
    waits = headers.get("expect", "").lower() == "100-continue"
    body = Body(
        stream,
        _body_length(headers),
        (lambda: send(b"HTTP/1.1 100 Continue\r\n\r\n")) if waits else None,
    )
    return Request(method=parts[0], target=parts[1], headers=headers, body=body)


def _read_headers(stream: BufferedIOBase) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(HEADERS_MAX):
        line = stream.readline(LINE_MAX_BYTES)
        if line in (b"\r\n", b"\n"):
            return headers
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon:
            raise ClientGoneError(f"not a header: {line[:80]!r}")
        headers[name.strip().lower()] = value.strip()
    raise ClientGoneError(f"more than {HEADERS_MAX} headers")


def _body_length(headers: dict[str, str]) -> int | None:
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return None
    length = headers.get("content-length", "0")
    if not length.isdecimal():
        raise ClientGoneError(f"content-length is not a number: {length!r}")
    return int(length)
