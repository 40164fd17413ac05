"""Where the quotes of a text are, and where they stop making sense.

In a well-formed text quotes open and close in turn, each opening one stands after a delimiter or
line end, each closing one before one, and a doubled quote is a close and an open side by side. One
vectorised pass finds every quote that breaks this, so that only records around those need care.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

_NONE: Sequence[int] = ()

if TYPE_CHECKING:
    Numbers = memoryview[int]
else:
    Numbers = memoryview


@dataclass(frozen=True, slots=True)
class QuoteMap:
    """Positions of the quotes of a text, and the indices of those that break the rules."""

    positions: Sequence[int]
    breaks: tuple[Sequence[int], Sequence[int]]
    """If quotes of even index open; if quotes of odd index do."""

    def index(self, position: int, start: int = 0) -> int:
        """Return the index of the first quote at or after a position."""
        return bisect_left(self.positions, position, start)

    def next_break(self, first: int) -> int:
        """Return the index of the next bad quote, from one that opens; past the last if none."""
        breaks = self.breaks[first & 1]
        at = bisect_left(breaks, first)
        return breaks[at] if at < len(breaks) else len(self.positions)


def map_quotes(text: bytes, quote: bytes, separators: bytes) -> QuoteMap:
    """Find the quotes of a text that starts outside of any; separators surround quoted fields."""
    if not quote or quote not in text:
        return QuoteMap(_NONE, (_NONE, _NONE))
    # A line end before and after spares the borders a special case.
    padded = as_bytes_array(b"\n" + text + b"\n")
    after_each = pc.indices_nonzero(pc.equal(padded, pa.scalar(quote[0], pa.uint8()))).cast(
        pa.int64()
    )
    positions = pc.subtract(after_each, 1)
    fits = pa.array([quote[0], *separators], pa.uint8())
    bad_open = pc.invert(pc.is_in(padded.take(positions), fits))
    bad_close = pc.invert(pc.is_in(padded.take(pc.add(after_each, 1)), fits))
    is_odd = _alternating(len(positions))
    return QuoteMap(
        as_numbers(positions),
        (
            as_numbers(pc.indices_nonzero(pc.if_else(is_odd, bad_close, bad_open))),
            as_numbers(pc.indices_nonzero(pc.if_else(is_odd, bad_open, bad_close))),
        ),
    )


def as_bytes_array(text: bytes) -> pa.Array:
    """Return the bytes of a text as an Arrow array, without copying them."""
    return pa.Array.from_buffers(pa.uint8(), len(text), [None, pa.py_buffer(text)])


def as_numbers(numbers: pa.Array) -> Numbers:
    """Return an Arrow array of 64-bit integers as something that bisect can search quickly."""
    values = numbers.buffers()[1]
    is_signed = numbers.type == pa.int64()
    view = memoryview(values).cast("q") if is_signed else memoryview(values).cast("Q")
    return view[numbers.offset : numbers.offset + len(numbers)]


def _alternating(length: int) -> pa.Array:
    bits = pa.py_buffer(b"\xaa" * (length // 8 + 1))
    return pa.Array.from_buffers(pa.bool_(), length, [None, bits])
