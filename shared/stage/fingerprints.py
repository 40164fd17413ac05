"""Facts of rows, folded batch by batch while they are encoded, or as they are read back.

``Fold`` is told batches and gives a ``Point`` of them: order and batches do not matter, so the
points of parts add up to that of their run. docs/receipt.md defines the number and the hash of a
value for each type.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from shared.core.measuring import FLOAT_FACTOR, FLOAT_LIMIT, number_of
from shared.core.receipts import ColumnFacts, Point, as_fingerprint
from shared.core.schemas import Column, Kind, TableSchema
from shared.stage import hashing

BLOCK_ROWS = 32_768
"""Rows that are folded at once: their columns of words stay in the processor's cache."""

_TEXTS = (Kind.TEXT, Kind.JSON)

_FOUR_BYTES = pa.scalar(0xF0, pa.uint8())
"""From here on, a byte begins a character of four bytes, which takes two units in UTF-16."""


@dataclass(slots=True)
class _Sums:
    """What is known of one column so far."""

    nulls: int = 0
    total: int = 0
    minimum: int | None = None
    maximum: int | None = None
    units: int = 0
    characters: int = 0
    fingerprint: int = 0


class Fold:
    """The facts of all rows that have passed."""

    def __init__(self, schema: TableSchema) -> None:
        self._columns = tuple(schema)
        self._sums = {column.name: _Sums() for column in schema}
        self._rows = 0
        self._fingerprint = 0

    def add(self, rows: pa.RecordBatch | pa.Table) -> None:
        """Take rows in; their columns are those of the schema, with Arrow's types for them."""
        table = rows if isinstance(rows, pa.Table) else pa.Table.from_batches([rows])
        for start in range(0, table.num_rows, BLOCK_ROWS):
            self._add_block(table.slice(start, BLOCK_ROWS))

    def passing(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield batches as they are, and take them in."""
        for batch in batches:
            self.add(batch)
            yield batch

    @property
    def point(self) -> Point:
        """What is known now."""
        return Point(
            rows=self._rows,
            columns=tuple(_facts(column, self._sums[column.name]) for column in self._columns),
            fingerprint=as_fingerprint(self._fingerprint),
        )

    def _add_block(self, block: pa.Table) -> None:
        found = {}
        for column in self._columns:
            values = _one_array(block.column(column.name))
            found[column.name] = hashing.hashes(column, values)
            self._note(column, values, found[column.name])
        self._rows += block.num_rows
        self._fingerprint += hashing.added(hashing.row_hashes(found))

    def _note(self, column: Column, values: pa.Array, hashes: pa.Array) -> None:
        sums = self._sums[column.name]
        sums.nulls += values.null_count
        sums.fingerprint += hashing.added(hashes)
        if column.type.kind in _TEXTS:
            characters, pairs = _counted(values)
            sums.characters += characters
            sums.units += characters + pairs
        low, high, total = _NUMBERS[column.type.kind](values)
        if low is None or high is None:
            return
        sums.total += total
        sums.minimum = low if sums.minimum is None else min(low, sums.minimum)
        sums.maximum = high if sums.maximum is None else max(high, sums.maximum)


_Numbers = tuple[int | None, int | None, int]
"""The smallest and the largest number of some values, and their sum; None where there is none."""


def _facts(column: Column, sums: _Sums) -> ColumnFacts:
    return ColumnFacts(
        name=column.name,
        nulls=sums.nulls,
        total=str(sums.total),
        minimum="" if sums.minimum is None else str(sums.minimum),
        maximum="" if sums.maximum is None else str(sums.maximum),
        units=sums.units if column.type.kind in _TEXTS else None,
        characters=sums.characters if column.type.kind in _TEXTS else None,
        fingerprint=as_fingerprint(sums.fingerprint),
    )


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _whole(values: pa.Array) -> _Numbers:
    numbers = values.cast(pa.int64())
    ends = pc.min_max(numbers)
    low, high = ends["min"].as_py(), ends["max"].as_py()
    if low is None:
        return None, None, 0
    if max(abs(low), abs(high)) * len(numbers) < 2**63:
        return low, high, int(pc.sum(numbers).as_py())
    upper = pc.sum(pc.shift_right(numbers, pa.scalar(32, pa.int64()))).as_py()
    lower = pc.sum(pc.bit_wise_and(numbers, pa.scalar(2**32 - 1, pa.int64()))).as_py()
    return low, high, (int(upper) << 32) + int(lower)


def _days(values: pa.Array) -> _Numbers:
    return _whole(values.cast(pa.int32()))


def _lengths(values: pa.Array) -> _Numbers:
    return _whole(pc.binary_length(values))


def _counted(texts: pa.Array) -> tuple[int, int]:
    """Return the characters of all texts together, and those of them that UTF-16 has in pairs.

    They are counted in the texts' bytes as one text.
    """
    whole = pc.fill_null(texts, "") if texts.null_count else texts
    _, offsets, content = whole.buffers()
    ends = pa.Array.from_buffers(pa.int32(), len(whole) + 1, [None, offsets], offset=whole.offset)
    first, last = ends[0].as_py(), ends[len(whole)].as_py()
    if first == last:
        return 0, 0
    content = content.slice(first, last - first)
    one = pa.Array.from_buffers(pa.string(), 1, [None, _offsets(content.size), content])
    if pc.string_is_ascii(one)[0].as_py():
        return content.size, 0
    in_bytes = pa.Array.from_buffers(pa.uint8(), content.size, [None, content])
    pairs = pc.sum(pc.greater_equal(in_bytes, _FOUR_BYTES)).as_py()
    return int(pc.utf8_length(one)[0].as_py()), int(pairs)


def _offsets(size: int) -> pa.Buffer:
    return pa.array([0, size], pa.int32()).buffers()[1]


def _scaled(values: pa.Array) -> _Numbers:
    has_number = pc.less(pc.abs(values), float(FLOAT_LIMIT))
    scaled = pc.floor(pc.multiply(values, float(FLOAT_FACTOR)))
    return _whole(pc.if_else(has_number, scaled, None))


def _unscaled(values: pa.Array) -> _Numbers:
    low, high = hashing.halves(values)
    if values.type.precision <= hashing.ONE_WORD_DIGITS:
        return _whole(low.view(pa.int64()))
    ends = pc.min_max(values)
    if ends["min"].as_py() is None:
        return None, None, 0
    smallest, largest = (int(number_of(ends[end], values.type.scale)) for end in ("min", "max"))
    return smallest, largest, (_whole(high.view(pa.int64()))[2] << 64) + _unsigned(low)


def _unsigned(words: pa.Array) -> int:
    upper = pc.sum(pc.shift_right(words, pa.scalar(32, pa.uint64()))).as_py()
    lower = pc.sum(pc.bit_wise_and(words, pa.scalar(2**32 - 1, pa.uint64()))).as_py()
    return (int(upper) << 32) + int(lower)


_NUMBERS: dict[Kind, Callable[[pa.Array], Any]] = {
    Kind.BOOL: _whole,
    Kind.INT64: _whole,
    Kind.DECIMAL: _unscaled,
    Kind.FLOAT64: _scaled,
    Kind.TEXT: _lengths,
    Kind.BINARY: _lengths,
    Kind.DATE: _days,
    Kind.TIME: _whole,
    Kind.TIMESTAMP: _whole,
    Kind.TIMESTAMPTZ: _whole,
    Kind.JSON: _lengths,
}
"""How values become the numbers that any engine can compute too."""
