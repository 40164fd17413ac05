"""The bytes of stored objects, as fast as the socket gives them.

Google's client reads in pieces of 8 KiB, which costs about ten times the CPU of the transfer
itself. This is the same request of the documented API, over Google's own authorized session, read
in large pieces, and gone on with at the byte where a connection broke.
Source: Cloud Storage JSON API, ``objects.get`` with ``alt=media``.
"""

import re
from base64 import b64decode
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from google.api_core.retry import Retry
    from google.auth.credentials import Credentials

TIMEOUT_S = (10.0, 60.0)
"""To connect, and between two pieces of data."""

_CRC32C = re.compile(r"crc32c=([A-Za-z0-9+/=]+)")
"""Of the stored bytes, big-endian. Source: Cloud Storage, ``x-goog-hash``."""


class Media:
    """Downloads from one endpoint, all over one session.

    Args:
        endpoint: scheme and host of the API.
        credentials: who asks.
    """

    def __init__(self, endpoint: str, credentials: "Credentials") -> None:
        from google.auth.transport.requests import AuthorizedSession

        self._endpoint = endpoint.rstrip("/")
        self._session = AuthorizedSession(credentials)

    def chunks(
        self,
        bucket: str,
        name: str,
        generation: int,
        *,
        chunk_bytes: int,
        retry: "Retry",
        start: int = 0,
        end: int | None = None,
    ) -> Iterator[bytes]:
        """Yield the stored bytes of one generation, packed if it is stored packed.

        Args:
            bucket: of the object.
            name: of the object.
            generation: of the object.
            chunk_bytes: size of each chunk but the last.
            retry: how a failure that may pass is tried again, counted from chunk to chunk.
            start: so many bytes at the beginning are left out; fewer than there are. What is read
                then is a part, which no checksum of the service is for.
            end: where the part ends, behind ``start``; None: at the end of the object.

        Raises:
            GoogleAPICallError: the server refused; ``NotFound`` when the generation is gone.
            DataCorruption: what came is not what is stored; told behind the last chunk.
            RetryError: it did not get on for as long as ``retry`` allows.
        """
        path = f"/download/storage/v1/b/{quote(bucket, safe='')}/o/{quote(name, safe='')}"
        url = f"{self._endpoint}{path}?alt=media&generation={generation}"
        download = _Download(self._session, url, chunk_bytes, start, end)
        try:
            while chunk := retry(download.read)():
                yield chunk
        finally:
            download.close()


class _Download:
    """One object, or a part of it, while it is read."""

    def __init__(
        self, session: Any, url: str, chunk_bytes: int, start: int, end: int | None
    ) -> None:
        self._session = session
        self._url = url
        self._chunk_bytes = chunk_bytes
        self._response: Any = None
        self._at = start
        self._end = end
        self._size: int | None = None
        """Where what is read ends; known from the first answer."""
        self._crc32c = 0
        self._expected_crc32c: int | None = None

    def read(self) -> bytes:
        """Return the next chunk, empty at the end; after a failure the next call goes on."""
        if self._at == self._size:
            self._require_same()
            return b""
        import google_crc32c

        if self._response is None:
            self._open()
        try:
            chunk: bytes = self._response.raw.read(self._chunk_bytes, decode_content=False)
        except BaseException:
            self.close()
            raise
        if not chunk and self._at != self._size:
            self.close()
            raise ConnectionError(f"the transfer ended after {self._at} of {self._size} bytes")
        self._at += len(chunk)
        self._crc32c = google_crc32c.extend(self._crc32c, chunk)
        return chunk

    def close(self) -> None:
        """Give the connection back, or end it in the middle of a transfer."""
        if self._response is not None:
            self._response.close()
            self._response = None

    def _open(self) -> None:
        from google.api_core.exceptions import from_http_response

        # Naming gzip keeps the service from unpacking what is stored packed.
        headers = {"Accept-Encoding": "gzip"}
        is_part = bool(self._at) or self._end is not None
        if is_part:
            headers["Range"] = f"bytes={self._at}-{'' if self._end is None else self._end - 1}"
        response = self._session.get(self._url, headers=headers, stream=True, timeout=TIMEOUT_S)
        if response.status_code != (206 if is_part else 200):
            with response:
                raise from_http_response(response)
        self._response = response
        self._size = self._at + int(response.headers["Content-Length"])
        found = _CRC32C.search(response.headers.get("X-Goog-Hash", ""))
        if found and not is_part:
            self._expected_crc32c = int.from_bytes(b64decode(found[1]), "big")

    def _require_same(self) -> None:
        from google.cloud.storage.exceptions import DataCorruption

        if self._expected_crc32c not in (None, self._crc32c):
            raise DataCorruption(
                self._response, f"CRC32C is {self._crc32c:08x}, not {self._expected_crc32c:08x}"
            )
