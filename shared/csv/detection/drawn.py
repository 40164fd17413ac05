"""Text whose columns are drawn by blanks or lines, not delimited: refused with the reason."""

import re

from shared.csv.detection.looks import TYPED, look
from shared.csv.detection.shapes import Shape
from shared.errors import InvalidFileError

_DRAWN_LINE = re.compile(r"[|+]?\s*:?[-=]{2,}:?\s*(?:[|+]\s*:?[-=]{2,}:?\s*)+[|+]?")
_DASHES = re.compile(r"[-=]{5,}")
_BOXED = re.compile(r"\|.*\|")
_IN_QUOTES = re.compile(r'"+[^"]*"+')
_FIRST_LINES = 6
_SAMPLED_LINES = 100
_MIN_LINES = 3
_MAX_LINE = 2000
_PACKED_WIDTH = 3


def refuse_drawn(lines: list[str]) -> None:
    """Refuse tables that are drawn with lines, as Markdown and database clients do.

    Raises:
        InvalidFileError: there is such a line among the first ones.
    """
    for number, line in enumerate(lines[:_FIRST_LINES], 1):
        if len(line) < _MAX_LINE and _is_drawn(line.strip(), lines[number : number + 1]):
            raise InvalidFileError(
                f"this is a table drawn with lines, for people to read (line {number} is "
                f"{line.strip()[:30]!r}); export it as CSV",
                found="drawn table",
            )


def _is_drawn(line: str, following: list[str]) -> bool:
    """Whether a line is drawn between columns, or above a row that stands between bars."""
    if _DASHES.fullmatch(line):
        return bool(following) and bool(_BOXED.fullmatch(following[0].strip()))
    return bool(_DRAWN_LINE.fullmatch(line))


def refuse_aligned(lines: list[str]) -> None:
    """Refuse text whose columns are aligned with blanks.

    Raises:
        InvalidFileError: every line has blanks at the same places.
    """
    first = lines[:_SAMPLED_LINES]
    filled = [line.rstrip() for line in first if line.strip() and len(line) < _MAX_LINE]
    starts = column_starts(filled)
    if len(starts) > 1:
        shown = ", ".join(str(start + 1) for start in starts[:8])
        raise InvalidFileError(
            f"this has columns of fixed width, which start at characters {shown} of each line, and "
            "no delimiter; send it delimited, or set delimiter to read it by",
            found="fixed width",
        )


def refuse_uneven(lines: list[str]) -> None:
    """Refuse text whose columns are parted by blanks in differing numbers.

    Raises:
        InvalidFileError: every line has as many words, most of them numbers or dates.
    """
    first = [line for line in lines[:_SAMPLED_LINES] if line.strip() and len(line) < _MAX_LINE]
    rows = [line.split() for line in first]
    if len(rows) < _MIN_LINES or sum("  " in line.strip() for line in first) * 5 < len(rows):
        return
    words = [word for row in rows[1:] for word in row]
    is_typed = sum(look(word) in TYPED for word in words) * 2 > len(words)
    if len({len(row) for row in rows}) == 1 and len(rows[0]) > 1 and is_typed:
        raise InvalidFileError(
            f"each line has {len(rows[0])} values, parted by blanks in differing numbers, and no "
            "delimiter; send it delimited",
            found="uneven blanks",
        )


def column_starts(lines: list[str]) -> list[int]:
    """Return where columns start that are aligned with blanks in all lines; none: they are not."""
    if len(lines) < _MIN_LINES or any("\t" in line for line in lines):
        return []
    if sum("  " in line for line in lines) < len(lines) * 0.8:
        return []
    longest = max(map(len, lines))
    is_blank = [all(line[p : p + 1] in (" ", "") for line in lines) for p in range(longest)]
    starts = [0] if not is_blank[0] else []
    for place in range(1, longest):
        begins = is_blank[place - 1] and not is_blank[place]
        if begins and sum(len(line) > place for line in lines) > len(lines) / 2:
            starts.append(place)
    return starts


def refuse_packed(cut: Shape) -> None:
    """Refuse records that are each quoted as a whole, as some programs do with finished lines.

    Raises:
        InvalidFileError: each line is one quoted field, in which the same number of fields stands.
    """
    lines = [i for i, line in enumerate(cut.lines) if line.strip()]
    filled = [cut.cells(i) for i in lines[:_SAMPLED_LINES]]
    if len(filled) < _MIN_LINES or cut.quoted < len(lines):
        return
    for delimiter in (",", ";", "\t", "|"):
        counts = {_IN_QUOTES.sub("", cells[0]).count(delimiter) + 1 for cells in filled}
        if len(counts) == 1 and min(counts) >= _PACKED_WIDTH:
            inner = [cell for cells in filled[1:] for cell in cells[0].split(delimiter)]
            if any(look(cell) in TYPED for cell in inner):
                raise InvalidFileError(
                    f"each line is quoted as a whole, with {min(counts)} fields inside, separated "
                    f"by {delimiter!r}; remove the quotes around the lines, or export again",
                    found="quoted lines",
                )
