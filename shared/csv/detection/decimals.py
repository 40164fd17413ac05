"""Whether numbers are written with a decimal comma: what the columns of a text say about it."""

import re

from shared.csv.detection.looks import Look, look
from shared.csv.detection.shapes import Shape

_COMMA_NUMBER = re.compile(r"-?(?:\d+|\d{1,3}(?:[.'\u00a0\u202f ]\d{3})+),\d+")
_POINT_NUMBER = re.compile(r"-?\d+\.\d+")
_THOUSANDS_ONLY = re.compile(r"-?\d{1,3},\d{3}")
_RECORDS = 200


def decimal_comma(cut: Shape, header_rows: int) -> str:
    """Return why the decimal mark is a comma; empty if it is not.

    A column has nothing but such numbers, not all of which could mean thousands, and no column has
    nothing but numbers with points.
    """
    columns = _columns(cut, header_rows)
    commas = [c for c in columns if c and all(_COMMA_NUMBER.fullmatch(v) for v in c)]
    surely = [c for c in commas if not all(_THOUSANDS_ONLY.fullmatch(v) for v in c)]
    points = [c for c in columns if c and all(_POINT_NUMBER.fullmatch(v) for v in c)]
    if not surely or points:
        return ""
    return (
        f"decimal mark ',': values are like {surely[0][0]!r} throughout {len(surely)} of "
        f"{len(columns)} columns"
    )


def _columns(cut: Shape, header_rows: int) -> list[list[str]]:
    width, _ = cut.modal_width()
    rows = [i for i, w in enumerate(cut.widths) if w == width][: _RECORDS + 1]
    cells = [cut.cells(i) for i in rows[header_rows:]]
    return [
        [v for row in cells if (v := row[j].strip()) and look(v) is not Look.NOTHING]
        for j in range(width)
        if all(j < len(row) for row in cells)
    ]
