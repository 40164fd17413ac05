"""The last line of a file when that is no row but says how many rows there are."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_COUNTED = (
    r"trailer|trl|tlr|footer|eof|end of (?:file|report)|(?:total |number of |# of )?"
    r"(?:rows?|records?|lines?|entries|count)|(?:anzahl )?(?:zeilen|datensätze)|anzahl"
    r"|enregistrements"
)
_TRAILER = re.compile(
    rf"(?i)[\"'(\[*=\s#-]*(?:(?:{_COUNTED})\b[^0-9]*|totals?\b[^0-9]*)0*(?P<count>\d+)\b"
    r"|\((?P<rows>\d+) (?:rows?|zeilen?|lignes?)\b[^()]*\)"
)
_SURELY_COUNTED = re.compile(rf"(?i)\b(?:{_COUNTED})\b|^\($")

_WORD = re.compile(rf"(?i)[\"'(\[*=\s#-]*(?P<word>(?:{_COUNTED}|totals?)\b)")

_CODE = r"trl|tlr|eof"
_PURE = rf"{_CODE}|trailer|footer|end of (?:file|report)"
_OF_ROWS = (
    r"(?:total |number of |total number of |# of )?(?:rows|records|lines|entries)"
    r"(?: (?:read|written|exported|selected|sent))?|(?:rows?|records?|lines?)[ _]count"
    r"|(?:total )?count|(?:anzahl )?(?:zeilen|datensätze)|anzahl|enregistrements"
)
_ALONE = re.compile(rf"(?i)(?P<word>{_PURE}|{_OF_ROWS})[\s:=*#-]*?0*(?P<count>\d{{1,18}})")
"""A line of one cell: words and number."""
_SHOWN_ROWS = re.compile(r"(?i)\((?P<count>\d{1,18}) (?:rows?|zeilen?|lignes?)\b[^()]*\)")
_FRAME = " \t\"'*=#:-"


@dataclass(frozen=True, slots=True)
class WideCount:
    """What a line as wide as a row says if it counts the rows: ``TRL|3``, ``Total rows: 3``."""

    count: int
    first: str
    """Its first cell, or its words where it has one cell."""
    is_alone: bool
    is_code: bool
    """What it starts with is no word that could be a value."""

    def is_right(self, rows: int, header_rows: int) -> bool:
        """Whether it counts the rows; only a code may count header or itself, too."""
        return self.count == rows or (self.is_code and agrees(self.count, rows, header_rows))

    def is_like_one_of(self, cells: Iterable[str]) -> bool:
        """Whether one of the first cells of other records starts as it does."""
        known = self.first.casefold()
        folded = (cell.strip().casefold() for cell in cells)
        return any(cell.startswith(known) if self.is_alone else cell == known for cell in folded)


def wide_count(cells: Sequence[str]) -> WideCount | None:
    """Return what the cells of a line say if whole ones are a word for rows, and a number."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    if shown := _SHOWN_ROWS.fullmatch(" ".join(filled)):
        return WideCount(int(shown["count"]), filled[0], is_alone=False, is_code=False)
    if len(filled) < 2:
        alone = _ALONE.fullmatch("".join(filled).strip(_FRAME))
        return _counted(alone["count"], alone["word"], is_alone=True) if alone else None
    first, *others = filled
    if _is(_PURE, first.strip(_FRAME)):
        number = re.search(r"\d{1,18}", " ".join(others))
        return _counted(number[0], first) if number else None
    *words, last = (cell.strip(_FRAME) for cell in filled)
    is_count = _is(_OF_ROWS, " ".join(words).strip(_FRAME)) and _is(r"[0-9]{1,18}", filled[-1])
    return _counted(last, first) if is_count else None


def _counted(count: str, first: str, *, is_alone: bool = False) -> WideCount:
    return WideCount(int(count), first, is_alone, _is(_CODE, first.strip(_FRAME)))


def _is(pattern: str, text: str) -> bool:
    return re.fullmatch(f"(?i){pattern}", text) is not None


def begins_alike(line: str, other: str) -> bool:
    """Whether two texts begin with the same word for rows, or for the end of a file."""
    mine, theirs = _WORD.match(line), _WORD.match(other)
    return bool(mine and theirs and mine["word"].casefold() == theirs["word"].casefold())


def trailer_count(line: str) -> tuple[str, int] | None:
    """Return the words before the number, and the number, of a line that may count rows."""
    match = _TRAILER.match(line)
    if not match:
        return None
    if match["rows"] is not None:
        return "(", int(match["rows"])
    return line[: match.start("count")].rstrip("0"), int(match["count"])


def counts_rows(prefix: str) -> bool:
    """Whether a trailer's words speak of rows, and not of a sum."""
    return bool(_SURELY_COUNTED.search(prefix))


def agrees(count: int, rows: int, header_rows: int) -> bool:
    """Whether a trailer counts the rows, with or without the header and itself."""
    return count in {rows, rows + 1, rows + header_rows, rows + header_rows + 1}


def right_only_if(count: int, rows: int) -> str:
    """Say what a trailer counts that does not count the rows alone."""
    return (
        f"the last line says {count}, which is right only if it counts header or itself too; "
        f"there are {rows} records"
    )


def may_count(count: int) -> str:
    """Say that a last line is read as a row, though it may be a trailer."""
    return (
        f"the last line may count the rows, and says {count}, but is as wide as a row and read as "
        "one; if it is none, set trailer"
    )


def no_trailer(place: str, trailer: str) -> str:
    """Say that a file lacks the last line that its table's settings promise."""
    return (
        f"the last line of {place} does not start with {trailer!r}, the trailer that counts its "
        "rows, so the file may be cut off. Send it again, or take trailer out of the table's "
        "settings"
    )


def last_line(text: bytes) -> bytes:
    """Return the last line that is not blank, without its line end."""
    content = text.rstrip(b"\r\n \t")
    start = max(content.rfind(b"\n"), content.rfind(b"\r")) + 1
    return text[start:].split(b"\n", 1)[0].split(b"\r", 1)[0]
