"""Dates and times that are not written as ISO 8601: one pattern per column, in strptime's codes.

Parsing is strict where strptime is lenient: ``%m`` is two digits and ``%-m`` one or two, names of
months are English whatever the machine's locale, and nothing is guessed.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from functools import cache

from shared.errors import InvalidConfigError

_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]

_CODES = {
    "%Y": r"(?P<year>[0-9]{4})",
    "%y": r"(?P<short_year>[0-9]{2})",
    "%m": r"(?P<month>[0-9]{2})",
    "%-m": r"(?P<month>[0-9]{1,2})",
    "%b": r"(?P<abbreviation>[A-Za-z]{3})",
    "%B": r"(?P<name>[A-Za-z]{3,9})",
    "%d": r"(?P<day>[0-9]{2})",
    "%-d": r"(?P<day>[0-9]{1,2})",
    "%H": r"(?P<hour>[0-9]{2})",
    "%-H": r"(?P<hour>[0-9]{1,2})",
    "%I": r"(?P<half_hour>[0-9]{2})",
    "%-I": r"(?P<half_hour>[0-9]{1,2})",
    "%p": r"(?P<half>[AaPp]\.?[Mm]\.?)",
    "%M": r"(?P<minute>[0-9]{2})",
    "%S": r"(?P<second>[0-9]{2})",
    "%f": r"(?P<fraction>[0-9]{1,12})",
    "%z": r"(?P<offset>Z|[+-][0-9]{2}:?[0-9]{2})",
    "%%": "%",
}
_DATE_PARTS = frozenset({"year", "short_year", "month", "abbreviation", "name", "day"})
_PIVOT = 69
"""Two-digit years from here on are 19xx. Source: POSIX.1-2024, strptime, %y."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One way to write a date, a time or both."""

    text: str
    regex: re.Pattern[str]
    rewriting: tuple[str, str] | None = None
    """RE2 expression and replacement that turn it into ISO 8601; None where that takes more."""

    def parse(self, text: str) -> datetime:
        """Return what a text means; parts that the pattern lacks are 1970-01-01 00:00.

        Raises:
            ValueError: the text does not have the pattern, or the calendar not the day.
        """
        match = self.regex.fullmatch(text)
        if not match:
            raise ValueError(f"it is not written as {self.text}")
        found = {k: v for k, v in match.groupdict().items() if v is not None}
        fraction = found.get("fraction", "")
        if fraction[6:].strip("0"):
            raise ValueError("it is finer than a microsecond")
        return datetime(
            _year(found),
            _month(found),
            int(found.get("day", 1)),
            _hour(found),
            int(found.get("minute", 0)),
            int(found.get("second", 0)),
            int(fraction[:6].ljust(6, "0")),
            tzinfo=_offset(found),
        )

    def parse_date(self, text: str) -> date:
        """Return the date that a text means.

        Raises:
            ValueError: it means none, or more than a date.
        """
        found = self.parse_timestamp(text)
        if found.time() != time():
            raise ValueError("it has a time of day, which a date has not; use timestamp")
        return found.date()

    def parse_time(self, text: str) -> time:
        """Return the time of day that a text means.

        Raises:
            ValueError: it means none, or more than that.
        """
        found = self.parse_timestamp(text)
        if _DATE_PARTS & self.regex.groupindex.keys():
            raise ValueError("it has a date, which a time has not; use timestamp")
        return found.time()

    def parse_timestamp(self, text: str) -> datetime:
        """Return the wall clock that a text means.

        Raises:
            ValueError: it means none, or has an offset from UTC.
        """
        found = self.parse(text)
        if found.utcoffset():
            raise ValueError("it has an offset, which a wall clock has not; use timestamptz")
        return found.replace(tzinfo=None)


@cache
def pattern(text: str) -> Pattern:
    """Compile a pattern.

    Raises:
        InvalidConfigError: an unknown code, or one part twice.
    """
    parts = re.split(r"(%-?.)", text)
    try:
        regex = "".join(_CODES[p] if p.startswith("%") else re.escape(p) for p in parts)
        return Pattern(text, re.compile(regex), _rewriting(parts))
    except (KeyError, re.error) as exc:
        raise InvalidConfigError(
            f"format {text!r} cannot be used: {exc}; known codes are {' '.join(_CODES)}"
        ) from exc


def _rewriting(parts: list[str]) -> tuple[str, str] | None:
    """Return how to rewrite values of a pattern whose parts all have a fixed number of digits."""
    codes = [p for p in parts if p.startswith("%")]
    if not set(codes) <= {"%Y", "%m", "%d", "%H", "%M", "%S"} or not codes:
        return None
    groups = "".join(
        f"([0-9]{{{4 if p == '%Y' else 2}}})" if p in codes else re.escape(p) for p in parts
    )
    place = {code: f"\\{number}" for number, code in enumerate(codes, 1)}
    date, time = ("%Y", "%m", "%d"), ("%H", "%M", "%S")
    has_date, has_time = set(date) <= set(codes), {"%H", "%M"} <= set(codes)
    day = "-".join(place[c] for c in date) if has_date else ""
    clock = ":".join(place[c] for c in time if c in place) if has_time else ""
    is_whole = len(codes) == 3 * has_date + (3 if "%S" in place else 2) * has_time
    return (f"^{groups}$", f"{day} {clock}".strip()) if is_whole else None


def _year(found: dict[str, str]) -> int:
    if "short_year" in found:
        short = int(found["short_year"])
        return short + (1900 if short >= _PIVOT else 2000)
    return int(found.get("year", 1970))


def _month(found: dict[str, str]) -> int:
    name = found.get("abbreviation", found.get("name", "")).lower()
    if not name:
        return int(found.get("month", 1))
    is_short = "abbreviation" in found
    for number, month in enumerate(_MONTHS, 1):
        if name == (month[:3] if is_short else month):
            return number
    raise ValueError(f"{name!r} is no month in English")


def _hour(found: dict[str, str]) -> int:
    if "half_hour" not in found:
        return int(found.get("hour", 0))
    hour = int(found["half_hour"])
    if not 1 <= hour <= 12:
        raise ValueError(f"there is no hour {hour} in half a day")
    is_afternoon = found.get("half", "a")[0] in "pP"
    return hour % 12 + (12 if is_afternoon else 0)


def _offset(found: dict[str, str]) -> timezone | None:
    text = found.get("offset")
    if text is None:
        return None
    if text == "Z":
        return timezone(timedelta())
    delta = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(-delta if text[0] == "-" else delta)
