"""What a cell looks like: a coarse class, only to judge whether a file was cut into fields rightly.

A cut that is right gives numbers, dates and words; one that is wrong gives halves of them, or cells
in which other files' delimiters stand.
"""

# ruff: noqa: RUF001 - letters of many scripts are what this is about

import re
from collections import Counter
from collections.abc import Iterable
from enum import Enum
from functools import lru_cache

_DAY = (
    r"\d{4}(?P<_1>[-/.])\d{1,2}(?P=_1)\d{1,2}|\d{1,2}(?P<_2>[-/. ])\d{1,2}(?P=_2)(?:\d{4}|\d{2})"
    r"|\d{1,2}[-. ]{1,2}[^\W\d_]{3,9}\.?[-, ]{1,2}\d{2,4}|[A-Z][a-z]{2,8} \d{1,2},? \d{4}"
    r"|\d{4}年\d{1,2}月\d{1,2}日|\d{4}[-/]\d{2}|\d{1,2}/[A-Z][a-z]{2}/\d{4}"
)
_WEEKDAY = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6},? )?"
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?: ?[AaPp]\.?[Mm]\.?)?"
_OFFSET = r"(?: ?(?:Z|UTC|GMT|CES?T|[+-]\d{2}:?\d{2}))?"
_DIGITS = r"(?:\d+|\d{1,3}(?:[.,'’\u00a0\u202f]\d{3})+|\d{1,3}(?: \d{3})+)"
_CURRENCY = r"(?:[$€£¥]|(?:CHF|EUR|USD|GBP|SEK|Fr\.?|kr\.?))"
_NUMBER = (
    rf"\(?[-+]?{_CURRENCY}? ?[-+]?(?:{_DIGITS}(?:[.,]\d+)?|[.,]\d+)(?:[eE][-+]?\d+)?\)?"
    rf"(?: ?(?:%|{_CURRENCY})|-)?"
)
_PATH = r"(?:[A-Za-z]:|~|\.{1,2})?/[\w.@%+-]+(?:/[\w.@%+ -]*)+|(?:[A-Za-z]:|\\)\\[\w.@%+ \\-]*"
_WEB = r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+|(?:https?|ftp|s3|gs)://[^\s|^\"<>\\\x00-\x1f]+|\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?"
_CODE = r"\{?[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}?|(?:[0-9A-F]{2}:){5}[0-9A-F]{2}"
_NOTHING = r"(?i:null|n/?a|#n/a|nan|none|nil|-{1,3}|\.|\\N|\?)"
_WORDS = r"""[\w#(“„«¿¡‘@§°€$£+*%\[/…–—.&][^|;\t~^\\\x00-\x1f"<>{}]*"""

_LOOKS = re.compile(
    rf"(?P<number>{_NUMBER})|(?P<moment>{_WEEKDAY}(?:{_DAY})(?:(?:[ T:]|, ){_CLOCK}{_OFFSET})?"
    rf"|{_CLOCK}{_OFFSET}|P\d\w*)"
    rf"|(?P<flag>(?i:true|false|yes|no|[yntf]))|(?P<nothing>{_NOTHING})"
    rf"|(?P<web>{_WEB}|{_PATH})|(?P<code>{_CODE})|(?P<words>{_WORDS})"
)


_LONG = 200
_LONG_WORDS = re.compile(_WORDS)


class Look(Enum):
    """A class of cells."""

    EMPTY = "empty"
    NUMBER = "number"
    MOMENT = "moment"
    """A date, a time or both."""
    FLAG = "flag"
    NOTHING = "nothing"
    """A word for NULL."""
    WEB = "web"
    CODE = "code"
    WORDS = "words"
    OTHER = "other"


TYPED = frozenset({Look.NUMBER, Look.MOMENT, Look.WEB, Look.CODE})
"""What is hardly ever the name of a column."""

_WORTH = {Look.EMPTY: 0.55, Look.WORDS: 0.8, Look.OTHER: 0.2}
_PADDED_WORTH = 0.9
_COMMA_WORTH = 0.85
"""A word with a comma in it may be two."""


@lru_cache(maxsize=2**15)
def look(cell: str) -> Look:
    """Return what a cell looks like."""
    text = cell.strip(" \u00a0")
    if not text:
        return Look.EMPTY
    if len(text) > _LONG:
        return Look.WORDS if _LONG_WORDS.fullmatch(text[:_LONG]) else Look.OTHER
    match = _LOOKS.fullmatch(text)
    return Look(match.lastgroup) if match else Look.OTHER


@lru_cache(maxsize=2**15)
def worth(cell: str) -> float:
    """Return how much a cell speaks for the cut that made it, from 0 to 1."""
    found = look(cell)
    value = _WORTH.get(found, 1.0)
    if found is Look.WORDS and ("," in cell or "\t" in cell):
        value *= _COMMA_WORTH
    return value * _PADDED_WORTH if cell[:1] == " " else value


def main_look(cells: Iterable[str]) -> tuple[Look | None, float]:
    """Return what most of the cells of a column look like, and the share of those that do.

    Empty cells and words for NULL do not count.
    """
    counts = Counter(look(cell) for cell in cells)
    del counts[Look.EMPTY], counts[Look.NOTHING]
    if not counts:
        return None, 0.0
    found, count = counts.most_common(1)[0]
    return found, count / counts.total()
