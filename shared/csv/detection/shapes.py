"""A text cut by one way of writing: records of cells, quickly, for judging and never for loading.

Quoted fields are found by one regular expression; what stands in them is masked, so that plain
splitting does the rest.
"""

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property, lru_cache

from shared.csv.detection.headers import find_header
from shared.csv.detection.looks import Look, look

NEWLINE, DELIMITER, OPENED, CLOSED, ESCAPED = "\ue000", "\ue001", "\ue002", "\ue003", "\ue004"
"""Private characters that stand for what quotes or escapes protect."""

_MARKED_LINE = re.compile(r"(?:(?<=[\r\n])|\A)\ufeff")
"""A byte order mark where files that have one were put together."""
_SETTING_CELLS = 2
_TABLE_RECORDS = 3
_MASKS = re.compile("[\ue000-\ue004]")


@dataclass(frozen=True, slots=True)
class Style:
    """The marks between and around fields."""

    delimiter: str
    """Empty: each line is one field."""
    quote: str | None = '"'
    escape: str | None = None

    def __str__(self) -> str:
        """Return the style for people."""
        parts = [f"delimiter {self.delimiter!r}" if self.delimiter else "one column"]
        if self.quote != '"':
            parts.append(f"quote {self.quote!r}" if self.quote else "no quotes")
        if self.escape:
            parts.append(f"escape {self.escape!r}")
        return ", ".join(parts)


@dataclass(frozen=True)
class Shape:
    """What a style makes of a text: its records, blank lines included."""

    style: Style
    lines: list[str]
    """Masked text of each record."""
    quoted: int
    """Fields that are properly quoted."""
    has_last_line_end: bool = True

    @cached_property
    def widths(self) -> list[int]:
        """Return the number of fields of each record; 0 for a blank line."""
        delimiter = self.style.delimiter
        if not delimiter:
            return [1 if line.strip() else 0 for line in self.lines]
        return [line.count(delimiter) + 1 if line.strip(" ") else 0 for line in self.lines]

    @cached_property
    def flaws(self) -> int:
        """Return how many fields start with a quote but are not properly quoted."""
        quote, delimiter = self.style.quote, self.style.delimiter
        if not quote:
            return 0
        starts = sum(line.lstrip(" ").startswith(quote) for line in self.lines)
        if not delimiter:
            return starts
        return starts + sum(line.count(delimiter + quote) for line in self.lines)

    @cached_property
    def protected(self) -> bool:
        """Whether there is a delimiter, a line end or a doubled quote within quotes."""
        twice = (self.style.quote or "") * 2
        fields = (f for line in self.lines if OPENED in line for f in line.split(OPENED)[1:])
        contents = (field.split(CLOSED, 1)[0] for field in fields)
        return any(NEWLINE in c or DELIMITER in c or twice in c for c in contents)

    @cached_property
    def swallows_records(self) -> bool:
        """Whether all quoted fields go from one full record to the next, as two stray quotes do."""
        width, _ = self.modal_width()
        lines = [line for line in self.lines if OPENED in line]
        records = [line.replace(DELIMITER, self.style.delimiter).split(NEWLINE) for line in lines]
        fields = [record.count(self.style.delimiter) + 1 for r in records for record in r]
        return bool(fields) and min(map(len, records)) > 1 and set(fields) == {width}

    @cached_property
    def in_double_quotes(self) -> bool:
        """Whether a field stands within double quotes, whatever they mean."""
        lines = [line for line in self.lines if '"' in line]
        cells = (c.strip(" ") for line in lines for c in line.split(self.style.delimiter))
        return any(len(c) > 1 and c[0] == '"' == c[-1] for c in cells)

    @cached_property
    def undoubled(self) -> int:
        """Return how many flawed fields end with a quote too, as if quoted carelessly."""
        quote, delimiter = self.style.quote, self.style.delimiter
        if not self.flaws or not quote:
            return 0
        lines = [line for line in self.lines if quote in line]
        cells = (c.strip(" ") for line in lines for c in (line.split(delimiter or NEWLINE)))
        return sum(len(c) > 1 and c[0] == quote == c[-1] for c in cells)

    @cached_property
    def first_lines(self) -> list[int]:
        """Return the 1-based physical line at which each record starts."""
        at, found = 1, []
        for line in self.lines:
            found.append(at)
            at += 1 + line.count(NEWLINE)
        return found

    def cells(self, index: int) -> list[str]:
        """Return the cells of one record, as they read without quotes."""
        line, delimiter = self.lines[index], self.style.delimiter
        return [
            unmasked(cell, delimiter) for cell in (line.split(delimiter) if delimiter else [line])
        ]

    def quoted_cells(self, index: int) -> list[bool]:
        """Return which cells of one record are quoted."""
        line, delimiter = self.lines[index], self.style.delimiter
        return [OPENED in cell for cell in (line.split(delimiter) if delimiter else [line])]

    def modal_width(self) -> tuple[int, int]:
        """Return the most frequent width above one, and its count; the larger one in a tie.

        Names and values of settings may be more lines than the table that follows a blank one.
        """
        counts = Counter(width for width in self.widths if width > 1)
        if not counts:
            return 1, sum(width == 1 for width in self.widths)
        found = max(counts.items(), key=lambda item: (item[1], item[0]))
        return self._table_below_settings(found) or found

    def _table_below_settings(self, found: tuple[int, int]) -> tuple[int, int] | None:
        """Return width and count of the last block if it is a table with more cells."""
        width, count = found
        if width != _SETTING_CELLS or 0 not in self.widths:
            return None
        end = len(self.widths)
        while end and not self.widths[end - 1]:
            end -= 1
        start = end
        while start and self.widths[start - 1]:
            start -= 1
        block = self.widths[start:end]
        is_table = len(block) >= _TABLE_RECORDS and len(set(block)) == 1 and block[0] > width
        if not is_table or sum(block) <= width * count:
            return None
        above = [self.cells(i) for i in range(start) if self.widths[i] == width]
        kinds = {look(row[1]) for row in above[1:]}
        is_named = len({row[0] for row in above}) == len(above)
        is_table = len(kinds) > 1 or (
            is_named and find_header([self.cells(i) for i in range(start, end)]).is_sure
        )
        is_settings = is_table and all(look(row[0]) is Look.WORDS for row in above)
        return (block[0], len(block)) if is_settings else None


def unmasked(cell: str, delimiter: str) -> str:
    """Return a cell's text without its quotes."""
    if not _MASKS.search(cell):
        return cell
    if OPENED in cell:
        cell = cell.strip(" ")
    return (
        cell.replace(OPENED, "")
        .replace(CLOSED, "")
        .replace(NEWLINE, "\n")
        .replace(DELIMITER, delimiter)
        .replace(ESCAPED, "x")
    )


def shape(text: str, style: Style) -> Shape:
    """Cut a text whose lines end with LF; what follows the last one is a record too."""
    quoted = 0
    if style.escape:
        text = _escapes(style.escape).sub(_escaped, text)
    if style.quote and style.quote in text:
        text, quoted = _masked(text, style)
    lines = text.split("\n")
    is_ended = not lines[-1]
    if is_ended:
        lines.pop()
    return Shape(style, lines, quoted, is_ended)


def normalized(text: str) -> str:
    """Return text in which every line end is LF and no private character has a meaning."""
    if "\ufeff" in text:
        text = _MARKED_LINE.sub("", text)
    if "\r" in text:
        text = text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")
    return _MASKS.sub("\ufffd", text) if _MASKS.search(text) else text


def _masked(text: str, style: Style) -> tuple[str, int]:
    delimiter = style.delimiter

    def mask(match: re.Match[str]) -> str:
        content = match[1]
        if "\n" in content:
            content = content.replace("\n", NEWLINE)
        if delimiter and delimiter in content:
            content = content.replace(delimiter, DELIMITER)
        return f"{OPENED}{content}{CLOSED}"

    return _fields(style).subn(mask, text)


@lru_cache(maxsize=256)
def _fields(style: Style) -> re.Pattern[str]:
    """Match a quoted field from its opening to its closing quote, blanks around them included."""
    quote = re.escape(style.quote or "")
    before, after = r"(?:^|\A)", r"(?=\n|\Z)"
    blanks = "" if style.delimiter == " " else " *"
    if style.delimiter:
        delimiter = re.escape(style.delimiter)
        before, after = rf"(?:(?<={delimiter})|^)", rf"(?={delimiter}|\n|\Z)"
    return re.compile(
        rf"{before}{blanks}{quote}((?:[^{quote}]++|{quote}{quote})*+){quote}{blanks}{after}",
        re.MULTILINE,
    )


@lru_cache(maxsize=16)
def _escapes(escape: str) -> re.Pattern[str]:
    return re.compile(re.escape(escape) + r"(.)", re.DOTALL)


def _escaped(match: re.Match[str]) -> str:
    # A marker for NULL must stay what it looks like, and lines must stay countable.
    return {"N": "\\N", "\n": NEWLINE}.get(match[1], ESCAPED)
