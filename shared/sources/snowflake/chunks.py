"""The chunks of a result: downloaded several at a time, handed on in their order."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from shared.ahead import side_by_side

AT_ONCE = 4
"""So many downloads run side by side, as with the connector's own cursors.

Source: Snowflake, "Parameters", CLIENT_PREFETCH_THREADS.
"""

AHEAD_BYTES = 32 * 2**20
"""Chunks of no more than this together are held, or memory would grow with their size."""


def tables(cursor: Any) -> Iterator[pa.Table]:
    """Yield the rows of an executed cursor, a table for each chunk, none of them empty.

    The cursor's own iterator decodes every chunk by the first one's integer widths, and is silently
    wrong when they differ; each chunk by itself is right.
    """
    chunks = cursor.get_result_batches() or ()
    for table in side_by_side(chunks, _table, at_once=_at_once(chunks)):
        if table is not None and table.num_rows:
            yield table


def _table(chunk: Any) -> pa.Table | None:
    table: pa.Table | None = chunk.to_arrow(
        number_to_decimal=True, force_microsecond_precision=True
    )
    return table


def _at_once(chunks: Sequence[Any]) -> int:
    largest = max((chunk.uncompressed_size or 0 for chunk in chunks), default=0)
    return max(1, min(AT_ONCE, AHEAD_BYTES // max(1, largest)))
