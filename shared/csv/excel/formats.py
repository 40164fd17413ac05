"""What a cell's number means by its format: a number, or a day, a time, or a duration.

A workbook stores moments as numbers of days; only the format of a cell tells them apart.
Source: ECMA-376-1, sections 18.8.30 (built-in formats) and 18.8.31 (codes).
"""

import re
from enum import Enum, auto

from shared.csv.excel.faults import damaged
from shared.csv.excel.package import MAX_SMALL_PART_BYTES, Package
from shared.csv.excel.xml import named, parsed

MAX_STYLES = 2**17
"""Excel ends at 65,490. Source: Microsoft, "Excel specifications and limits"."""


class Meaning(Enum):
    """What a number is."""

    NUMBER = auto()
    DATE = auto()
    TIME = auto()
    DATETIME = auto()
    DURATION = auto()


_BUILT_IN = {
    **dict.fromkeys((*range(14, 18), *range(27, 32), 36, *range(50, 55), 57, 58), Meaning.DATE),
    **dict.fromkeys((*range(18, 22), 32, 33, 34, 35, 45, 47, 55, 56), Meaning.TIME),
    22: Meaning.DATETIME,
    46: Meaning.DURATION,
}
_LITERAL = re.compile(r'"[^"]*"|\\.|[_*].')
_ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]")
_BRACKETS = re.compile(r"\[[^\]]*\]")
_NOT_DATES = re.compile(r"general|standard|e[+-]|s\.0+")
_TOKENS = re.compile(r"am/pm|a/p|y+|e+|d+|m+|h+|s+|[0#?]")


def meaning_of(code: str) -> Meaning:
    """Return what a number is by the code of its format, of which the first section counts."""
    plain = _LITERAL.sub("", code).lower().partition(";")[0]
    if _ELAPSED.search(plain):
        return Meaning.DURATION
    tokens = _TOKENS.findall(_NOT_DATES.sub(_seconds, _BRACKETS.sub("", plain)))
    kinds = [token[0] for token in tokens]
    if any(kind in "0#?" for kind in kinds):
        return Meaning.NUMBER
    has_time = any(kind in "hsa" for kind in kinds)
    has_date = any(kind in "yed" for kind in kinds) or _has_months(kinds)
    if has_date:
        return Meaning.DATETIME if has_time else Meaning.DATE
    return Meaning.TIME if has_time else Meaning.NUMBER


def _seconds(found: "re.Match[str]") -> str:
    return "s" if found[0].startswith("s.") else ""


def _has_months(kinds: list[str]) -> bool:
    """Say whether some ``m`` is no minute: it neither follows hours nor precedes seconds."""
    return any(
        kind == "m" and kinds[at - 1 : at] != ["h"] and kinds[at + 1 : at + 2] != ["s"]
        for at, kind in enumerate(kinds)
    )


def meanings(package: Package, part: str) -> list[Meaning]:
    """Return what numbers of each style of cells are.

    Raises:
        InvalidFileError: the part is damaged.
    """
    target = _Styles()
    for _ in parsed(package.pieces(part, most=MAX_SMALL_PART_BYTES), target, part):
        pass
    return [target.meaning(number) for number in target.styles]


class _Styles:
    """The elements of a part that lists formats and styles."""

    _NAMES = named("numFmts", "numFmt", "cellXfs", "xf")

    def __init__(self) -> None:
        self.depth = 0
        self.styles: list[int] = []
        self._codes: dict[int, str] = {}
        self._section = ""

    def meaning(self, number: int) -> Meaning:
        """Return what numbers of a format are; what a workbook says of it comes first."""
        code = self._codes.get(number)
        return meaning_of(code) if code is not None else _BUILT_IN.get(number, Meaning.NUMBER)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take note of a format or a style."""
        self.depth += 1
        short = self._NAMES.get(name, "")
        if short in ("numFmts", "cellXfs"):
            self._section = short
        elif short == "numFmt" and self._section == "numFmts":
            self._codes[_number(attributes, "numFmtId")] = attributes.get("formatCode", "")
        elif short == "xf" and self._section == "cellXfs":
            self.styles.append(_number(attributes, "numFmtId"))
        if len(self.styles) + len(self._codes) > MAX_STYLES:
            raise damaged(f"it has more than {MAX_STYLES:,} styles")

    def end(self, name: str) -> None:
        """Take note of an element's end."""
        self.depth -= 1
        if self._NAMES.get(name) == self._section:
            self._section = ""

    def data(self, text: str) -> None:
        """Leave out text: there is none that means anything."""


def _number(attributes: dict[str, str], name: str) -> int:
    try:
        return int(attributes.get(name, "0"))
    except ValueError as exc:
        raise damaged(f"{name} of a style is no number") from exc
