"""A `multipart/related` body, taken apart as it arrives: a document first, then bytes without end.

The second part may be larger than memory, so the boundary is searched for in a window.
"""

import re
from collections.abc import Iterator

from local.gcs.contents import BLOCK_BYTES
from local.gcs.errors import ApiError, invalid
from local.gcs.messages import DOCUMENT_MAX_BYTES, Body

_BOUNDARY = re.compile(r"""boundary=(?:"([^"]+)"|'([^']+)'|([^\s;]+))""", re.IGNORECASE)


def boundary_of(content_type: str) -> bytes:
    """Find the boundary in a `Content-Type`.

    Raises:
        ApiError: 400, there is none.
    """
    match = _BOUNDARY.search(content_type)
    if match is None:
        raise invalid(f"This content type has no boundary: {content_type!r}")
    return next(group for group in match.groups() if group).encode("latin-1")


class MultipartReader:
    """Reads one part after the other, each as headers and a stream of blocks."""

    def __init__(self, body: Body, boundary: bytes) -> None:
        """Begin before the first boundary."""
        self._body = body
        # As if a line had ended before, so that the first boundary looks like the others.
        self._window = b"\r\n"
        self._delimiter = b"\r\n--" + boundary
        self._is_inside = True

    def next_part(self) -> dict[str, str]:
        """Skip to the next part and return its headers, names in lower case.

        Raises:
            ApiError: 400, there is no further part.
        """
        if self._is_inside:
            for _ in self.blocks():
                pass
        head = self._read_until(b"\r\n\r\n")
        self._is_inside = True
        lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines if ":" in line)
        return {name.strip().lower(): value.strip() for name, _, value in pairs}

    def document(self) -> bytes:
        """Return the whole of the present part.

        Raises:
            ApiError: 413, it is no document but something large.
        """
        collected = b""
        for block in self.blocks():
            collected += block
            if len(collected) > DOCUMENT_MAX_BYTES:
                raise ApiError(413, "uploadTooLarge", f"More than {DOCUMENT_MAX_BYTES} bytes.")
        return collected

    def blocks(self) -> Iterator[bytes]:
        """Yield what is left of the present part, and pass the boundary behind it.

        Raises:
            ApiError: 400, the body ends before the part does.
        """
        while (end := self._window.find(self._delimiter)) < 0:
            # The end of the window may be the beginning of a delimiter.
            safe = len(self._window) - len(self._delimiter) + 1
            if safe > 0:
                yield self._window[:safe]
                self._window = self._window[safe:]
            self._window += self._more()
        block, self._window = self._window[:end], self._window[end + len(self._delimiter) :]
        self._is_inside = False
        if block:
            yield block

    def _read_until(self, mark: bytes) -> bytes:
        while (end := self._window.find(mark)) < 0:
            if self._window.startswith(b"--") or len(self._window) > DOCUMENT_MAX_BYTES:
                raise invalid("Missing part of a multipart request.")
            self._window += self._more()
        found, self._window = self._window[:end], self._window[end + len(mark) :]
        return found

    def _more(self) -> bytes:
        block = self._body.read(BLOCK_BYTES)
        if not block:
            raise invalid("A multipart request ends without its closing boundary.")
        return block
