"""Write values in the one way that the quick casts know, for whole columns at a time."""

import re

import pyarrow as pa
import pyarrow.compute as pc

from shared.core.schemas import Kind
from shared.csv.cells import CellRule

_NUMERIC = frozenset({Kind.INT64, Kind.DECIMAL, Kind.FLOAT64})


def with_iso_writing(cells: pa.Array, rule: CellRule) -> tuple[pa.Array, pa.Array | None]:
    """Rewrite numbers with a point, dates and times as ISO 8601.

    Also returns which cells are written by the column's rule at all; None when that was not asked,
    because the column has no rule of its own.
    """
    if rule.pattern:
        return _by_pattern(cells, rule)
    if rule.type.kind in _NUMERIC and (rule.decimal_mark != "." or rule.thousands_mark):
        return _with_point(cells, rule)
    return cells, None


def normalized(cells: pa.Array, rule: CellRule) -> pa.Array:
    """Drop blanks around values; write offsets of timestamps in one way."""
    cells = pc.utf8_trim(cells, " \t")
    if rule.type.kind is Kind.TIMESTAMPTZ:
        cells = pc.replace_substring_regex(cells, r" ?(?:UTC|Z)$", "Z")
        return pc.replace_substring_regex(cells, r" ([+-][0-9:]+)$", r"\1")
    return cells


def _by_pattern(cells: pa.Array, rule: CellRule) -> tuple[pa.Array, pa.Array | None]:
    rewriting = rule.pattern.rewriting if rule.pattern else None
    if rewriting is None:
        return cells, pc.and_(pc.is_valid(cells), pa.scalar(value=False))
    regex, iso = rewriting
    written = pc.match_substring_regex(cells, regex)
    rewritten = pc.replace_substring_regex(cells, regex, iso)
    return rewritten, None if pc.all(written).as_py() else written


def _with_point(cells: pa.Array, rule: CellRule) -> tuple[pa.Array, pa.Array | None]:
    point, comma = re.escape(rule.decimal_mark), re.escape(rule.thousands_mark or "")
    whole = rf"(?:[0-9]+|[0-9]{{1,3}}(?:{comma}[0-9]{{3}})+)" if comma else "[0-9]+"
    written = pc.match_substring_regex(cells, rf"^-?{whole}(?:{point}[0-9]+)?$")
    if rule.thousands_mark:
        cells = pc.replace_substring(cells, rule.thousands_mark, "")
    if rule.decimal_mark != ".":
        cells = pc.replace_substring(cells, rule.decimal_mark, ".")
    return cells, None if pc.all(written).as_py() else written
