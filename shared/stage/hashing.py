"""Hashes of values, the same on every machine and in every release, computed by Arrow's kernels.

docs/receipt.md defines them. They tell damage from no damage; against malice there are the SHA-256
of parts and the encryption. Nothing but Arrow is needed, so no archive grows.
"""

import hashlib
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from shared.core.schemas import Column, Kind

WORD_BITS = 64
_WORD_BYTES = WORD_BITS // 8
_MODULUS = 2**WORD_BITS

_WORD = pa.uint64()

ONE_WORD_DIGITS = 18
"""Every decimal of so many digits fits one word; one of 19 may not."""

SHORT_BYTES = 64
"""Texts up to this length are hashed side by side, however different in length they are."""

LONG_BYTES = 4096
"""Longer texts are hashed one by one, by SHA-256."""

_SPREAD = 4
"""Texts side by side are padded to the longest: at most about so many times their bytes."""


def _splitmix(number: int) -> int:
    """Return word ``number`` of the sequence that all constants are from.

    Source: G. L. Steele et al., "Fast splittable pseudorandom number generators", 2014.
    """
    word: int = number * 0x9E3779B97F4A7C15 % _MODULUS
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 % _MODULUS
    word = (word ^ word >> 27) * 0x94D049BB133111EB % _MODULUS
    return word ^ word >> 31


@cache
def _constant(number: int) -> pa.Scalar:
    """Return an odd constant, number by number another one."""
    return pa.scalar(_splitmix(number) | 1, _WORD)


_FIRST, _SECOND, _LENGTH, _HIGH = (_constant(number) for number in range(1, 5))
_NULL = pa.scalar(_splitmix(5), _WORD)
_LANES = 16
"""Constants from here on are for the words of a text, two each."""

_HALF = pa.scalar(WORD_BITS // 2, _WORD)
_NAN = pa.scalar(0x7FF8000000000000, _WORD)


def mixed(words: pa.Array) -> pa.Array:
    """Return words of which each bit depends on all bits of the word that it was."""
    words = pc.multiply(pc.bit_wise_xor(words, pc.shift_right(words, _HALF)), _FIRST)
    words = pc.multiply(pc.bit_wise_xor(words, pc.shift_right(words, _HALF)), _SECOND)
    return pc.bit_wise_xor(words, pc.shift_right(words, _HALF))


def hashes(column: Column, values: pa.Array) -> pa.Array:
    """Return the hash of each value; none is NULL."""
    found = mixed(_WORDS[column.type.kind](values))
    return pc.fill_null(found, _NULL) if values.null_count else found


def row_hashes(columns: dict[str, pa.Array]) -> pa.Array:
    """Return the hash of each row, from the hashes of its values by the columns' names."""
    total = None
    for name, each in columns.items():
        term = pc.multiply(each, _of_name(name))
        total = term if total is None else pc.add(total, term)
    return mixed(total)


def added(words: pa.Array) -> int:
    """Return the sum of words, without what is beyond 64 bits."""
    return int(pc.sum(words).as_py() or 0)


@cache
def _of_name(name: str) -> pa.Scalar:
    digest = hashlib.sha256(name.encode()).digest()
    return pa.scalar(int.from_bytes(digest[:_WORD_BYTES], "little") | 1, _WORD)


def halves(values: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Return the low and the high word of decimals, as they are in memory."""
    count = len(values)
    words = pa.Array.from_buffers(
        _WORD, 2 * count, [None, values.buffers()[1]], offset=2 * values.offset
    )
    low, high = (pc.take(words.slice(at), _steps(count, 2), boundscheck=False) for at in (0, 1))
    if not values.null_count:
        return low, high
    is_null = pc.is_null(values)
    return pc.if_else(is_null, None, low), pc.if_else(is_null, None, high)


def _whole(values: pa.Array) -> pa.Array:
    return values.cast(pa.int64()).view(_WORD)


def _bool(values: pa.Array) -> pa.Array:
    return values.cast(_WORD)


def _decimal(values: pa.Array) -> pa.Array:
    low, high = halves(values)
    if values.type.precision <= ONE_WORD_DIGITS:
        return low
    return pc.add(mixed(low), pc.multiply(high, _HIGH))


def _float(values: pa.Array) -> pa.Array:
    words = pc.add(values, 0.0).view(_WORD)  # 0.0 and -0.0 are the same number
    is_nan = pc.is_nan(values)
    return pc.if_else(is_nan, _NAN, words) if pc.any(is_nan).as_py() else words


def _date(values: pa.Array) -> pa.Array:
    return _whole(values.cast(pa.int32()))


def _text(values: pa.Array) -> pa.Array:
    texts = pa.Array.from_buffers(
        pa.string(), len(values), values.buffers(), values.null_count, values.offset
    )  # bytes too: Arrow has more functions for texts, and those used here check nothing
    if not values.null_count:
        return _folded(texts) if len(texts) else pa.array([], _WORD)
    return pc.if_else(pc.is_null(values), None, _folded(pc.fill_null(texts, "")))


def _folded(texts: pa.Array) -> pa.Array:
    """Return one word for each text; ``texts`` are not empty, and none is NULL."""
    lengths = pc.binary_length(texts)
    longest = pc.max(lengths).as_py()
    if longest > LONG_BYTES:
        return _apart(texts, pc.less_equal(lengths, LONG_BYTES), _one_by_one)
    if longest <= SHORT_BYTES or len(texts) * longest <= _SPREAD * pc.sum(lengths).as_py():
        return _side_by_side(texts, lengths, longest)
    bound = max(SHORT_BYTES, longest // _SPREAD)
    return _apart(texts, pc.less_equal(lengths, bound), _folded)


def _apart(
    texts: pa.Array, is_short: pa.Array, fold_long: Callable[[pa.Array], pa.Array]
) -> pa.Array:
    found = pa.repeat(_NULL, len(texts))
    for mask, fold in ((is_short, _folded), (pc.invert(is_short), fold_long)):
        some = texts.filter(mask)
        if len(some):
            found = pc.replace_with_mask(found, mask, fold(some))
    return found


def _side_by_side(texts: pa.Array, lengths: pa.Array, longest: int) -> pa.Array:
    """Fold texts word by word: word n of all of them at once, zeros behind the end of each."""
    number = -(-longest // _WORD_BYTES)
    found = pc.multiply(lengths.cast(_WORD), _LENGTH)
    if not number:
        return found
    padded = pc.ascii_rpad(texts, width=number * _WORD_BYTES, padding="\0").buffers()[2]
    words = pa.Array.from_buffers(_WORD, len(texts) * number, [None, padded])
    at = _steps(len(texts), number)
    for lane in range(number):
        word = pc.take(words.slice(lane), at, boundscheck=False) if number > 1 else words
        word = pc.multiply(word, _constant(_LANES + 2 * lane))
        word = pc.bit_wise_xor(word, pc.shift_right(word, _HALF))
        found = pc.add(found, pc.multiply(word, _constant(_LANES + 2 * lane + 1)))
    return found


def _one_by_one(texts: pa.Array) -> pa.Array:
    digests = (hashlib.sha256(each.as_buffer()).digest()[:_WORD_BYTES] for each in texts)
    return pa.array([int.from_bytes(digest, "little") for digest in digests], _WORD)


def _steps(count: int, width: int) -> pa.Array:
    """Return the places of every ``width``-th of ``count * width`` words."""
    return _all_steps(1 << (count - 1).bit_length(), width).slice(0, count)


@lru_cache(maxsize=256)
def _all_steps(count: int, width: int) -> pa.Array:
    if width == 1:
        return pa.array(range(count), pa.int32())
    return pc.multiply(_all_steps(count, 1), pa.scalar(width, pa.int32()))


_WORDS: dict[Kind, Callable[[pa.Array], Any]] = {
    Kind.BOOL: _bool,
    Kind.INT64: _whole,
    Kind.DECIMAL: _decimal,
    Kind.FLOAT64: _float,
    Kind.TEXT: _text,
    Kind.BINARY: _text,
    Kind.DATE: _date,
    Kind.TIME: _whole,
    Kind.TIMESTAMP: _whole,
    Kind.TIMESTAMPTZ: _whole,
    Kind.JSON: _text,
}
"""The words that values are hashed as; NULL stays NULL."""
