"""What a cell holds as the text of a CSV field, exactly.

Texts that might be read as something else are quoted, so that ``"007"`` and ``""`` stay texts;
numbers, booleans, moments and errors are bare.
"""

import math
import re
from datetime import date
from decimal import Decimal
from functools import lru_cache

from shared.csv.excel.formats import Meaning

_NEEDS_QUOTES = re.compile(
    r'[",;|\x00-\x1f]|\A(?:\Z|[-+.]*[0-9]|[#<\[{(=\s]|(?i:true|false)\Z)|\s\Z'
    r"|\A(?:BZh|PAR1|ORC\Z|GIF8|%PDF-|-----BEGIN PGP|version https:)"
)
"""The second line has what files of other kinds begin with. Source: ``csv.detection.disguises``."""
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_ERROR = re.compile(r"#[A-Z0-9/_]+[!?]?")
_WHOLE = re.compile(r"0|-?[1-9][0-9]*")
_SHORT = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]*[1-9]")
_ANY_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_SURE_CHARACTERS = 16
"""So short a decimal fraction has 15 digits at most, which a float keeps as they are."""
_MAX_CHARACTERS = 38
"""Of a number that is written without an exponent: a decimal column holds so many digits."""
_ISO = re.compile(r"(\d{4}-\d\d-\d\d)?T?(?:(\d\d:\d\d)(:\d\d)?(?:\.(\d+))?)?(Z?)")

_DAY_MS = 86_400_000
_LAST_DAYS = {False: 2_958_465, True: 2_957_003}
"""Of year 9999, counted from 1900 or 1904."""
_FEBRUARY_29 = 60
"""A day of 1900 that Excel has and the calendar has not."""
_ORDINALS = {False: 693_594, True: 695_056}
"""Of the day before day 1 behind February 1900, and of day 0 of 1904. Source: ECMA-376-1, 18.17.4.1
"""


def unescaped(text: str) -> str:
    """Return a text with characters in place of their codes, ``_x000D_``.

    Where a code is half a character, which is no text, all codes stay as they are.
    Source: ECMA-376-1, section 22.9.2.19, ST_Xstring.
    """
    if "_x" not in text:
        return text
    plain = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    try:
        return plain.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        return text


def text_field(text: str) -> bytes:
    """Return a text as a field, quoted if it could be read as anything else."""
    if _NEEDS_QUOTES.search(text):
        text = '"' + text.replace('"', '""') + '"'
    return text.encode()


def error_field(text: str) -> bytes:
    """Return an error value, such as ``#N/A``, as a bare field.

    Raises:
        ValueError: there is none.
    """
    if not text:
        raise ValueError(text)
    return text.encode() if _ERROR.fullmatch(text) else text_field(text)


def number_field(text: str) -> bytes:
    """Return a number by the shortest text that means the same float, without an exponent.

    A whole number of any length stays digit by digit as it is written.

    Raises:
        ValueError: it is no number.
    """
    if _WHOLE.fullmatch(text) or (len(text) <= _SURE_CHARACTERS and _SHORT.fullmatch(text)):
        return text.encode()
    if not _ANY_NUMBER.fullmatch(text) or math.isinf(value := float(text)):
        raise ValueError(text)
    return _shortest(value).encode()


def _shortest(value: float) -> str:
    shown = repr(value or 0.0)
    plain = format(Decimal(shown), "f").removesuffix(".0")
    return plain if len(plain) <= _MAX_CHARACTERS else shown


def moment_field(text: str, meaning: Meaning, *, is_1904: bool) -> bytes:
    """Return a number of days as a day, a time or a duration in ISO 8601.

    Fractions of seconds are rounded to milliseconds, which is what Excel shows. A number that is no
    day of its calendar, negative or beyond the year 9999, stays a number.

    Raises:
        ValueError: it is no number.
    """
    if not _ANY_NUMBER.fullmatch(text):
        raise ValueError(text)
    serial = float(text)
    if meaning is Meaning.DURATION and not math.isinf(serial):
        return _duration(round(abs(serial) * _DAY_MS), is_negative=serial < 0).encode()
    if not abs(serial) < _LAST_DAYS[is_1904] + 1:
        return number_field(text)
    day, rest = divmod(round(serial * _DAY_MS), _DAY_MS)
    if not 0 <= day <= _LAST_DAYS[is_1904]:  # a moment may be rounded to the year 10000
        return number_field(text)
    if not day and (meaning is Meaning.TIME or not is_1904):
        return _clock(rest).encode()
    shown = _day(day, is_1904=is_1904)
    is_day = meaning is Meaning.DATE and not rest
    return (shown if is_day else f"{shown} {_clock(rest)}").encode()


@lru_cache(maxsize=2**14)
def _day(day: int, *, is_1904: bool) -> str:
    if not is_1904 and day == _FEBRUARY_29:
        return "1900-02-29"
    is_early = not is_1904 and day < _FEBRUARY_29
    return date.fromordinal(_ORDINALS[is_1904] + day + is_early).isoformat()


def _clock(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    shown = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{shown}.{rest:03}" if rest else shown


def _duration(milliseconds: int, *, is_negative: bool) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    fraction = f".{rest:03}" if rest else ""
    sign = "-" if is_negative and milliseconds else ""
    return f"{sign}PT{seconds // 3600}H{seconds // 60 % 60}M{seconds % 60}{fraction}S"


def iso_field(text: str) -> bytes:
    """Return a cell that is a moment in ISO 8601 already, written as those that are numbers.

    Raises:
        ValueError: it is none.
    """
    found = _ISO.fullmatch(text.strip())
    if not found or not (found[1] or found[2]):
        raise ValueError(text)
    fraction = (found[4] or "").rstrip("0")
    clock = f"{found[2]}{found[3] or ':00'}" + (f".{fraction}" if fraction else "")
    parts = [part for part in (found[1], clock if found[2] else "") if part]
    return (" ".join(parts) + found[5]).encode()
