"""Text of dates and times: TO_CHAR's formats, and DuckDB macros for what depends on the type.

DuckDB knows the type of a value, the translation does not; so the macros work on DuckDB's own text
of it, which is complete (`2024-07-01 10:11:12.123456789`, with `-04` or `+05:30` where there is a
zone). Source of the formats: Snowflake documentation, "Date and time input and output formats".
"""

from __future__ import annotations

import re

from sqlglot import exp

from local.snowflake.errors import unsupported

_ELEMENTS = {
    "YYYY": "%Y",
    "YY": "%y",
    "MMMM": "%B",
    "MM": "%m",
    "MON": "%b",
    "DD": "%d",
    "DY": "%a",
    "HH24": "%H",
    "HH12": "%I",
    "AM": "%p",
    "PM": "%p",
    "MI": "%M",
    "SS": "%S",
}
_TOKEN = re.compile(
    r'"([^"]*)"|(FF\d?|TZH:?TZM|' + "|".join(sorted(_ELEMENTS, key=len, reverse=True)) + r")|(.)",
    re.IGNORECASE | re.DOTALL,
)
_FRACTION_DIGITS = 9

# The fraction comes from the text too, because strftime's %n prints garbage in DuckDB 2.0.0.
_FRACTION = r"rpad(regexp_extract(x::VARCHAR, '\.(\d+)', 1), 9, '0')"
_ZONE = r"regexp_extract(x::VARCHAR, ':\d\d(\.\d+)?([+-]\d\d(:\d\d)?)$', 2)"
# A moment without a time zone shows as UTC.
_ZONE_COLON = "CASE length(zone) WHEN 0 THEN 'Z' WHEN 3 THEN zone || ':00' ELSE zone END"
# Default output formats: YYYY-MM-DD HH24:MI:SS.FF3, with TZHTZM where there is a time zone.
_DEFAULT = "left(x::VARCHAR, 19) || '.' || left(sf_fraction(x), 3)"
MACROS = (
    f"CREATE MACRO sf_fraction(x) AS {_FRACTION}",
    f"CREATE MACRO sf_zone_text(zone) AS {_ZONE_COLON}",
    f"CREATE MACRO sf_zone_colon(x) AS sf_zone_text({_ZONE})",
    "CREATE MACRO sf_zone(x) AS replace(sf_zone_colon(x), ':', '')",
    f"""CREATE MACRO sf_text(x) AS CASE typeof(x)
        WHEN 'TIMESTAMP_NS' THEN {_DEFAULT}
        WHEN 'TIMESTAMP' THEN {_DEFAULT}
        WHEN 'TIMESTAMP WITH TIME ZONE' THEN {_DEFAULT} || ' ' || sf_zone(x)
        ELSE x::VARCHAR END""",
)


def to_char(value: exp.Expr, pattern: str) -> exp.Expr:
    """Build `TO_CHAR(value, pattern)` for a date or time.

    Raises:
        SnowflakeError: an element of the pattern is not served (those for numbers are not).
    """
    pieces: list[exp.Expr] = []
    directives = ""
    for quoted, element, other in _TOKEN.findall(pattern):
        if not element:
            if other.isalnum():
                raise unsupported(f"format {pattern!r}")
            directives += (quoted or other).replace("%", "%%")
        elif element.upper() in _ELEMENTS:
            directives += _ELEMENTS[element.upper()]
        else:
            pieces += _strftime(value, directives)
            pieces.append(_by_type(value, element.upper()))
            directives = ""
    pieces += _strftime(value, directives)
    joined = pieces[0]
    for piece in pieces[1:]:
        joined = exp.DPipe(this=joined, expression=piece)
    return exp.paren(joined)


def _strftime(value: exp.Expr, directives: str) -> list[exp.Expr]:
    if not directives:
        return []
    return [exp.func("strftime", value.copy(), exp.Literal.string(directives))]


def _by_type(value: exp.Expr, element: str) -> exp.Expr:
    if element.startswith("TZ"):
        return exp.func("sf_zone_colon" if ":" in element else "sf_zone", value.copy())
    digits = int(element[2:] or _FRACTION_DIGITS)
    return exp.func("left", exp.func("sf_fraction", value.copy()), exp.Literal.number(digits))
