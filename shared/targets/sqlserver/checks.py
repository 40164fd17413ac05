"""Values that SQL Server would alter or refuse, found in Arrow before they are sent.

The server's own errors come late and name no row; and some values it alters without any.
"""

from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from shared.core.fidelity import Consent
from shared.core.schemas import Column, Kind
from shared.targets import consents
from shared.targets.consents import MIN_NORMAL
from shared.targets.sqlserver import types

_WHOLE_RANGES = {
    "int": (-(2**31), 2**31 - 1),
    "smallint": (-(2**15), 2**15 - 1),
    "tinyint": (0, 255),
}

_EPOCH = date(1970, 1, 1)
_FIRST_DAY, _LAST_DAY = (each.toordinal() - _EPOCH.toordinal() for each in (date.min, date.max))
_DAY_US = 86_400_000_000
_FIRST_US, _LAST_US = _FIRST_DAY * _DAY_US, (_LAST_DAY + 1) * _DAY_US - 1
"""Source: "date", "datetime2" and "datetimeoffset (Transact-SQL)": years 1 to 9999."""

_GUID = "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"
_WIDE = r"[\x{10000}-\x{10FFFF}]"
"""Characters that take two UTF-16 units."""


def require_representable(
    column: Column, values: pa.Array, destination: str, place: str, first_row: int
) -> None:
    """Make sure that SQL Server keeps every value as it is.

    Args:
        column: the values' column.
        values: as Arrow carries the column's type.
        destination: type of the column that they end in.
        place: the part, for the message.
        first_row: number of the first value's row in the part.

    Raises:
        ValueNotRepresentableError: a value would be altered or refused.
    """
    for is_bad, why, consent in _CHECKS[column.type.kind](values, destination):
        where = pc.index(pc.fill_null(is_bad, False), True).as_py()  # noqa: FBT003
        if where >= 0:
            raise consents.refusal(
                column.name,
                first_row + where + 1,
                place,
                why=why,
                engine="SQL Server",
                consent=consent,
            )


Found = list[tuple[Any, str, Consent | None]]
"""Masks of bad values, with what is wrong with them, and what would let them pass."""


def _text(values: pa.Array, destination: str) -> Found:
    found: Found = [
        (pc.match_substring(values, "\x00"), "text with a NUL character (U+0000)", Consent.NUL)
    ]
    limit = types.length_limit(destination)
    if destination == "uniqueidentifier":
        return [(pc.invert(pc.match_substring_regex(values, _GUID)), "text that is no GUID", None)]
    # No text has more UTF-16 units than UTF-8 bytes.
    if limit is not None and _exceeds(pc.binary_length(values), limit):
        wide = pc.count_substring_regex(values, _WIDE)
        units = pc.add(pc.utf8_length(values), wide)
        why = f"text of more than {limit} UTF-16 units"
        found.append((pc.greater(units, limit), why, Consent.LENGTH))
    return found


def _json(values: pa.Array, destination: str) -> Found:
    return [(is_bad, why, None) for is_bad, why, _ in _text(values, destination)]


def _binary(values: pa.Array, destination: str) -> Found:
    limit = types.length_limit(destination)
    if limit is None:
        return []
    is_longer = pc.greater(pc.binary_length(values), limit)
    return [(is_longer, f"more than {limit} bytes", Consent.LENGTH)]


def _whole(values: pa.Array, destination: str) -> Found:
    digits = types.whole_digits(destination)
    if destination in _WHOLE_RANGES:
        low, high = _WHOLE_RANGES[destination]
    elif digits is not None and digits < len(str(2**63)):
        low, high = 1 - 10**digits, 10**digits - 1
    else:
        return []
    return [(_outside(values, low, high), f"a number outside {low} to {high}", None)]


def _decimal(values: pa.Array, destination: str) -> Found:
    kind, digits = values.type, types.whole_digits(destination)
    if destination in (*_WHOLE_RANGES, "bigint"):
        low, high = _WHOLE_RANGES.get(destination, (-(2**63), 2**63 - 1))
    elif digits is not None and digits < kind.precision - kind.scale:
        low, high = 1 - 10**digits, 10**digits - 1
    else:
        return []
    whole = pc.cast(pc.trunc(values), pa.decimal128(38, 0))
    bounds = [pa.scalar(Decimal(each), pa.decimal128(38, 0)) for each in (low, high)]
    return [(_outside(whole, *bounds), f"a number outside {low} to {high}", None)]


def _float(values: pa.Array, _destination: str) -> Found:
    size = pc.abs(values)
    is_tiny = pc.and_(pc.less(size, MIN_NORMAL), pc.not_equal(values, 0.0))
    return [
        (pc.invert(pc.is_finite(values)), "NaN or infinity", Consent.NOT_FINITE),
        (is_tiny, f"a number nearer to 0 than {MIN_NORMAL}", Consent.TINY),
    ]


def _date(values: pa.Array, _destination: str) -> Found:
    days = values.cast(pa.int32())
    return [(_outside(days, _FIRST_DAY, _LAST_DAY), "a date outside the years 1 to 9999", None)]


def _timestamp(values: pa.Array, _destination: str) -> Found:
    moments = values.cast(pa.int64())
    return [(_outside(moments, _FIRST_US, _LAST_US), "a time outside the years 1 to 9999", None)]


def _nothing(_values: pa.Array, _destination: str) -> Found:
    return []


_CHECKS = {
    Kind.BOOL: _nothing,
    Kind.INT64: _whole,
    Kind.DECIMAL: _decimal,
    Kind.FLOAT64: _float,
    Kind.TEXT: _text,
    Kind.JSON: _json,
    Kind.BINARY: _binary,
    Kind.DATE: _date,
    Kind.TIME: _nothing,
    Kind.TIMESTAMP: _timestamp,
    Kind.TIMESTAMPTZ: _timestamp,
}


def _exceeds(sizes: pa.Array, limit: int) -> bool:
    largest = pc.max(sizes).as_py()
    return largest is not None and largest > limit


def _outside(values: pa.Array, low: Any, high: Any) -> Any:
    return pc.or_(pc.less(values, low), pc.greater(values, high))
