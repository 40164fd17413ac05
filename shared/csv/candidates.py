"""The types that a column of text might have, each alive until a cell speaks against it.

The test is always the same: would the value print back to the same text, by one rule for the whole
column? Leading zeros, ``1e5``, ``+1``, ``NaN`` and mixed ways of writing therefore stay text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from shared.core.schemas import MAX_PRECISION, DataType, Kind
from shared.csv.casts import Converter
from shared.csv.cells import CellRule
from shared.csv.normalizing import with_iso_writing
from shared.csv.patterns import pattern
from shared.csv.quickcasts import SURE_FLOAT_CHARACTERS

_NUMBER = r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$"
_NEGATIVE_ZERO = r"^-0(?:\.0*)?$"
_SHORTEST = r"^-?(?:0\.(?:0|0{0,3}[1-9]|0{0,3}[1-9][0-9]*[1-9])|[1-9][0-9]*\.(?:0|[0-9]*[1-9]))$"
"""What floats print as, from 0.0001 on without an exponent. Source: Python, ``float.__repr__``."""
_CASES = ({"true", "false"}, {"True", "False"}, {"TRUE", "FALSE"})
_CLOCK = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?"
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_ISO = (
    (Kind.DATE, rf"^{_DAY}$"),
    (Kind.TIME, rf"^{_CLOCK}$"),
    (Kind.TIMESTAMP, rf"^{_DAY}[ T]{_CLOCK}$"),
    (Kind.TIMESTAMPTZ, rf"^{_DAY}[ T]{_CLOCK} ?(?:Z|UTC|[+-][0-9]{{2}}(?::?[0-9]{{2}})?)$"),
)
_DAYS = (
    *("%d.%m.%Y", "%-d.%-m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%-d/%-m/%Y", "%-m/%-d/%Y"),
    *("%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%d-%b-%Y", "%d %b %Y"),
)
_CLOCKS = ("%H:%M:%S", "%H:%M", "%-I:%M:%S %p", "%-I:%M %p", "%H:%M:%S.%f")


class Candidate(Protocol):
    """One type that a column may turn out to have."""

    def accepts(self, cells: pa.Array) -> bool:
        """Take note of more cells, none of them empty; False when the type is out."""

    def result(self) -> tuple[DataType, str | None] | None:
        """Return the type and its pattern, None when what was seen does not suffice."""


def candidates(decimal_mark: str) -> list[Candidate]:
    """Return every type worth a try, the most specific first."""
    dates = [Moments(kind, iso, None) for kind, iso in _ISO]
    floats = [Floats()] if decimal_mark == "." else []
    return [Words(), Whole(), Decimals(decimal_mark), *floats, *dates, *_patterned()]


def _patterned() -> Iterator["Moments"]:
    for day in _DAYS:
        yield Moments(Kind.DATE, _anchored(day), day)
        for clock in _CLOCKS:
            both = f"{day} {clock}"
            yield Moments(Kind.TIMESTAMP, _anchored(both), both)


@cache
def _anchored(text: str) -> str:
    return "^" + re.sub(r"\?P<[a-z_]+>", "?:", pattern(text).regex.pattern) + "$"


def _all_match(cells: pa.Array, regex: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(cells, regex)).as_py())


@dataclass(slots=True)
class Words:
    """true and false, in one way of writing."""

    seen: set[str] = field(default_factory=set)

    def accepts(self, cells: pa.Array) -> bool:
        """Take note of more cells."""
        self.seen |= set(cells.unique()[:3].to_pylist())
        return any(self.seen <= case for case in _CASES)

    def result(self) -> tuple[DataType, str | None] | None:
        """Return bool."""
        return DataType(Kind.BOOL), None


@dataclass(slots=True)
class Whole:
    """Whole numbers of 64 bits."""

    def accepts(self, cells: pa.Array) -> bool:
        """Take note of more cells."""
        try:
            return bool(pc.cast(pc.cast(cells, pa.int64()), pa.string()).equals(cells))
        except pa.ArrowInvalid:
            return False

    def result(self) -> tuple[DataType, str | None] | None:
        """Return int64."""
        return DataType(Kind.INT64), None


@dataclass(slots=True)
class Decimals:
    """Numbers with a point, all written by one rule."""

    decimal_mark: str
    whole_digits: int = 1
    fractions: set[int] = field(default_factory=set)
    has_no_padding: bool = True
    """None ends in a zero behind the point, except that ``.0`` may stand for nothing."""
    has_bare: bool = False
    """Some have no point."""
    has_zero: bool = False
    """Some end in ``.0``."""

    def accepts(self, cells: pa.Array) -> bool:
        """Take note of more cells."""
        if self.decimal_mark != ".":
            rule = CellRule(type=DataType(Kind.FLOAT64), decimal_mark=self.decimal_mark)
            cells, is_regular = with_iso_writing(cells, rule)
            if is_regular is not None:
                return False
        if (
            not _all_match(cells, _NUMBER)
            or pc.any(pc.match_substring_regex(cells, _NEGATIVE_ZERO)).as_py()
        ):
            return False
        digits = pc.subtract(
            pc.binary_length(cells), pc.cast(pc.starts_with(cells, "-"), pa.int32())
        )
        point = pc.find_substring(pc.utf8_ltrim(cells, "-"), ".")
        is_bare = pc.equal(point, -1)
        whole = pc.if_else(is_bare, digits, point)
        fraction = pc.if_else(is_bare, 0, pc.subtract(pc.subtract(digits, whole), 1))
        self.whole_digits = max(self.whole_digits, pc.max(whole).as_py())
        self.fractions |= set(pc.unique(fraction).to_pylist())
        self.has_bare = self.has_bare or pc.any(is_bare).as_py()
        ends_in_zero = pc.and_(pc.ends_with(cells, "0"), pc.invert(is_bare))
        self.has_zero |= pc.any(pc.and_(ends_in_zero, pc.equal(fraction, 1))).as_py()
        self.has_no_padding &= not pc.any(pc.and_(ends_in_zero, pc.greater(fraction, 1))).as_py()
        return self.whole_digits + max(self.fractions) <= MAX_PRECISION and self._has_one_rule()

    def _has_one_rule(self) -> bool:
        is_fixed = len(self.fractions) == 1
        is_shortest = self.has_no_padding and not (self.has_bare and self.has_zero)
        return is_fixed or is_shortest

    def result(self) -> tuple[DataType, str | None] | None:
        """Return a decimal that holds every value seen."""
        scale = max(self.fractions)
        return DataType(Kind.DECIMAL, self.whole_digits + scale, scale), None


@dataclass(slots=True)
class Floats:
    """Binary floating point, printed by its shortest form with a point, some with an exponent."""

    has_point: bool = False

    def accepts(self, cells: pa.Array) -> bool:
        """Take note of more cells."""
        texts = cells.filter(pc.invert(_print_back(cells))).to_pylist()
        self.has_point = self.has_point or len(texts) < len(cells)
        try:
            if any(repr(float(t)) != t or t.lstrip("-")[0] in "in" for t in texts):
                return False
        except ValueError:
            return False
        self.has_point = self.has_point or any("e" not in t for t in texts)
        return True

    def result(self) -> tuple[DataType, str | None] | None:
        """Return float64, unless all have an exponent: then they may be codes."""
        return (DataType(Kind.FLOAT64), None) if self.has_point else None


def _print_back(cells: pa.Array) -> pa.Array:
    """Tell which cells surely are what Python prints for the number that they mean."""
    is_short = pc.less_equal(pc.binary_length(cells), SURE_FLOAT_CHARACTERS)
    return pc.and_(is_short, pc.match_substring_regex(cells, _SHORTEST))


@dataclass(slots=True)
class Moments:
    """Dates or times, written by one pattern."""

    kind: Kind
    regex: str
    pattern: str | None

    def accepts(self, cells: pa.Array) -> bool:
        """Take note of more cells."""
        # Most patterns are out at the first cell already.
        if not re.match(self.regex, cells[0].as_py()) or not _all_match(cells, self.regex):
            return False
        rule = CellRule(
            type=DataType(self.kind), pattern=pattern(self.pattern) if self.pattern else None
        )
        distinct = cells if self.pattern is None else cells.unique()
        return not Converter(rule).convert(distinct).failures

    def result(self) -> tuple[DataType, str | None] | None:
        """Return the type and its pattern."""
        return DataType(self.kind), self.pattern
