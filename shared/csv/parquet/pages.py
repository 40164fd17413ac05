"""What is read of a Parquet file on its way to Arrow's reader, which believes what pages claim.

A page says how large it will be when it is unpacked, and the reader allocates that much. So the
headers of pages are read here first, as their bytes pass: what must be in memory at once is bounded
before any of it is there.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.csv.parquet.thrift import MalformedError, Structure, TruncatedError
from shared.csv.ranged import RangedFile
from shared.errors import InvalidFileError

MAX_PAGES_BYTES = 256 * 2**20
"""Unpacked pages at once: for each column its dictionary and its largest page."""

MAX_HEADER_BYTES = 16 * 2**20
"""Of one page. Source: Arrow C++, ``kDefaultMaxPageHeaderSize``."""

MAX_DELTA_PAGE_BYTES = 4 * 2**20
"""A page whose texts are each written as a change of the one before may unpack to so many times its
size as it has texts; such files are read few rows at a time."""

_DICTIONARY_PAGE = 2
_DELTA_BYTE_ARRAY = 7
_DATA, _DICTIONARY, _DATA_V2 = 5, 7, 8
"""Fields of a page's header. Source: parquet-format, ``parquet.thrift``, PageHeader, PageType and
Encoding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkFacts:
    """What a footer says of one column of one row group."""

    name: str
    start: int
    """The first of its bytes in the file."""
    end: int
    unpacked_bytes: int
    values: int
    has_dictionary: bool
    has_deltas: bool
    """Texts may be written as changes of the one before (``DELTA_BYTE_ARRAY``)."""


@dataclass(slots=True)
class Chunk:
    """One column of one row group, while its bytes pass."""

    facts: ChunkFacts
    at: int = 0
    dictionary_bytes: int = 0
    page_bytes: int = 0
    """The largest page so far, unpacked."""
    values: int = 0
    _held: bytes = b""
    _page_ends: int = field(default=0)

    def __post_init__(self) -> None:
        self.at = self._page_ends = self.facts.start

    @property
    def needed_bytes(self) -> int:
        """What the column takes in memory at once."""
        return self.dictionary_bytes + self.page_bytes

    def see(self, data: bytes) -> None:
        """Follow bytes that come next, as far as headers.

        Raises:
            InvalidFileError: a page claims what cannot be, or far too much.
        """
        begin, self.at = self.at, self.at + len(data)
        while self._page_ends < min(self.at, self.facts.end):
            skipped = max(self._page_ends - begin, 0)
            text = self._held + data[skipped:]
            structure = Structure(text)
            try:
                header = structure.fields()
            except TruncatedError:
                if len(text) > MAX_HEADER_BYTES:
                    raise self._strange("the header of a page goes on and on") from None
                self._held = text
                return
            except MalformedError as exc:
                raise self._strange(f"the header of a page: {exc}") from None
            body_starts = self.at - len(text) + structure.end
            self._held = b""
            self._page_ends = body_starts + self._judged(header)

    def _judged(self, header: dict[int, object]) -> int:
        """Take note of a page; return how many bytes of the file it has."""
        kind, unpacked, packed = (_number(header, place) for place in (1, 2, 3))
        if min(unpacked, packed) < 0:
            raise self._strange("a page has a size below 0")
        if kind == _DICTIONARY_PAGE:
            if not self.facts.has_dictionary:
                raise self._strange("there is a dictionary where the footer says none")
            self.dictionary_bytes = max(self.dictionary_bytes, unpacked)
            return packed
        details = header.get(_DATA) or header.get(_DATA_V2) or {}
        details = details if isinstance(details, dict) else {}
        self.values += _number(details, 1)
        if self.values > self.facts.values:
            raise self._strange("its pages have more values than the footer says")
        encoding = _number(details, 2 if _DATA in header else 4)
        if encoding == _DELTA_BYTE_ARRAY:
            self._require_small(unpacked)
        self.page_bytes = max(self.page_bytes, unpacked)
        return packed

    def _require_small(self, page_bytes: int) -> None:
        if not self.facts.has_deltas:
            raise self._strange("it has pages of DELTA_BYTE_ARRAY, which the footer does not say")
        if page_bytes > MAX_DELTA_PAGE_BYTES:
            raise InvalidFileError(
                f"column {self.facts.name} has a page of {page_bytes:,} bytes in DELTA_BYTE_ARRAY; "
                f"at most {MAX_DELTA_PAGE_BYTES:,} are taken, for its texts may be far longer. "
                "Write the file with smaller pages, or in another encoding"
            )

    def _strange(self, what: str) -> InvalidFileError:
        return InvalidFileError(f"the Parquet file is damaged, column {self.facts.name}: {what}")


def _number(fields: dict[int, object], place: int) -> int:
    found = fields.get(place, 0)
    return found if isinstance(found, int) else 0


class WatchedFile:
    """A file as Arrow reads it: what passes is followed, what its footer says is in memory.

    An error is kept, too, for Arrow's reader may wrap what is raised within it.
    """

    closed = False

    def __init__(self, source: RangedFile, tail: bytes) -> None:
        self._source = source
        self._tail = tail
        self._tail_at = source.size_bytes - len(tail)
        self._at = 0
        self._chunks: list[Chunk] = []
        self._starts: list[int] = []
        self.error: Exception | None = None

    def expect(self, group: Sequence[ChunkFacts]) -> None:
        """Follow the columns of a row group from now on.

        Raises:
            InvalidFileError: they cannot be where the footer says.
        """
        ordered = sorted(group, key=lambda facts: facts.start)
        before = 0
        for facts in ordered:
            if facts.start < before or not facts.start <= facts.end <= self._source.size_bytes:
                raise InvalidFileError(
                    f"the Parquet file is damaged: column {facts.name} is said to be at bytes "
                    f"{facts.start:,} to {facts.end:,}, where it cannot be"
                )
            before = facts.end
        self._chunks = [Chunk(facts) for facts in ordered]
        self._starts = [facts.start for facts in ordered]

    def read(self, count: int = -1) -> bytes:
        """Return bytes, once they were looked at."""
        try:
            data = self._bytes(self._at, count)
            self._watch(self._at, data)
        except Exception as exc:
            self.error = exc
            raise
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place; Arrow counts from the start, or from the end to learn the size."""
        self._at = offset + (0, self._at, self._source.size_bytes)[whence]
        return self._at

    def tell(self) -> int:
        """Return the place."""
        return self._at

    def seekable(self) -> bool:
        """Say that any place can be gone to."""
        return True

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def close(self) -> None:
        """Do nothing: nothing is open."""
        self.closed = True

    def _bytes(self, start: int, count: int) -> bytes:
        count = self._source.size_bytes - start if count < 0 else count
        if start >= self._tail_at:
            return self._tail[start - self._tail_at :][:count]
        return self._source.range(start, count)

    def _watch(self, start: int, data: bytes) -> None:
        place = bisect_right(self._starts, start) - 1
        while 0 <= place < len(self._chunks) and self._starts[place] < start + len(data):
            chunk = self._chunks[place]
            place += 1
            if chunk.at >= min(chunk.facts.end, start + len(data)):
                continue  # seen before, or what the reader takes on behind a column's end
            if chunk.at < start:
                raise InvalidFileError(f"column {chunk.facts.name} was not read in order")
            chunk.see(data[chunk.at - start : chunk.facts.end - start])
            self._require_room()

    def _require_room(self) -> None:
        needed = sum(chunk.needed_bytes for chunk in self._chunks)
        if needed > MAX_PAGES_BYTES:
            largest = max(self._chunks, key=lambda chunk: chunk.needed_bytes)
            raise InvalidFileError(
                f"the pages that must be in memory at once have {needed:,} bytes, those of column "
                f"{largest.facts.name} {largest.needed_bytes:,}; at most {MAX_PAGES_BYTES:,} are "
                "taken. Write the file with smaller pages, or with fewer columns"
            )
