"""What columns of text nearly are, and the values that keep them from it.

A second pass over a whole file, made for people who look at one: reading files does not need it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from shared.core.schemas import MAX_PRECISION, DataType, Kind
from shared.csv.blocks import Fault
from shared.csv.candidates import Moments, candidates
from shared.csv.casts import Converter
from shared.csv.cells import GROUP_MARKS, CellRule
from shared.csv.dialect import Dialect
from shared.csv.opening import FileBlock, opened
from shared.csv.patterns import pattern

MAX_MISFIT_SHARE = 0.1
"""With a larger share of other values a column is just text."""

_MIN_FIRST_SHARE = 0.5
_DECIMAL_MARKS = (".", ",")
_INT64_DIGITS = 18
_CODE = r"^[+-]?0[0-9]+$"
"""Digits that a number would lose: those of codes, such as the postcode 01067."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearly:
    """What most values of a column of text are.

    ``pattern`` is that of dates, ``thousands`` the mark between groups of digits, if they have one,
    ``decimal`` the mark before the fraction where it is not that of the file.
    ``line`` and ``value`` are the first of the ``misfits``; without misfits, all values are such,
    and the file needs ``thousands``, or the column a stated type, to be read so.
    """

    type: DataType
    pattern: str | None
    thousands: str | None
    decimal: str | None
    values: int
    misfits: int
    line: int
    value: str

    def __str__(self) -> str:
        written = f" written as {self.pattern}" if self.pattern else ""
        grouped = f" with {self.thousands!r} between thousands" if self.thousands else ""
        grouped += f" and {self.decimal!r} as decimal mark" if self.decimal else ""
        if self.misfits:
            first = "line" if self.misfits == 1 else "first in line"
            return (
                f"{self.type}{written}{grouped} but for {self.misfits:,} of {self.values:,} "
                f"values: {first} {self.line} {self.value!r}"
            )
        if keys := " and ".join(key for key in ("thousands", "decimal") if getattr(self, key)):
            is_set = "are set" if " and " in keys else "is set"
            return (
                f"all {self.values:,} values are numbers{grouped}: {self.type}, if {keys} {is_set}"
            )
        return (
            f"all {self.values:,} values are numbers, but not written by one rule, so some would "
            f"not print back the same: {self.type}, if the type is stated"
        )


def nearly(chunks: Iterable[bytes], dialect: Dialect, columns: Sequence[str]) -> dict[str, Nearly]:
    """Return what columns nearly are; one that is just text is left out.

    Raises:
        InvalidFileError: the file cannot be read at all.
    """
    file = opened(chunks, dialect)
    looks = {name: _Looks(tuple(_shapes(dialect))) for name in columns}
    for block in file.blocks():
        for place, name in enumerate(file.names[: len(block.cells.columns)]):
            if name in looks and len(block.cells.columns[place]):
                looks[name].see(block, block.cells.columns[place])
    found = ((name, look.verdict(dialect)) for name, look in looks.items())
    return {name: verdict for name, verdict in found if verdict}


@dataclass(slots=True)
class _Shape:
    """One way of writing, and how far a column has it."""

    regex: str
    mark: str = "."
    """Before the fraction."""
    moments: Moments | None = None
    thousands: str = ""
    misfits: int = 0
    line: int = 0
    value: str = ""
    whole_digits: int = 1
    fraction_digits: int = 0
    is_surely_grouped: bool = False
    has_codes: bool = False
    """Some misfits are digits behind a zero."""

    def see(self, block: FileBlock, cells: pa.Array, filled: pa.Array) -> None:
        fits = pc.and_(
            filled, pc.fill_null(pc.match_substring_regex(cells, self.regex), fill_value=False)
        )
        matching = cells.filter(fits)
        if self.moments:
            fits = _without(fits, self._no_moments(matching))
        elif len(matching):
            self._measure(matching)
        others = pc.and_not(filled, fits)
        count = pc.sum(others).as_py() or 0
        if count and not self.misfits:
            row = pc.index(others, value=True).as_py()
            starts, ends = block.bounds
            (reject,) = block.described([Fault(starts[row], ends[row], None, "", "")])
            self.line, self.value = reject.line, cells[row].as_py()[:60]
        if count and not self.moments and not self.has_codes:
            misfits = cells.filter(others)
            self.has_codes = pc.any(pc.match_substring_regex(misfits, _CODE)).as_py()
        self.misfits += count

    def _no_moments(self, cells: pa.Array) -> list[int]:
        """Return which of them the calendar or the clock does not have."""
        if self.moments is None or not len(cells):
            return []
        text = self.moments.pattern
        rule = CellRule(type=DataType(self.moments.kind), pattern=pattern(text) if text else None)
        return list(Converter(rule).convert(cells).failures)

    def _measure(self, cells: pa.Array) -> None:
        digits = pc.utf8_ltrim(cells, "-")
        if self.thousands:
            groups = pc.count_substring(digits, self.thousands)
            has_both = pc.and_(pc.greater(groups, 0), pc.match_substring(digits, self.mark))
            self.is_surely_grouped |= pc.any(pc.or_(has_both, pc.greater(groups, 1))).as_py()
            digits = pc.replace_substring(digits, self.thousands, "")
        length, point = pc.utf8_length(digits), pc.find_substring(digits, self.mark)
        is_bare = pc.equal(point, -1)
        whole = pc.if_else(is_bare, length, point)
        fraction = pc.if_else(is_bare, 0, pc.subtract(pc.subtract(length, whole), 1))
        self.whole_digits = max(self.whole_digits, pc.max(whole).as_py())
        self.fraction_digits = max(self.fraction_digits, pc.max(fraction).as_py())

    @property
    def type(self) -> DataType | None:
        """What a column of this shape would be; None where no type holds it."""
        if self.moments:
            return DataType(self.moments.kind)
        if not self.fraction_digits and self.whole_digits <= _INT64_DIGITS:
            return DataType(Kind.INT64)
        precision = self.whole_digits + self.fraction_digits
        if precision > MAX_PRECISION:
            return None
        return DataType(Kind.DECIMAL, precision, self.fraction_digits)


@dataclass(slots=True)
class _Looks:
    """One column, and the shapes that are worth counting after its first values."""

    shapes: tuple[_Shape, ...]
    values: int = 0

    def see(self, block: FileBlock, cells: pa.Array) -> None:
        filled = pc.fill_null(pc.greater(pc.binary_length(cells), 0), fill_value=False)
        count = pc.sum(filled).as_py()
        if not count:
            return
        is_first, self.values = not self.values, self.values + count
        for shape in self.shapes:
            shape.see(block, cells, filled)
        if is_first:
            limit = count * _MIN_FIRST_SHARE
            self.shapes = tuple(s for s in self.shapes if s.misfits <= limit)

    def verdict(self, dialect: Dialect) -> Nearly | None:
        shapes = (shape for shape in self.shapes if not shape.has_codes)
        best = min(shapes, key=lambda s: s.misfits, default=None)
        if best is None or best.type is None or best.misfits > MAX_MISFIT_SHARE * self.values:
            return None
        if best.moments and not best.misfits:
            return None  # all values are such, by more than one pattern: the inference says so
        if best.thousands in {".", ","} and not (best.is_surely_grouped or best.mark == ","):
            return None
        return Nearly(
            type=best.type,
            pattern=best.moments.pattern if best.moments else None,
            thousands=best.thousands or None,
            decimal=None if best.moments or best.mark == dialect.decimal_mark else best.mark,
            values=self.values,
            misfits=best.misfits,
            line=best.line,
            value=best.value,
        )


def _shapes(dialect: Dialect) -> Iterator[_Shape]:
    """Yield ways of writing, the plainest first: of those with as many misfits it is taken."""
    for mark in sorted(_DECIMAL_MARKS, key=lambda mark: mark != dialect.decimal_mark):
        fraction = rf"(?:{re.escape(mark)}[0-9]+)?"
        yield _Shape(rf"^-?(?:0|[1-9][0-9]*){fraction}$", mark)
        for group in GROUP_MARKS:
            if group != mark:
                whole = rf"(?:0|[1-9][0-9]*|[1-9][0-9]{{0,2}}(?:{re.escape(group)}[0-9]{{3}})+)"
                yield _Shape(rf"^-?{whole}{fraction}$", mark, thousands=group)
    for candidate in candidates(dialect.decimal_mark):
        if isinstance(candidate, Moments):
            yield _Shape(candidate.regex, moments=candidate)


def _without(mask: pa.Array, positions: list[int]) -> pa.Array:
    """Return a mask without some of the places that it marks, counted among those."""
    if not positions:
        return mask
    places = pc.indices_nonzero(mask).take(pa.array(positions, pa.int64()))
    return pc.and_not(mask, pc.is_in(pa.array(range(len(mask)), pa.uint64()), places))
