"""Choose delimiter, quote and escape: try what occurs, and keep what gives the best records.

The best style gives most records the same number of fields, and cells that look like values rather
than pieces of them. Both are measured on the first kilobytes; usual marks win a tie.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from shared.csv.detection.delimiters import find_delimiters, prior
from shared.csv.detection.headers import find_header
from shared.csv.detection.looks import TYPED, look, worth
from shared.csv.detection.parts import (
    SAMPLED_LINES,
    has_odd_runs,
    has_uneven_blanks,
    is_in_pairs,
    is_partial,
    is_without_blanks,
)
from shared.csv.detection.samples import first_lines
from shared.csv.detection.shapes import OPENED, Shape, Style, shape, unmasked

SAMPLE_CHARACTERS = 2**15
_WEIGHED_RECORDS = 80
_WEIGHED_CELLS = 2000

_QUOTED_WORTH = 0.8
"""What is quoted may be anything, delimiters included."""
_LONELY = 0.3
_CARELESS = 0.7
_LITERAL = 0.9
"""Of no quotes, though there are fields within double ones."""
_UNESCAPED = 0.9
"""Of no escape, though quotes have a backslash before them and do not match."""
_SWALLOWING = 0.5
"""Of quotes around nothing but ends and beginnings of full records, where tabs part fields."""
_NEEDLESS = 0.5
"""Of unusual quotes around few fields, none of which needs them: they are content."""
_UNEVEN = 0.5
_LEADING_COMMENTS = re.compile(r"\A(?:[#%][^\n]*\n)+\s*")
_COMMENT_LINE = re.compile(r"^[#%][^\n]*\n", re.MULTILINE)
_NAME = re.compile(r"[^\W\d]\w*(?:[ ./:-]\w+){0,3}(?: ?[#%]| ?\([^()]{1,12}\))?")
_USUAL = 0.95
_LEAST = 0.6
_QUOTES = "'`~^|*%$#/þ"
_PLAIN_QUOTES = "'`"
_PLAIN_MARKS = "~^|"
"""Marks that neither start nor end a value."""
_LINE_WORTH = 0.62
_PREAMBLE_RECORDS = 40
_PARTIAL = 0.75
"""Of a delimiter that is part of what really stands between fields."""
_ENDING = 0.5
"""Of a delimiter that does nothing but end each line."""


@dataclass(frozen=True)
class Scored:
    """A style, what it makes of the sample, and how good that is."""

    shape: Shape
    score: float

    @property
    def style(self) -> Style:
        """Return the style."""
        return self.shape.style


def ranked(text: str, given: Style | None, fixed: frozenset[str]) -> list[Scored]:
    """Return the styles that a text may have, best first; ``fixed`` fields are the given ones."""
    sample = _without_comments(_sample(_LEADING_COMMENTS.sub("", text) or text), text)
    scored = [_scored(shape(sample, style)) for style in _styles(sample, given, fixed)]
    # Python's sort is stable, so that among equals the usual style stays first.
    scored.sort(key=lambda s: -round(s.score, 6))
    best = scored[0]
    if best.style.delimiter and (first_width(best.shape) > 1 or "delimiter" in fixed):
        return scored
    parted = [s for s in scored[1:] if _has_parted_header(s, best)]
    return [replace(s, score=best.score) for s in parted[:1]] + scored


def first_width(cut: Shape) -> int:
    """Return how many fields the first record has."""
    return next((width for width in cut.widths if width), 0)


def _has_parted_header(scored: Scored, best: Scored) -> bool:
    """Whether the first line, which the best style does not part, has names between usual marks.

    Most lines have as many fields; all have, if the best style parts the others: there may be
    lists in their last cells. Cells such as ``1,5`` may look like values, but no column is called
    ``a,b``.
    """
    cut, delimiter = scored.shape, scored.style.delimiter
    widths = [w for w in cut.widths if w]
    width = widths[0] if widths else 0
    if width < 2 or not delimiter or prior(delimiter, share=1.0, width=width) < _USUAL:
        return False
    first = next(i for i, w in enumerate(cut.widths) if w)
    if not all(_NAME.fullmatch(cell.strip()) for cell in cut.cells(first)):
        return False
    same = sum(w == width for w in widths)
    if not best.style.delimiter:
        return same * 2 >= len(widths)
    is_as_wide = width >= best.shape.modal_width()[0] or not _has_header(best.shape)
    return same == len(widths) and is_as_wide and scored.score > _LEAST * best.score


def _has_header(cut: Shape) -> bool:
    """Whether the first records of the usual width name its columns."""
    width, _ = cut.modal_width()
    rows = [i for i, w in enumerate(cut.widths) if w == width][:_WEIGHED_RECORDS]
    return find_header([cut.cells(i) for i in rows]).rows > 0


def _without_comments(sample: str, text: str) -> str:
    """Leave comment lines out of a sample, if the text starts with such."""
    return _COMMENT_LINE.sub("", sample) or sample if _LEADING_COMMENTS.match(text) else sample


def _sample(text: str) -> str:
    return text if len(text) <= SAMPLE_CHARACTERS else first_lines(text, SAMPLE_CHARACTERS)


def _styles(sample: str, given: Style | None, fixed: frozenset[str]) -> Iterator[Style]:
    lines = [line for line in sample.split("\n") if line.strip()][:SAMPLED_LINES]
    given = given or Style(",")
    delimiters = [given.delimiter] if "delimiter" in fixed else find_delimiters(lines)
    for delimiter in delimiters:
        for quote in [given.quote] if "quote" in fixed else _quotes(sample, lines, delimiter):
            style = Style(delimiter, quote, given.escape if "escape" in fixed else None)
            yield style
            if "escape" not in fixed and _has_escapes(sample, style):
                yield replace(style, escape="\\")


def _quotes(sample: str, lines: list[str], delimiter: str) -> list[str | None]:
    """Return the quotes that may be in use: the double one first, others where fields have them.

    Marks that are no quotes elsewhere must stand around most lines, or around fields in most.
    """
    found: list[str | None] = ['"']
    for quote in _QUOTES:
        if quote in delimiter or quote not in sample:
            continue
        opened, closed = _borders(lines, quote, delimiter)
        around = sum(line.startswith(quote) and line.endswith(quote) for line in lines)
        if quote in _PLAIN_MARKS and delimiter:
            around = max(around, sum(_has_framed(line, quote, delimiter) for line in lines))
        if opened and closed and (quote in _PLAIN_QUOTES or around * 2 > len(lines)):
            found.append(quote)
    if '"' in sample:
        found.append(None)
    return found


def _has_framed(line: str, quote: str, delimiter: str) -> bool:
    """Whether a mark stands at both ends of some fields, the first one included if it has it."""
    fields = line.split(delimiter)
    framed = [len(f) > 1 and f[0] == quote == f[-1] for f in fields]
    return any(framed) and (framed[0] or quote not in fields[0])


def _borders(lines: list[str], quote: str, delimiter: str) -> tuple[int, int]:
    """Count the lines in which a quote stands at the start, and at the end, of a field."""
    before, after = (delimiter + quote, quote + delimiter) if delimiter else ("\0", "\0")
    return (
        sum(line.startswith(quote) or before in line for line in lines),
        sum(line.endswith(quote) or after in line for line in lines),
    )


def _has_escapes(sample: str, style: Style) -> bool:
    if "\\" not in sample or style.delimiter == "\\":
        return False
    marks = [m for m in (style.quote, style.delimiter, "N", "\n") if m]
    return any("\\" + mark in sample for mark in marks)


def _scored(cut: Shape) -> Scored:
    if not cut.style.delimiter:
        return Scored(cut, _line_score(cut))
    widths = [w for w in cut.widths if w]
    width, count = cut.modal_width()
    if width < 2:
        return Scored(cut, 0.0)
    # What is wider than the table is no preamble of it.
    ahead = sum(w <= width for w in widths[: widths.index(width)])
    before = min(ahead, _PREAMBLE_RECORDS)
    share = 0.75 * count / (len(widths) - before) + 0.25 * count / len(widths)
    quality = _cell_quality(cut, width)
    usual_delimiter = prior(cut.style.delimiter, share=share, width=width)
    if count == 1 and len(widths) > 2:
        share *= _LONELY
    if has_odd_runs(cut):
        share *= _UNEVEN
    if is_partial(cut, width) or is_in_pairs(cut):
        share *= _PARTIAL
    if width == 2 and _ends_lines(cut, width):
        share *= _ENDING
    if has_uneven_blanks(cut, width):
        quality *= _UNEVEN
    if is_without_blanks(cut, width):
        share *= _PARTIAL
    usual = _usualness(cut, len(widths))
    plain = 0.99 if cut.style.escape else 1.0
    return Scored(
        cut, share * quality * _tidiness(cut, len(widths)) * usual_delimiter * usual * plain
    )


def _usualness(cut: Shape, records: int) -> float:
    """Return how believable the quote is where fields and cells alone do not decide."""
    quote = cut.style.quote
    if quote is None:
        return _LITERAL if cut.in_double_quotes else 0.995
    if quote != '"':
        if cut.protected and not cut.flaws:
            return 1.005
        return 0.99 if cut.quoted * 3 >= records else _NEEDLESS
    if cut.style.delimiter == "\t" and cut.swallows_records:
        return _SWALLOWING
    is_escaped = not cut.style.escape and cut.flaws and any('\\"' in line for line in cut.lines)
    return _UNESCAPED if is_escaped else 1.0


def _tidiness(cut: Shape, records: int) -> float:
    """Return 1 where all fields that start with a quote end with one, less where some do not."""
    if not cut.flaws:
        return 1.0
    flaws = cut.flaws - _CARELESS * min(cut.undoubled, cut.flaws)
    return 1 - 0.9 * flaws / (cut.flaws + cut.quoted) * min(1.0, 2 * flaws / records)


def _ends_lines(cut: Shape, width: int) -> bool:
    """Whether nothing follows the last delimiter of any record of a width."""
    delimiter = cut.style.delimiter
    lines = (line for line, w in zip(cut.lines, cut.widths, strict=True) if w == width)
    return all(line.rstrip(" ").endswith(delimiter) for line in lines)


def _cell_quality(cut: Shape, width: int) -> float:
    """Return the mean worth of the cells of the first records of a width."""
    total, count = 0.0, 0
    delimiter = cut.style.delimiter
    seen = 0
    for line, fields in zip(cut.lines, cut.widths, strict=True):
        if fields != width:
            continue
        for cell in line.split(delimiter):
            value = worth(unmasked(cell, delimiter))
            total += max(value, _QUOTED_WORTH) if OPENED in cell else value
        count += fields
        seen += 1
        if seen >= _WEIGHED_RECORDS or count >= _WEIGHED_CELLS:
            break
    return total / count if count else 0.0


def _line_score(cut: Shape) -> float:
    """Score the reading of each line as one field: good where lines are values by themselves."""
    lines = [line for line in cut.lines if line.strip()][:_WEIGHED_RECORDS]
    if not lines:
        return 0.0
    cells = [unmasked(line, "") for line in lines]
    total = sum(0.97 if look(c) in TYPED else worth(c) * _LINE_WORTH for c in cells)
    usual = 1.0 if cut.style.quote == '"' else 0.99
    return total / len(lines) * _tidiness(cut, len(lines)) * usual
