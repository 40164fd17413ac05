"""A file without some of its records: everything else stays byte by byte as it was."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from shared.csv.dialect import Dialect
from shared.csv.encodings import require_lines
from shared.csv.opening import opened
from shared.csv.unpacking import unpacked
from shared.errors import IntegrityError, InvalidFileError

_LINE_ENDS = ("\r\n", "\n", "\r")


def without(
    chunks: Callable[[], Iterable[bytes]],
    dialect: Dialect,
    width: int,
    places: Sequence[tuple[int, int]],
    on_cut: Callable[[int, int], None] = lambda _start, _count: None,
) -> Iterator[bytes]:
    """Yield a file, unpacked, without some of its records and the line ends behind them.

    Args:
        chunks: the file's bytes, from the start each time.
        dialect: how it is written.
        width: its columns.
        places: where the records start and how many bytes they have, unpacked, in ascending order.
        on_cut: told where each cut starts and how many bytes it takes, line end included.

    Raises:
        IntegrityError: the file is shorter than that.
        InvalidFileError: its records mean nothing by themselves.
    """
    encoding = opened(chunks(), dialect, width=width).encoding
    ends = tuple(end.encode(encoding) for end in _LINE_ENDS)
    require_lines(unpacked(chunks(), dialect.worksheet), encoding)
    content = _Content(unpacked(chunks(), dialect.worksheet))
    for start, count in places:
        yield from content.upto(start)
        content.drop(count)
        end = content.length_of(ends)
        content.drop(end)
        on_cut(start, count + end)
    yield from content.rest()


def is_separable(chunks: Iterable[bytes], dialect: Dialect) -> bool:
    """Say whether records can be taken out of a file, so that the others mean the same."""
    try:
        require_lines(unpacked(chunks, dialect.worksheet), dialect.encoding)
    except InvalidFileError:
        return False
    return True


class _Content:
    """Bytes that are passed on or dropped, in their order."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._held = b""
        self._at = 0

    def upto(self, end: int) -> Iterator[bytes]:
        """Yield what comes before a byte."""
        while self._at + len(self._held) < end:
            yield self._take(len(self._held))
            self._fill(1, end)
        yield self._take(end - self._at)

    def drop(self, count: int) -> None:
        """Leave out so many bytes."""
        self._fill(count, self._at + count)
        self._take(count)

    def length_of(self, choices: Sequence[bytes]) -> int:
        """Return how long the first of some texts is that comes next; 0: none of them does."""
        wanted = max(len(choice) for choice in choices)
        while len(self._held) < wanted and (chunk := next(self._chunks, b"")):
            self._held += chunk
        return next((len(c) for c in choices if self._held.startswith(c)), 0)

    def rest(self) -> Iterator[bytes]:
        """Yield what is left."""
        yield self._take(len(self._held))
        yield from self._chunks

    def _fill(self, count: int, end: int) -> None:
        while len(self._held) < count:
            chunk = next(self._chunks, None)
            if chunk is None:
                raise IntegrityError(f"the file ends before byte {end}")
            self._held += chunk

    def _take(self, count: int) -> bytes:
        taken, self._held = self._held[:count], self._held[count:]
        self._at += count
        return taken
