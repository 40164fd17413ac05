"""Numbers that describe the values of a column, gathered batch by batch."""

from hashlib import blake2b
from heapq import nsmallest
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from shared.core.checks import SKETCH_HASHES, Measure

MAX_NUMBER = 1e100
"""Larger ones are left out of means: their squares would be no floats any more."""

_HASH_BYTES = 8


def measure(values: pa.Array, *, is_newest: bool, is_counted: bool) -> Measure:
    """Return what the values of one batch are like.

    Args:
        values: of one column.
        is_newest: look for the largest moment.
        is_counted: hash the different values, to estimate how many there are.
    """
    numbers = _finite(values)
    count = 0 if numbers is None else len(numbers)
    mean = pc.mean(numbers).as_py() if count else 0.0
    squares = pc.variance(numbers, ddof=0).as_py() * count if count else 0.0
    return Measure(
        rows=len(values),
        nulls=values.null_count,
        numbers=count,
        mean=mean,
        squares=squares,
        newest=_newest(values) if is_newest else None,
        hashes=smallest_hashes(values) if is_counted else (),
    )


def smallest_hashes(values: pa.Array) -> tuple[int, ...]:
    """Return the smallest hashes of the different values that are not NULL, in order."""
    different = pc.drop_null(pc.unique(values))
    hashes = {_hash(value) for value in different.to_pylist()}
    return tuple(nsmallest(SKETCH_HASHES, hashes))


def _hash(value: Any) -> int:
    data = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(data, digest_size=_HASH_BYTES).digest())


def _finite(values: pa.Array) -> pa.Array | None:
    kind = values.type
    if pa.types.is_floating(kind):
        return values.filter(pc.less(pc.abs(values), MAX_NUMBER))  # NaN is not less
    if pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return pc.cast(values.drop_null(), pa.float64(), safe=False)
    return None


def _newest(values: pa.Array) -> str | None:
    newest = pc.max(values).as_py()
    if newest is None:
        return None
    text = newest.isoformat(sep=" ") if hasattr(newest, "hour") else f"{newest} 00:00:00"
    return str(text).partition("+")[0]
