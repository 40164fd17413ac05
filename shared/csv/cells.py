"""What the text of a cell means, exactly: the definition that every faster way must agree with.

A value is never altered on the way in. Text is taken as it is; for other types, blanks around a
value do not count, and a quoted empty cell or NULL marker is NULL, for it can be nothing else.
"""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TypeVar
from zoneinfo import ZoneInfo

from shared.core.schemas import DataType, Kind
from shared.csv.patterns import Pattern

MAX_NUMBER_CHARACTERS = 400
"""Longer than any number of any type here; beyond that, arithmetic itself becomes the attack."""

GROUP_MARKS = (".", ",", " ", "\u00a0", "\u202f", "'", "\u2019")
"""What people write between groups of three digits."""

_NUMERIC = frozenset({Kind.INT64, Kind.DECIMAL, Kind.FLOAT64})
_NUMBER = re.compile(r"([+-]?)([0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE]([+-]?[0-9]{1,4}))?")
_TRUE = frozenset({"true", "t", "yes", "y", "1", "on"})
_FALSE = frozenset({"false", "f", "no", "n", "0", "off"})
_SPECIAL = {"nan": math.nan, "inf": math.inf, "infinity": math.inf}
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_TIME = re.compile(r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,12}))?)?")
_ESCAPED = re.compile(
    r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|u(?P<half>[dD][89a-fA-F]..)|(?P<nul>u0000)|.)"
)
_OFFSET = re.compile(r"(.*?) ?(Z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?)")

_MAX_WHOLE_DIGITS = 131_072
_MAX_DECIMALS = 16_383
"""Of a number in JSON. Source: PostgreSQL 18, numeric, which is what its jsonb keeps."""

_Moment = TypeVar("_Moment", date, time, datetime)
Value = int | float | bool | str | bytes | Decimal | date | time | datetime | None


class BadCellError(ValueError):
    """A cell that is no value of its type: the rule it breaks, and why."""

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(reason)
        self.rule = rule
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class CellRule:
    """What a column's cells must be."""

    type: DataType
    is_nullable: bool = True
    null_markers: frozenset[str] = frozenset({""})
    decimal_mark: str = "."
    thousands_mark: str | None = None
    pattern: Pattern | None = None
    """Of dates and times; None: ISO 8601."""
    zone: ZoneInfo | None = None
    takes_marks: bool = True
    """Whether a table file may state marks of numbers for files of this kind."""


def parse_cell(text: str, rule: CellRule) -> Value:
    """Return what a cell that is not NULL by itself means; None when it still is NULL.

    Raises:
        BadCellError: it is no value of the column's type.
    """
    if rule.type.kind is Kind.TEXT:
        if "\0" in text:
            raise BadCellError("nul_character", "has a NUL character, which no target can store")
        return text
    text = text.strip(" \t")
    if not text or text in rule.null_markers:
        return None
    try:
        return _PARSERS[rule.type.kind](text, rule)
    except BadCellError as exc:
        if marks := _other_marks(text, rule):
            reason = f"{exc.reason}; it would be one with {' or with '.join(marks)}"
            raise BadCellError(exc.rule, reason) from None
        raise


def _other_marks(text: str, rule: CellRule) -> list[str]:
    """Return the marks by which a cell would be a number, where the table file states none yet."""
    if not rule.takes_marks or rule.thousands_mark or rule.type.kind not in _NUMERIC:
        return []
    if len(text) > MAX_NUMBER_CHARACTERS or not _has_other_mark(text, rule.decimal_mark):
        return []
    found = []
    for decimal in dict.fromkeys((rule.decimal_mark, ",")):
        for thousands in (None, *GROUP_MARKS):
            is_used = thousands is None or thousands in text
            if is_used and thousands != decimal and _reads(text, rule, decimal, thousands):
                keys = {} if decimal == "." else {"decimal": decimal}
                keys |= {"thousands": thousands} if thousands else {}
                found.append(
                    " and ".join(f"{key}: {json.dumps(mark)}" for key, mark in keys.items())
                )
    return found


def _has_other_mark(text: str, decimal_mark: str) -> bool:
    return any(mark in text for mark in GROUP_MARKS if mark != decimal_mark)


def _reads(text: str, rule: CellRule, decimal: str, thousands: str | None) -> bool:
    other = replace(rule, decimal_mark=decimal, thousands_mark=thousands)
    try:
        _PARSERS[rule.type.kind](text, other)
    except BadCellError:
        return False
    return True


def _bad(text: str, rule: CellRule, why: str = "") -> BadCellError:
    kind = rule.type.kind
    shown = text if len(text) <= 60 else text[:60] + "…"
    return BadCellError(f"not_{kind}", f"{shown!r} is no {rule.type}" + (f": {why}" if why else ""))


def _plain_number(text: str, rule: CellRule) -> str:
    """Return a number with a point and no thousands marks."""
    if len(text) > MAX_NUMBER_CHARACTERS:
        raise _bad(text, rule, "it is too long")
    mark = rule.thousands_mark
    whole, point, fraction = text.partition(rule.decimal_mark)
    if rule.decimal_mark != "." and "." in fraction:
        raise _bad(text, rule)
    if mark is not None and mark in text:
        if not re.fullmatch(rf"[+-]?[0-9]{{1,3}}(?:{re.escape(mark)}[0-9]{{3}})+", whole):
            is_number = re.fullmatch(r"[+-]?[0-9]*", whole.replace(mark, ""))
            raise _bad(text, rule, f"{mark!r} does not part thousands here" if is_number else "")
        whole = whole.replace(mark, "")
    elif rule.decimal_mark != "." and "." in whole:
        raise _bad(text, rule, f"its decimal mark is not {rule.decimal_mark!r}")
    return whole + ("." if point else "") + fraction


def _exact(text: str, rule: CellRule) -> Decimal:
    """Return the number that is written, all of whose digits must be written."""
    plain = _plain_number(text, rule)
    match = _NUMBER.fullmatch(plain)
    if not match:
        raise _bad(text, rule)
    number = Decimal(plain)
    if match[3] and number.as_tuple().exponent > 0:  # type: ignore[operator]
        raise _bad(text, rule, "digits behind the exponent may be lost")
    return number


def _int64(text: str, rule: CellRule) -> int:
    number = _exact(text, rule)
    if -number.as_tuple().exponent > MAX_NUMBER_CHARACTERS or number != (whole := int(number)):  # type: ignore[operator]
        raise _bad(text, rule, "it has a fraction")
    if not -(2**63) <= whole < 2**63:
        raise _bad(text, rule, "it is out of range")
    return whole


def _decimal(text: str, rule: CellRule) -> Decimal:
    number = _exact(text, rule)
    precision, scale = rule.type.precision or 0, rule.type.scale or 0
    sign, digits, exponent = number.as_tuple()
    shift = scale + int(exponent)
    whole = int("".join(map(str, digits)))
    if shift >= 0:
        whole *= 10 ** min(shift, MAX_NUMBER_CHARACTERS)
    else:
        whole, lost = divmod(whole, 10 ** min(-shift, MAX_NUMBER_CHARACTERS * 2))
        if lost:
            raise _bad(text, rule, f"it has more than {scale} decimals")
    if whole >= 10**precision:
        raise _bad(text, rule, f"it has more than {precision - scale} digits before the point")
    return Decimal((sign, tuple(map(int, str(whole))), -scale))


def _float64(text: str, rule: CellRule) -> float:
    special = _SPECIAL.get(text.lstrip("+-").lower())
    if special is not None and text[1:2] not in "+-":
        return -special if text.startswith("-") else special
    plain = _plain_number(text, rule)
    if not _NUMBER.fullmatch(plain):
        raise _bad(text, rule)
    number, exact = float(plain), Decimal(plain)
    if math.isinf(number) or (not number and exact):
        raise _bad(text, rule, "it is out of range")
    if Decimal(repr(number)) != exact:
        digits = len(exact.normalize().as_tuple().digits)
        if Decimal(format(number, f".{digits - 1}e")) != exact:
            raise _bad(text, rule, "it has more digits than a float64 keeps; use a decimal")
    return number


def _bool(text: str, rule: CellRule) -> bool:
    word = text.lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise _bad(text, rule, "known are true/false, t/f, yes/no, y/n, on/off and 1/0")


def _date(text: str, rule: CellRule) -> date:
    if rule.pattern:
        return _by_pattern(text, rule, rule.pattern.parse_date)
    match = _DATE.fullmatch(text)
    try:
        if match:
            return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError as exc:
        raise _bad(text, rule, str(exc)) from None
    raise _bad(text, rule, "write YYYY-MM-DD, or give the column's format")


def _time(text: str, rule: CellRule) -> time:
    if rule.pattern:
        return _by_pattern(text, rule, rule.pattern.parse_time)
    match = _TIME.fullmatch(text)
    if not match:
        raise _bad(text, rule, "write HH:MM:SS, or give the column's format")
    fraction = match[4] or ""
    if fraction[6:].strip("0"):
        raise _bad(text, rule, "it is finer than a microsecond")
    try:
        micros = int(fraction[:6].ljust(6, "0"))
        return time(int(match[1]), int(match[2]), int(match[3] or 0), micros)
    except ValueError as exc:
        raise _bad(text, rule, str(exc)) from None


def _timestamp(text: str, rule: CellRule) -> datetime:
    if rule.pattern:
        return _by_pattern(text, rule, rule.pattern.parse_timestamp)
    day, separator, clock = text[:10], text[10:11], text[11:]
    if not separator:
        return datetime.combine(_date(day, rule), time())
    if separator not in " T":
        raise _bad(text, rule, "write YYYY-MM-DD HH:MM:SS, or give the column's format")
    if _OFFSET.fullmatch(clock):
        raise _bad(text, rule, "it has an offset, which a wall clock has not; use timestamptz")
    return datetime.combine(_date(day, rule), _time(clock, rule))


def _timestamptz(text: str, rule: CellRule) -> datetime:
    if rule.pattern:
        return _placed(text, _by_pattern(text, rule, rule.pattern.parse), rule)
    match = _OFFSET.fullmatch(text, 10)
    if not match:
        return _placed(text, _timestamp(text, rule), rule)
    wall = _timestamp(text[: match.end(1)], rule)
    offset = match[2]
    if offset in ("Z", "UTC"):
        return wall.replace(tzinfo=UTC)
    hours, minutes = int(offset[1:3]), int(offset[3:].lstrip(":") or 0)
    if hours > 23 or minutes > 59:
        raise _bad(text, rule, f"there is no offset {offset}")
    return _moved(
        text, wall, timedelta(hours=hours, minutes=minutes) * (1 if offset[0] == "-" else -1), rule
    )


def _moved(text: str, wall: datetime, by: timedelta, rule: CellRule) -> datetime:
    try:
        return (wall + by).replace(tzinfo=UTC)
    except OverflowError:
        raise _bad(text, rule, "in UTC it is out of range") from None


def _placed(text: str, wall: datetime, rule: CellRule) -> datetime:
    """Return the moment at which a zone's clocks show a time, if there is exactly one."""
    if wall.tzinfo is not None:
        return _moved(text, wall.replace(tzinfo=None), -(wall.utcoffset() or timedelta()), rule)
    if rule.zone is None:
        raise _bad(text, rule, "it has no offset; write one, or set the file's time zone")
    first = wall.replace(tzinfo=rule.zone)
    offsets = {first.utcoffset(), first.replace(fold=1).utcoffset()}
    if len(offsets) > 1:
        raise _bad(text, rule, f"clocks of {rule.zone.key} show it twice or never")
    return _moved(text, wall, -(first.utcoffset() or timedelta()), rule)


def _by_pattern(text: str, rule: CellRule, parse: Callable[[str], _Moment]) -> _Moment:
    try:
        return parse(text)
    except ValueError as exc:
        raise _bad(text, rule, str(exc)) from None


def _binary(text: str, rule: CellRule) -> bytes:
    digits = text[2:] if text[:2] in ("\\x", "0x", "0X") else text
    if re.fullmatch(r"(?:[0-9A-Fa-f]{2})*", digits):
        return bytes.fromhex(digits)
    raise _bad(text, rule, "write hexadecimal digits")


def _json(text: str, rule: CellRule) -> str:
    if "\0" in text:
        raise BadCellError("nul_character", "has a NUL character, which no target can store")
    try:
        json.loads(
            text,
            parse_constant=_refuse,
            parse_int=_require_storable,
            parse_float=_require_storable,
            object_pairs_hook=_nothing,
        )
    except (ValueError, RecursionError) as exc:
        raise _bad(text, rule, str(exc)) from None
    if "\\u" in text:
        _require_characters(text)
    return text


def _require_characters(text: str) -> None:
    """Make sure that what is written as escapes in JSON is text that a target can store."""
    for found in _ESCAPED.finditer(text):
        if found["half"]:
            reason = f"it has one half of a character ({found[0]})"
            raise BadCellError("lone_surrogate", reason)
        if found["nul"]:
            raise BadCellError("nul_character", "has a NUL character, which no target can store")


def _require_storable(number: str) -> None:
    mantissa, _, exponent = number.lower().partition("e")
    whole, _, fraction = mantissa.partition(".")
    power = int(exponent or 0)
    is_large = len(whole.removeprefix("-")) + power > _MAX_WHOLE_DIGITS
    if is_large or len(fraction) - power > _MAX_DECIMALS:
        raise ValueError("it has a number beyond what JSON in PostgreSQL keeps")


def _nothing(_: object) -> None:
    """Take the place of an object, which was checked and is not looked at."""


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


_PARSERS: dict[Kind, Callable[[str, CellRule], Value]] = {
    Kind.INT64: _int64,
    Kind.DECIMAL: _decimal,
    Kind.FLOAT64: _float64,
    Kind.BOOL: _bool,
    Kind.DATE: _date,
    Kind.TIME: _time,
    Kind.TIMESTAMP: _timestamp,
    Kind.TIMESTAMPTZ: _timestamptz,
    Kind.BINARY: _binary,
    Kind.JSON: _json,
}
