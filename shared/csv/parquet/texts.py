"""Values of a Parquet file as text: the cells that other kinds of files have.

Each text is what reads back to exactly the value. Narrow floats are widened first, for that is the
number that they are.
"""

from collections.abc import Callable
from decimal import Decimal
from json.encoder import encode_basestring

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from shared.core.schemas import DataType, Kind
from shared.csv.cells import BadCellError, CellRule, parse_cell
from shared.csv.parquet.columns import is_binary, is_text, plain, stored

_UUID_PARTS = ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
_NUMBERS = ("nan", "inf", "-inf")
_JSON = CellRule(type=DataType(Kind.JSON))
_EXPONENT, _EXACT = 1e10, 2.0**53
"""Where Arrow begins to write floats with an exponent, and where they begin to have gaps."""


def texts(values: pa.Array, declared: pa.DataType) -> pa.Array:
    """Return values, none of them nested, as texts; what is NULL stays NULL.

    Args:
        values: as the file has them, or plain.
        declared: their type as the file says, extensions included.
    """
    values = plain(values)
    if is_binary(values.type):
        write = _uuid if isinstance(declared, pa.UuidType) else _hexadecimal
        return pa.array([None if v is None else write(v) for v in values.to_pylist()], pa.string())
    if types.is_timestamp(values.type) and values.type.tz:
        # By the clock of UTC, without asking the system's tables of zones.
        clock = values.cast(pa.int64()).cast(pa.timestamp(values.type.unit))
        return pc.binary_join_element_wise(clock.cast(pa.string()), "Z", "")
    if types.is_floating(values.type):
        return _floats(values)
    if types.is_decimal(values.type):
        return _decimals(values)
    return values.cast(pa.string())


def _floats(values: pa.DoubleArray) -> pa.StringArray:
    """Write whole numbers digit by digit: behind an exponent, digits may be lost."""
    found, sizes = values.cast(pa.string()), pc.abs(values)
    is_large = pc.and_(pc.greater_equal(sizes, _EXPONENT), pc.less_equal(sizes, _EXACT))
    is_whole = pc.fill_null(pc.and_(is_large, pc.equal(pc.floor(values), values)), fill_value=False)
    if not pc.any(is_whole).as_py():
        return found
    return pc.if_else(
        is_whole, pc.if_else(is_whole, values, 0.0).cast(pa.int64()).cast(pa.string()), found
    )


def _decimals(values: pa.Array) -> pa.StringArray:
    """Write every digit: Arrow writes what is nearly zero with an exponent, ``0E-8``."""
    found = values.cast(pa.string())
    has_exponent = pc.fill_null(pc.match_substring(found, "E"), fill_value=False)
    if not pc.any(has_exponent).as_py():
        return found
    short = found.filter(has_exponent).dictionary_encode()
    whole = pa.array([format(Decimal(t), "f") for t in short.dictionary.to_pylist()], pa.string())
    return pc.replace_with_mask(found, has_exponent, whole.take(short.indices))


def _hexadecimal(value: bytes) -> str:
    return f"0x{value.hex()}"  # no bytes at all are no NULL


def _uuid(value: bytes) -> str:
    digits = value.hex()
    return "-".join(digits[start:end] for start, end in _UUID_PARTS)


def is_bare(declared: pa.DataType) -> bool:
    """Say whether the texts of a type are JSON as they are, but for what is no number."""
    kind = stored(declared)
    numbers = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
    return bool(numbers or types.is_boolean(kind))


def tokens(values: pa.Array, declared: pa.DataType) -> list[str]:
    """Return values, none of them nested, each as JSON; NULL is ``null``.

    What is no UTF-8 is written as halves of characters, which no reader of JSON takes for text.
    """
    values = plain(values)
    if is_text(values.type):
        return _words(values, one_line if isinstance(declared, pa.JsonType) else encode_basestring)
    found = texts(values, declared).to_pylist()
    return _each(found, _number if is_bare(declared) else encode_basestring)


def _words(values: pa.Array, write: Callable[[str], str]) -> list[str]:
    try:
        return _each(values.to_pylist(), write)
    except UnicodeDecodeError:
        found = values.cast(pa.binary()).to_pylist()
        texts = [None if each is None else each.decode(errors="surrogateescape") for each in found]
        return [each.encode(errors="backslashreplace").decode() for each in _each(texts, write)]


def _each(values: list[str | None], write: Callable[[str], str]) -> list[str]:
    return ["null" if value is None else write(value) for value in values]


def _number(text: str) -> str:
    return encode_basestring(text) if text in _NUMBERS else text


def one_line(text: str) -> str:
    """Return JSON without line ends: where JSON may have them, they are blanks.

    What is no JSON stands as a text behind a question mark: as it is, it might be JSON together
    with its neighbours, or with blanks in it. Blanks alone are NULL, as in every cell.
    """
    try:
        if parse_cell(text, _JSON) is None:
            return "null"
    except BadCellError as exc:
        if exc.rule == "not_json":
            return f"?{encode_basestring(text)}"
    return text.replace("\r", " ").replace("\n", " ")
