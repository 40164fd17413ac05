"""Arrow's own parsers, behind checks that leave them nothing to read differently than we do.

Arrow reads ``0x1F`` as a number, a mere hour as a clock, and knows a year 0; it rejects nothing
that ``parse_cell`` would read differently. Each way here is taken for a whole column or not at all.
"""

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from shared.core.schemas import MAX_PRECISION, Kind
from shared.csv.cells import CellRule
from shared.csv.table import content_bytes
from shared.stage.arrow import arrow_type

SURE_FLOAT_CHARACTERS = 16
"""15 digits and a point: each such decimal comes back from a float64. Source: C11, DBL_DIG."""
_FIRST_DAY = -719162
"""0001-01-01 in days since 1970: Arrow knows a year 0, our targets do not."""

_YEAR = r"(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
_MONTH_DAY = (
    r"(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    r"|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?"
_DATE = f"{_YEAR}-{_MONTH_DAY}"
"""29 February is left to the exact way."""

_SURE = {
    Kind.INT64: r"^-?[0-9]{1,18}$",
    Kind.FLOAT64: r"^-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?$",
    Kind.BOOL: r"^(?:[Tt]rue|TRUE|[Ff]alse|FALSE|[01])$",
    Kind.DATE: f"^{_DATE}$",
    Kind.TIME: f"^{_CLOCK}$",
    Kind.TIMESTAMP: f"^{_DATE}(?:[ T]{_CLOCK})?$",
    Kind.TIMESTAMPTZ: f"^{_DATE}[ T]{_CLOCK}(?:Z|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?)$",
}


def quick(cells: pa.Array, rule: CellRule) -> pa.Array | None:
    """Convert a whole column; None when any cell needs a closer look."""
    way = _WAYS.get(rule.type.kind)
    try:
        return way(cells, rule) if way else None
    except pa.ArrowInvalid:
        return None


def surely_quick(cells: pa.Array, rule: CellRule) -> pa.Array:
    """Tell which cells ``quick`` converts, if it gets no others; the rest may still be values."""
    if rule.type.kind is Kind.DECIMAL:
        return pc.match_substring_regex(cells, _decimal_regex(rule))
    regex = _SURE.get(rule.type.kind, "^[^\\s\\S]$")
    sure = pc.match_substring_regex(cells, regex)
    return pc.and_(sure, _prints_back(cells, sure)) if rule.type.kind is Kind.FLOAT64 else sure


def _decimal_regex(rule: CellRule) -> str:
    scale = rule.type.scale or 0
    whole = (rule.type.precision or 0) - scale
    fraction = rf"(?:\.[0-9]{{1,{scale}}})" if scale else ""
    return rf"^-?[0-9]{{1,{whole}}}{fraction}?$" if whole else rf"^-?0?{fraction}$"


def _prints_back(cells: pa.Array, sure: pa.Array) -> pa.Array:
    numbers = pc.cast(pc.if_else(sure, cells, pa.scalar(None, pa.string())), pa.float64())
    is_short = pc.less_equal(pc.binary_length(cells), SURE_FLOAT_CHARACTERS)
    return pc.or_(is_short, pc.fill_null(pc.equal(pc.cast(numbers, pa.string()), cells), False))  # noqa: FBT003


def _has_only(cells: pa.Array, characters: bytes) -> bool:
    return not content_bytes(cells).translate(None, characters)


def _int64(cells: pa.Array, _: CellRule) -> pa.Array | None:
    return pc.cast(cells, pa.int64()) if _has_only(cells, b"0123456789-") else None


def _decimal(cells: pa.Array, rule: CellRule) -> pa.Array | None:
    if not _has_only(cells, b"0123456789-."):
        return None
    longest = pc.max(pc.binary_length(cells)).as_py() or 0
    if longest + (rule.type.scale or 0) > MAX_PRECISION:
        # Arrow wraps around without a word where a number leaves its 128 bits.
        fits = pc.match_substring_regex(cells, _decimal_regex(rule))
        if pc.all(fits).as_py() is False:
            return None
    return pc.cast(cells, arrow_type(rule.type))


def _float64(cells: pa.Array, _: CellRule) -> pa.Array | None:
    if not _has_only(cells, b"0123456789-."):
        # Arrow makes an infinity of a large exponent, and 0 of a small one.
        written = pc.match_substring_regex(cells, _SURE[Kind.FLOAT64])
        if pc.all(written).as_py() is False:
            return None
    values = pc.cast(cells, pa.float64())
    longest = pc.max(pc.binary_length(cells)).as_py()
    if longest is None or longest <= SURE_FLOAT_CHARACTERS:
        return values
    prints_back = pc.all(_prints_back(cells, pc.is_valid(cells))).as_py()
    return values if prints_back else None


def _bool(cells: pa.Array, _: CellRule) -> pa.Array | None:
    return pc.cast(cells, pa.bool_())


def _date(cells: pa.Array, _: CellRule) -> pa.Array | None:
    days = pc.cast(cells, pa.date32())
    return days if _is_after_year_0(days) else None


def _timestamp(cells: pa.Array, rule: CellRule) -> pa.Array | None:
    if not _has_minutes(cells):
        return None
    moments = pc.cast(cells, arrow_type(rule.type))
    return moments if _is_after_year_0(moments.cast(pa.date32())) else None


def _time(cells: pa.Array, _: CellRule) -> pa.Array | None:
    moments = pc.binary_join_element_wise(pa.scalar("1970-01-01"), cells, pa.scalar(" "))
    if not _has_minutes(moments):
        return None
    return pc.cast(pc.cast(moments, pa.timestamp("us")), pa.time64("us"))


def _is_after_year_0(days: pa.Array) -> bool:
    first = pc.min(days.cast(pa.int32())).as_py()
    return first is None or first >= _FIRST_DAY


def _has_minutes(cells: pa.Array) -> bool:
    """Whether each clock has minutes; a mere date has no clock."""
    colons = pc.binary_slice(cells.cast(pa.binary()), 13, 14)
    has_colon = pc.equal(colons, pa.scalar(b":", pa.binary()))
    return pc.all(pc.or_(has_colon, pc.equal(pc.binary_length(cells), 10))).as_py() is not False


_WAYS: dict[Kind, Callable[[pa.Array, CellRule], pa.Array | None]] = {
    Kind.INT64: _int64,
    Kind.DECIMAL: _decimal,
    Kind.FLOAT64: _float64,
    Kind.BOOL: _bool,
    Kind.DATE: _date,
    Kind.TIME: _time,
    Kind.TIMESTAMP: _timestamp,
    Kind.TIMESTAMPTZ: _timestamp,
}
