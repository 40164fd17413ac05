"""The text of a file in pieces of about one size, as UTF-8, with a look ahead to its end."""

from collections.abc import Iterable, Iterator
from itertools import chain

from shared.csv.encodings import Transcoder

PIECE_BYTES = 2**20
_HEAD_BYTES = 4


class Texts:
    """Pieces of a file's text, of about the block size, and whether one is the last."""

    def __init__(self, chunks: Iterable[bytes], encoding: str, block_bytes: int) -> None:
        raw = _sliced(chunks)
        self.head = b""
        while len(self.head) < _HEAD_BYTES and (piece := next(raw, b"")):
            self.head += piece
        self.transcoder = Transcoder(encoding, self.head)
        self._pieces: Iterator[bytes] = filter(None, self.transcoder.text(chain([self.head], raw)))
        self._block_bytes = block_bytes
        self._ahead = next(self._pieces, b"")
        self.is_last = not self._ahead

    def next(self, least_bytes: int = 0) -> bytes:
        """Return the next piece; empty only when the file has no more."""
        gathered, size = [], 0
        while self._ahead and size < max(self._block_bytes, least_bytes):
            gathered.append(self._ahead)
            size += len(self._ahead)
            self._ahead = next(self._pieces, b"")
        self.is_last = not self._ahead
        return b"".join(gathered)

    def unread(self, text: bytes) -> None:
        """Put text back that was only looked at."""
        size = self._block_bytes
        parts = (text[start : start + size] for start in range(0, len(text), size))
        self._pieces = chain(parts, filter(None, [self._ahead]), self._pieces)
        self._ahead = next(self._pieces, b"")
        self.is_last = not self._ahead


def _sliced(chunks: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        for start in range(0, len(chunk), PIECE_BYTES):
            yield chunk[start : start + PIECE_BYTES]
