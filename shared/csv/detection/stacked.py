"""Further rows of names below the first: what is none, and what makes one doubtful."""

import re
from collections.abc import Collection, Sequence

from shared.csv.detection.columns import Row

_AMOUNT = re.compile(r"-?[\d.,' ]*\d[.,]\d\d")
_MISSING = frozenset(
    (
        *("absent", "missing", "none", "pending", "skipped", "unavailable", "undefined", "unknown"),
        *("ausstehend", "fehlend", "fehlt", "unbekannt", "inconnu", "manquant"),
    )
)
"""Words for a value that is not there."""


def is_missing(row: Row, typed: Collection[int]) -> bool:
    """Whether a row has one word for missing values in all columns of a type."""
    words = {row[j].strip().casefold() for j in typed}
    return len(words) == 1 and words <= _MISSING


def doubt_of_further(rows: Sequence[Row]) -> str:
    """Say why a person should look at several rows of names."""
    return _doubt_of_units(rows[1:]) or _doubt_of_amounts(rows)


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
