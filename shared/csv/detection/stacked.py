"""Further rows of names below the first: what calls for them, and what makes them doubtful."""

import re
from collections.abc import Collection, Sequence

from shared.csv.detection.columns import Row

_SYMBOLS = (
    r"[munkMGcdhµp]?(?:m|g|s|l|L|t|A|V|W|Wh|J|N|Pa|Hz|bar|B|b|mol|eV|F|H|Ω|VA|var|cal|cd|lx|sr|T|pt)"
    r"|min|h|hr|hrs|d|day|days|month|months|year|years|yr|week|weeks|K|C|°|°?[CF]|deg|degrees?|rad"
    r"|%|percent|ppm|ppb|psi|ft|in|inch|mi|mph|kt|lb|lbs|oz|ha|gal|rpm|dB|dBm|px|mag|pH|psu|count"
    r"|counts|[Uu]nits?|Einheit|-|seconds?|minutes?|hours?|met(?:er|re)s?|text|string|integer|int|float|number"
    r"|date|datetime|EUR|USD|GBP|CHF|JPY|[€$£¥]|k€|T€"
)
_AMOUNT = re.compile(r"-?[\d.,' ]*\d[.,]\d\d")
_UNIT = re.compile(
    rf"[\[(]?(?:1|(?:{_SYMBOLS})[23²³]?)(?:[/*·. ^-]+(?:\d|{_SYMBOLS})[23²³]?)*[\])]?"
)
"""What stands below a name to say in what it is measured, or of what kind it is."""
_CODE = re.compile(r"(?=(?:\D*\d){3})[A-Z][A-Z0-9_]+")
_OBJECT = re.compile(r"\{.+\}")
"""Source: Qualtrics, whose third row names the question of each column in JSON."""


def is_one_word(first: Row, row: Row, typed: Collection[int]) -> bool:
    """Whether a row below names has the same word in all columns of a type, as one of values may.

    One that names what stands in groups of columns has an empty cell where rows have their key.
    """
    words = {row[j].strip() for j in typed}
    others = [row[j].strip() for j in range(len(row)) if j not in typed]
    is_repeated = len(typed) > 1 and len(words) == 1 and not any(map(_UNIT.fullmatch, words))
    return is_repeated and all(others) and not _is_called_for(first, row)


def doubt_of_further(rows: Sequence[Row], *, has_rule: bool) -> str:
    """Say why a person should look at several rows of names; a rule below them settles it."""
    return (
        _doubt_of_units(rows[1:])
        or _doubt_of_amounts(rows)
        or ("" if has_rule else _doubt_of_names(rows))
    )


def _doubt_of_names(rows: Sequence[Row]) -> str:
    """Say so where names do not call for the row below them that is taken for more of them."""
    odd = next((row for row in rows[1:] if not _is_called_for(rows[0], row)), None)
    if odd is None:
        return ""
    shown = ", ".join(cell.strip() for cell in odd if cell.strip())
    return (
        f"a row of words, with {shown[:60]!r}, is taken for part of the header; if it has values, "
        "set header_rows"
    )


def _is_called_for(first: Row, row: Row) -> bool:
    """Whether names are too few, or said again, or codes that are explained, or have units."""
    names = [name.strip() for name in first]
    if "" in names or len(set(names)) < len(names):
        return True
    pairs = list(zip(names, map(str.strip, row), strict=False))
    filled = [cell for _, cell in pairs if cell]
    is_said_again = any(cell and _bare(cell) == _bare(name) for name, cell in pairs)
    is_explained = any(_CODE.fullmatch(name) and cell for name, cell in pairs)
    is_other = all(map(_UNIT.fullmatch, filled)) or all(map(_OBJECT.fullmatch, filled))
    return is_said_again or is_explained or is_other


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def _doubt_of_units(rows: Sequence[Row]) -> str:
    """Say so where most cells of a further row of names are empty, as of a row of units."""
    sparse = next((row for row in rows if sum(map(bool, map(str.strip, row))) * 2 < len(row)), None)
    if sparse is None:
        return ""
    shown = ", ".join(cell for cell in sparse if cell.strip())
    return f"a row of mostly empty cells, with {shown[:60]!r}, is taken for part of the header"


def _doubt_of_amounts(rows: Sequence[Row]) -> str:
    """Say so where one of several rows of names has an amount, as a line above the names has."""
    amounts = [cell.strip() for row in rows for cell in row if _AMOUNT.fullmatch(cell.strip())]
    if len(rows) < 2 or not amounts:
        return ""
    return (
        f"the first {len(rows)} rows are taken for names, though {amounts[0]!r} is among them; if "
        "the first names no columns, set skip_lines"
    )
