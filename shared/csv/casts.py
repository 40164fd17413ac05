"""Columns of text to typed columns: whole columns at once, and single cells where those fail.

A fast way is only taken where it provably agrees with ``parse_cell``: first it is checked which
bytes a column has at all, for Arrow's parsers know more ways to write a number than we accept.
Where a column fails as a whole it is narrowed down by parts to the cells that do.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pyarrow as pa
import pyarrow.compute as pc

from shared.core.schemas import Kind
from shared.csv.cells import BadCellError, CellRule, Value, parse_cell
from shared.csv.table import content_bytes
from shared.stage.arrow import arrow_type

_PART = 8
_CELL_BY_CELL = 32
_SURE_FLOAT_CHARACTERS = 16
"""15 digits and a point: each such decimal comes back from a float64. Source: C11, DBL_DIG."""
_FIRST_DAY = pa.scalar(-719162, pa.int32())
"""0001-01-01 in days since 1970: Arrow knows a year 0, our targets do not."""


@dataclass(slots=True)
class Converted:
    """A typed column, NULL where a cell failed, and why those failed, by row."""

    values: pa.Array
    failures: dict[int, BadCellError] = field(default_factory=dict)


def convert(cells: pa.Array, rule: CellRule) -> Converted:
    """Convert a column of text; NULL stays NULL and must be judged by the caller."""
    if rule.type.kind is not Kind.TEXT:
        cells = _without_empty(cells)
    whole = _fast(cells, rule)
    if whole is not None:
        return Converted(whole)
    found = Converted(None)
    parts = _narrowed(cells, 0, rule, found.failures, {})
    found.values = pa.concat_arrays(parts)
    return found


def _narrowed(
    cells: pa.Array,
    first_row: int,
    rule: CellRule,
    failures: dict[int, BadCellError],
    known: dict[str, Value | BadCellError],
) -> list[pa.Array]:
    """Convert part by part, and the smallest ones cell by cell."""
    if len(cells) <= _CELL_BY_CELL:
        return [_cell_by_cell(cells, first_row, rule, failures, known)]
    size = -(-len(cells) // _PART)
    done: list[pa.Array] = []
    for start in range(0, len(cells), size):
        part = cells.slice(start, size)
        values = _fast(part, rule)
        if values is not None:
            done.append(values)
        else:
            done += _narrowed(part, first_row + start, rule, failures, known)
    return done


def _cell_by_cell(
    cells: pa.Array,
    first_row: int,
    rule: CellRule,
    failures: dict[int, BadCellError],
    known: dict[str, Value | BadCellError],
) -> pa.Array:
    values: list[Value] = []
    for row, text in enumerate(cells.to_pylist(), first_row):
        value = None if text is None else _remembered(text, rule, known)
        if isinstance(value, BadCellError):
            failures[row] = value
            value = None
        values.append(value)
    return pa.array(values, arrow_type(rule.type))


def _remembered(
    text: str, rule: CellRule, known: dict[str, Value | BadCellError]
) -> Value | BadCellError:
    if text not in known:
        try:
            known[text] = parse_cell(text, rule)
        except BadCellError as exc:
            known[text] = exc
    return known[text]


def _without_empty(cells: pa.Array) -> pa.Array:
    """Make quoted empty cells NULL, for a type whose values are never empty."""
    lengths = pc.binary_length(cells)
    if pc.min(lengths).as_py() != 0:
        return cells
    return pc.if_else(pc.equal(lengths, 0), pa.scalar(None, pa.string()), cells)


def _fast(cells: pa.Array, rule: CellRule) -> pa.Array | None:
    """Convert all cells at once; None when any of them needs a closer look."""
    if cells.null_count == len(cells):
        return pa.nulls(len(cells), arrow_type(rule.type))
    way = _FAST.get(rule.type.kind)
    if way is None:
        return None
    try:
        return way(cells, rule)
    except pa.ArrowInvalid:
        return None


def _text(cells: pa.Array, _: CellRule) -> pa.Array | None:
    return None if b"\0" in content_bytes(cells) else cells


def _has_only(cells: pa.Array, characters: bytes) -> bool:
    return not content_bytes(cells).translate(None, characters)


def _int64(cells: pa.Array, _: CellRule) -> pa.Array | None:
    # Arrow also reads 0x1F.
    return pc.cast(cells, pa.int64()) if _has_only(cells, b"0123456789-") else None


def _decimal(cells: pa.Array, rule: CellRule) -> pa.Array | None:
    if rule.decimal_mark != ".":
        return _decimal(with_point(cells, rule.decimal_mark), replace(rule, decimal_mark="."))
    if not _has_only(cells, b"0123456789-."):
        return None
    return pc.cast(cells, arrow_type(rule.type))


def with_point(cells: pa.Array, decimal_mark: str) -> pa.Array:
    """Swap decimal mark and point, so that only what has the right mark has a point."""
    validity, offsets, content = cells.buffers()
    mark = decimal_mark.encode()
    if len(mark) != 1:
        return pc.replace_substring(pc.replace_substring(cells, ".", "?"), decimal_mark, ".")
    text = content.to_pybytes().translate(bytes.maketrans(mark + b".", b"." + mark))
    buffers = [validity, offsets, pa.py_buffer(text)]
    return pa.Array.from_buffers(pa.string(), len(cells), buffers, offset=cells.offset)


def _float64(cells: pa.Array, rule: CellRule) -> pa.Array | None:
    if rule.decimal_mark != ".":
        return _float64(with_point(cells, rule.decimal_mark), replace(rule, decimal_mark="."))
    if not _has_only(cells, b"0123456789-."):
        return None
    values = pc.cast(cells, pa.float64())
    if pc.max(pc.binary_length(cells)).as_py() <= _SURE_FLOAT_CHARACTERS:
        return values
    prints_back = pc.equal(pc.cast(values, pa.string()), cells)
    return values if pc.all(prints_back).as_py() else None


def _bool(cells: pa.Array, _: CellRule) -> pa.Array | None:
    return pc.cast(cells, pa.bool_())


def _date(cells: pa.Array, rule: CellRule) -> pa.Array | None:
    if rule.pattern:
        return None
    days = pc.cast(cells, pa.date32())
    return days if _is_after_year_0(days) else None


def _is_after_year_0(days: pa.Array) -> bool:
    return bool(pc.greater_equal(pc.min(days.cast(pa.int32())), _FIRST_DAY).as_py())


def _timestamp(cells: pa.Array, rule: CellRule) -> pa.Array | None:
    if rule.pattern or not _has_minutes(cells):
        return None
    moments = pc.cast(cells, arrow_type(rule.type))
    return moments if _is_after_year_0(moments.cast(pa.date32())) else None


def _has_minutes(cells: pa.Array) -> bool:
    """Whether each clock has minutes: Arrow also reads a mere hour."""
    colons = pc.binary_slice(cells.cast(pa.binary()), 13, 14)
    return bool(pc.all(pc.equal(colons, pa.scalar(b":", pa.binary()))).as_py())


def _time(cells: pa.Array, rule: CellRule) -> pa.Array | None:
    if rule.pattern:
        return None
    moments = pc.binary_join_element_wise(pa.scalar("1970-01-01"), cells, pa.scalar(" "))
    if not _has_minutes(moments):
        return None
    return pc.cast(pc.cast(moments, pa.timestamp("us")), pa.time64("us"))


_FAST: dict[Kind, Callable[[pa.Array, CellRule], pa.Array | None]] = {
    Kind.TEXT: _text,
    Kind.INT64: _int64,
    Kind.DECIMAL: _decimal,
    Kind.FLOAT64: _float64,
    Kind.BOOL: _bool,
    Kind.DATE: _date,
    Kind.TIME: _time,
    Kind.TIMESTAMP: _timestamp,
    Kind.TIMESTAMPTZ: _timestamp,
}
