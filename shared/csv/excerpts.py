"""Some records of a file as a file of their own: what is mended and read again."""

from collections.abc import Iterable, Iterator, Sequence

from shared.core.schemas import TableSchema
from shared.csv.dialect import Dialect
from shared.csv.encodings import require_lines
from shared.csv.opening import opened, parquet
from shared.csv.unpacking import unpacked
from shared.errors import IntegrityError


def excerpt(
    file: Iterable[bytes],
    dialect: Dialect,
    schema: TableSchema,
    places: Sequence[tuple[int, int]],
) -> Iterator[bytes]:
    """Yield a file's beginning as far as its header, then some of its records, each on its line.

    Those of Parquet are lines of NDJSON.

    Args:
        file: its bytes, from the start each time that it is iterated over.
        dialect: how it is written.
        schema: its columns, in any order.
        places: where the records start and how many bytes they have, unpacked, in ascending order.

    Raises:
        IntegrityError: the file is shorter than that.
        InvalidFileError: its records mean nothing by themselves.
    """
    if dialect.kind == "parquet":
        yield from parquet(file, schema).records([start for start, _ in places])
        return
    beginning = opened(file, dialect, width=len(schema))
    require_lines(unpacked(file, dialect.worksheet), beginning.encoding)
    content = _Content(unpacked(file, dialect.worksheet))
    head = content.take(0, beginning.body_offset)
    yield head
    line_end = _line_end(head, beginning.newline)
    for start, count in places:
        yield content.take(start, count) + line_end


def _line_end(head: bytes, newline: bytes) -> bytes:
    """Return what ends the lines of a file: a carriage return, too, where its header has one."""
    with_return = newline.replace(b"\n", b"\r") + newline
    has_return = b"\n" in newline and head.endswith(with_return)
    return with_return if has_return else newline


class _Content:
    """Bytes that are taken in ascending order."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._held = b""
        self._held_at = 0

    def take(self, start: int, count: int) -> bytes:
        """Return the bytes at a place not before the last one."""
        while self._held_at + len(self._held) < start + count:
            passed = min(start - self._held_at, len(self._held))
            chunk = next(self._chunks, None)
            if chunk is None:
                raise IntegrityError(f"the file ends before byte {start + count}")
            self._held_at += passed
            self._held = self._held[passed:] + chunk
        first = start - self._held_at
        return self._held[first : first + count]
