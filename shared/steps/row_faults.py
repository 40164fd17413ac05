"""Rows that are not the same at both ends, found by reading both twice in flat memory.

The first pass sums up hashes of rows in buckets by the hash of the key. The second keeps the rows
of buckets that differ, and compares them key by key.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from shared.core.schemas import TableSchema
from shared.core.verifying import Fault, RowFault
from shared.stage import hashing
from shared.stage.fingerprints import BLOCK_ROWS

BUCKETS = 4096

MAX_ROWS_HELD = 200_000
"""Of buckets that differ, so many rows of each end are compared; more only say that there are more.
"""

MAX_NAMED = 100
"""So many rows are named."""

Rows = Callable[[], Iterable[pa.RecordBatch]]
"""Reads all rows of one end, anew each time."""


def find(schema: TableSchema, source: Rows, target: Rows) -> tuple[tuple[RowFault, ...], bool]:
    """Return rows that differ, and whether they are all.

    Args:
        schema: the columns to compare, and the key; rows without one are told apart by all columns.
        source: the rows as they should be.
        target: the rows as they are.
    """
    ends = [_sums(schema, rows()) for rows in (source, target)]
    buckets = {n for n in ends[0].keys() | ends[1].keys() if ends[0].get(n) != ends[1].get(n)}
    if not buckets:
        return (), True
    wanted = pa.array(sorted(buckets), pa.uint64())
    mine, theirs = (_held(schema, rows(), wanted) for rows in (source, target))
    faults = list(_faults(schema, mine, theirs))
    are_all = mine.is_whole and theirs.is_whole and len(faults) <= MAX_NAMED
    return tuple(faults[:MAX_NAMED]), are_all


@dataclass(slots=True)
class _Held:
    """Rows by key: each with the hashes of its columns, and the key's values once."""

    rows: dict[tuple[int, ...], list[tuple[int, ...]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    keys: dict[tuple[int, ...], dict[str, Any]] = field(default_factory=dict)
    is_whole: bool = True


def _key(schema: TableSchema) -> Sequence[str]:
    return schema.primary_key or schema.names


def _blocks(
    schema: TableSchema, batches: Iterable[pa.RecordBatch]
) -> Iterator[tuple[pa.RecordBatch, dict[str, pa.Array], pa.Array]]:
    """Yield blocks of rows, with the hashes of their values and the buckets of their keys."""
    for batch in batches:
        for start in range(0, batch.num_rows, BLOCK_ROWS):
            block = batch.slice(start, BLOCK_ROWS)
            found = {c.name: hashing.hashes(c, block.column(c.name)) for c in schema}
            keys = hashing.row_hashes({name: found[name] for name in _key(schema)})
            yield block, found, pc.bit_wise_and(keys, pa.scalar(BUCKETS - 1, pa.uint64()))


def _sums(schema: TableSchema, batches: Iterable[pa.RecordBatch]) -> dict[int, tuple[int, int]]:
    """Return the number of rows, and the sum of their hashes, of each bucket."""
    sums: dict[int, tuple[int, int]] = {}
    for _, found, buckets in _blocks(schema, batches):
        rows = pa.table({"bucket": buckets, "row": hashing.row_hashes(found)})
        grouped = rows.group_by("bucket").aggregate([("row", "sum"), ("row", "count")])
        for bucket, total, number in zip(*(c.to_pylist() for c in _ordered(grouped)), strict=True):
            before = sums.get(bucket, (0, 0))
            sums[bucket] = (before[0] + number, (before[1] + total) % 2**hashing.WORD_BITS)
    return sums


def _ordered(grouped: pa.Table) -> list[pa.ChunkedArray]:
    return [grouped.column(name) for name in ("bucket", "row_sum", "row_count")]


def _held(schema: TableSchema, batches: Iterable[pa.RecordBatch], wanted: pa.Array) -> _Held:
    held, count = _Held(), 0
    key = _key(schema)
    places = [schema.names.index(name) for name in key]
    for block, found, buckets in _blocks(schema, batches):
        mask = pc.is_in(buckets, wanted)
        columns = [found[name].filter(mask).to_pylist() for name in schema.names]
        named = block.select(list(key)).filter(mask).to_pylist()
        for row, values in zip(zip(*columns, strict=True), named, strict=True):
            identity = tuple(row[place] for place in places)
            held.rows[identity].append(row)
            held.keys[identity] = values
        count += len(named)
        if count > MAX_ROWS_HELD:
            held.is_whole = False
            break
    return held


def _faults(schema: TableSchema, mine: _Held, theirs: _Held) -> Iterator[RowFault]:
    is_known = mine.is_whole and theirs.is_whole
    for identity in sorted(mine.rows.keys() | theirs.rows.keys()):
        expected, found = Counter(mine.rows.get(identity)), Counter(theirs.rows.get(identity))
        if expected == found:
            continue
        key = (mine.keys if identity in mine.keys else theirs.keys)[identity]
        if not found and is_known:
            yield RowFault(fault=Fault.MISSING, key=key)
        elif not expected and is_known:
            yield RowFault(fault=Fault.EXTRA, key=key)
        elif expected and found:
            yield _changed(schema, key, expected, found)


def _changed(
    schema: TableSchema,
    key: dict[str, Any],
    expected: Counter[tuple[int, ...]],
    found: Counter[tuple[int, ...]],
) -> RowFault:
    if expected.total() != found.total() and set(expected) == set(found):
        fault = Fault.DOUBLED if found.total() > expected.total() else Fault.MISSING
        return RowFault(fault=fault, key=key)
    pairs = zip(zip(*expected, strict=True), zip(*found, strict=True), strict=True)
    differ = (set(before) != set(after) for before, after in pairs)
    columns = tuple(name for name, is_other in zip(schema.names, differ, strict=True) if is_other)
    return RowFault(fault=Fault.CHANGED, key=key, columns=columns)
