"""Find what surrounds the rows of a table: preamble, header, comments, trailer, other tables."""

import re
from dataclasses import dataclass, field

from shared.csv.detection.doubts import (
    check_edges,
    check_end,
    check_header,
    check_last_row,
    check_other_tables,
    check_preamble,
    check_unparted,
)
from shared.csv.detection.headers import (
    HeaderFinding,
    find_header,
    is_rule,
    typed_columns,
)
from shared.csv.detection.looks import TYPED, Look, look
from shared.csv.detection.records import BODY_RECORDS, Records
from shared.csv.detection.shapes import Shape
from shared.csv.trailers import agrees, counts_rows, trailer_count

_COMMENTS = ("#", "//", "--", "%", "!", ";", "*", "REM ")
_COPY_END = "\\."
"""Source: PostgreSQL, COPY, "Text Format": the end of the data."""
_PROSE = (", ", " ", ": ")
"""Delimiters that also occur in plain text."""
_RULE = re.compile(r"^[\s\"]*[-=]+[\s\"]*$")
_TITLE_RECORDS = 3
_MIN_ENDS = 3
"""Of fewer records without a header, the last field may just be empty."""


@dataclass(frozen=True)
class Layout:
    """Where in the file its rows are."""

    skip_lines: int = 0
    records_before: int = 0
    """Records among those lines."""
    header_rows: int = 1
    comment: str | None = None
    has_trailing_delimiter: bool = False
    has_row_names: bool = False
    trailer: str | None = None
    evidence: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    is_doubtful: bool = False
    """The cut itself is in doubt: one line before it has no place in this reading."""
    header_doubt: str = ""
    """Why the header is in doubt, if it was not given."""


def find_layout(cut: Shape, *, is_whole: bool, lines_before: int = 0) -> Layout:
    """Find the layout of a text that was cut by the right style.

    Raises:
        InvalidFileError: two tables of the same width, whose rows nothing could keep apart.
    """
    comment, comments = _comment(cut)
    records = Records(cut, comment, lines_before)
    if not records.modal:
        return Layout(header_rows=0, evidence=["no records"])
    start, header, is_doubtful = _start(records)
    evidence: list[str] = []
    warnings: list[str] = []
    skip_lines = _skip_lines(records, start, header, evidence, warnings)
    check_preamble(records, start, skip_lines, warnings)
    check_unparted(records, warnings)
    evidence.append(header.evidence)
    if comment:
        evidence.append(f"comments: {comments} lines that start with {comment!r} are no records")
    rule = _rule_below_header(records, start, header)
    if rule:
        evidence.append("a line of dashes or formats below the header is no record")
    has_trailing = _ends_in_nothing(records, start, header)
    if has_trailing:
        evidence.append("trailing delimiter: nothing follows the last delimiter of any record")
    has_row_names = _has_row_names(records, start, header)
    if has_row_names:
        evidence.append("row names: all different, and one more than the names in the header")
        if not records.cut.quoted_cells(records.indices[start])[0]:
            warnings.append(
                "the header has one name less than there are fields; the first column, whose cells "
                "are all different words, is taken for names of rows"
            )
    first = start + header.rows + bool(rule)
    trailer = _trailer(records, first, header, evidence, warnings) if is_whole else None
    body = [n for n in records.modal if n >= start + header.rows]
    names = records.width - has_trailing - has_row_names
    check_header(records, start, header, names, warnings)
    check_edges(records, start, warnings)
    check_other_tables(records, start, header, body, warnings)
    if is_whole:
        check_last_row(records, start + header.rows, warnings)
    if is_whole and records.widths[-1] < records.width and not trailer:
        check_end(records, warnings)
    return Layout(
        skip_lines=skip_lines,
        records_before=start,
        header_rows=header.rows,
        comment=comment or rule,
        has_trailing_delimiter=has_trailing,
        has_row_names=has_row_names,
        trailer=trailer,
        evidence=evidence,
        warnings=warnings,
        is_doubtful=is_doubtful,
        header_doubt=header.doubt,
    )


def _comment(cut: Shape) -> tuple[str | None, int]:
    """Return the mark of comment lines that stand among the records."""
    width, _ = cut.modal_width()
    if width < 2:
        return None, 0
    first = cut.widths.index(width)
    if cut.lines[-1] == _COPY_END:
        return _COPY_END, 1
    for mark in _COMMENTS:
        if mark == cut.style.delimiter:
            continue
        marked = [i for i, line in enumerate(cut.lines) if line.startswith(mark)]
        odd = [i for i in marked if cut.widths[i] != width]
        if any(i > first for i in odd) and len(odd) == len(marked):
            return mark, len(odd)
    return None, 0


def _start(records: Records) -> tuple[int, HeaderFinding, bool]:
    """Return the number of the table's first record, and what is known about its header."""
    first = records.modal[0]
    dense = _first_dense(records)
    if dense != first:
        header = find_header(records.sample(dense))
        if header.rows:
            return dense, header, False
    header = find_header(records.sample(first))
    if not header.rows:
        named = _names_below(records, first)
        if named:
            return *named, False
    if not first or records.width < 2:
        return (0, header, False) if first or header else (first, header, False)
    ahead = records.widths[:first]
    is_apart = records.has_blank_before(first) or _is_marked(records, first - 1)
    is_prose = records.width == 2 and len(ahead) == 1 and records.cut.style.delimiter in _PROSE
    if header.rows or is_apart:
        short = _short_header(records, first)
        return short or (first, header, is_prose and not (is_apart or header.is_sure))
    short = _short_header(records, first)
    if short:
        return short
    if set(ahead) == {1}:
        return first, header, is_prose
    return 0, HeaderFinding(0, header.evidence or "no header"), False


def _names_below(records: Records, first: int) -> tuple[int, HeaderFinding] | None:
    """Return the record with names if others, unlike the rows, stand above it in the same width."""
    for place in range(1, min(_TITLE_RECORDS + 1, len(records.modal) - 2)):
        number = records.modal[place]
        cells = records.cells(number)
        if any(look(cell) is not Look.WORDS for cell in cells) or len(set(cells)) < len(cells):
            continue
        header = find_header(records.sample(number))
        typed = typed_columns(records.sample(number + 1), records.width)
        above = [records.cells(n) for n in records.modal[:place]]
        is_odd = all(
            any(row[j].strip() and look(row[j]) is not found for j, found in typed.items())
            for row in above
        )
        if header.is_sure and len(typed) > 1 and is_odd and number > first:
            return number, header
    return None


def _first_dense(records: Records) -> int:
    """Return the first record that is not mostly empty, as titles in a spreadsheet are."""
    filled = [(n, records.filled(n)) for n in records.modal[:100]]
    counts = sorted(count for _, count in filled if count)
    usual = counts[len(counts) * 3 // 4] if counts else 0
    if usual == 2:
        return _first_behind_a_blank(filled)
    if usual < 3:
        return records.modal[0]
    for number, count in filled:
        row = records.cells(number)
        cells = [c for c in row if c.strip()]
        is_title = count <= max(1, usual / 3) and (
            not row[0].strip() or look(cells[0]) not in TYPED
        )
        is_note = (
            count <= 2 and count < usual - 1 and bool(cells) and cells[0].rstrip().endswith(":")
        )
        if not (is_title or is_note):
            return number
    return records.modal[0]


def _first_behind_a_blank(filled: list[tuple[int, int]]) -> int:
    """Return the first full record of two cells if titles stand above it, and an empty record."""
    first = next(place for place, (_, count) in enumerate(filled) if count > 1)
    has_blank = any(count == 0 for _, count in filled[:first])
    return filled[first if has_blank else 0][0]


def _is_marked(records: Records, number: int) -> bool:
    line = records.cut.lines[records.indices[number]]
    return line.startswith(_COMMENTS) or bool(_RULE.match(line))


def _short_header(records: Records, first: int) -> tuple[int, HeaderFinding, bool] | None:
    """Return the record before the first usual one if that is a header of another width."""
    number = first - 1
    width = records.widths[number]
    if width < 2 or abs(width - records.width) > 1 or records.has_blank_before(first):
        return None
    cells = records.cells(number)
    body = records.sample(first)
    if any(look(c) in TYPED for c in cells):
        return None
    if find_header([cells[: records.width] + [""] * (records.width - width), *body]).rows == 0:
        return None
    if find_header(body).rows and len(body) > 1:
        return None
    names = f"header: {width} names over {len(body)} records of {records.width} fields"
    return number, HeaderFinding(1, names), False


def _skip_lines(
    records: Records, start: int, header: HeaderFinding, evidence: list[str], warnings: list[str]
) -> int:
    if start == 0:
        return records.lines_before
    skip = records.line(start) - 1
    first = records.cut.style.delimiter.join(records.cells(0))[:40]
    span = "line 1 comes" if skip == 1 else f"lines 1 to {skip} come"
    evidence.append(f"preamble: {span} before the table, starting with {first!r}")
    if not header.rows:
        warnings.append(f"no header follows what is left out: {span} before the first record")
    return skip


def _rule_below_header(records: Records, start: int, header: HeaderFinding) -> str | None:
    """Return the start of the line of dashes that some databases' clients draw below a header."""
    number = start + header.rows
    if header.rows != 1 or number >= len(records.widths):
        return None
    cells = records.cells(number)
    is_drawn = all(_RULE.match(cell) for cell in cells)
    if records.widths[number] != records.width or not (is_drawn or is_rule(cells)):
        return None
    mark = cells[0][:2] if is_drawn else records.cut.lines[records.indices[number]]
    if len(mark) < 2:
        return None
    others = sum(records.cut.lines[i].startswith(mark) for i in records.indices)
    return mark if others == 1 else None


def _ends_in_nothing(records: Records, start: int, header: HeaderFinding) -> bool:
    if records.width < 2:
        return False
    body = [n for n in records.modal if n >= start + header.rows]
    delimiter = records.cut.style.delimiter
    lines = records.cut.lines
    ends = [not lines[records.indices[n]].rsplit(delimiter, 1)[1].strip() for n in body]
    if not ends or not all(ends):
        return False
    if not header.rows:
        return len(ends) >= _MIN_ENDS and records.width > 2
    last = records.cells(start + header.rows - 1)
    if len(last) == records.width - 1:
        return True
    # Two nameless columns at the end are the empty ones of a spreadsheet.
    return len(last) == records.width > 2 and not last[-1].strip() and bool(last[-2].strip())


def _has_row_names(records: Records, start: int, header: HeaderFinding) -> bool:
    """Whether the header is one name short because R names rows; R quotes all names."""
    if not header.rows or records.widths[start] != records.width - 1:
        return False
    body = [n for n in records.modal if n > start][:BODY_RECORDS]
    rows = [records.cells(n) for n in body]
    if len({row[0] for row in rows}) < len(rows):
        return False
    if all(records.cut.quoted_cells(records.indices[start])):
        return all(records.cut.quoted_cells(records.indices[n])[0] for n in body)
    is_named = all(look(row[0]) is Look.WORDS for row in rows)
    return (
        is_named and len(rows) > 2 and len(typed_columns(rows, records.width)) == len(rows[0]) - 1
    )


def _trailer(
    records: Records, first: int, header: HeaderFinding, evidence: list[str], warnings: list[str]
) -> str | None:
    """Return how the last record starts when it says how many there are."""
    last = len(records.widths) - 1
    if last < first or last == 0:
        return None
    line = records.cut.lines[records.indices[last]]
    match = trailer_count(line)
    if match is None:
        return None
    prefix, count = match
    rows = last - first
    is_right = agrees(count, rows, header.rows)
    is_odd = records.widths[last] != records.width
    if not (is_odd and is_right) and not (counts_rows(prefix) and (is_odd or is_right)):
        return None
    evidence.append(
        f"trailer: the last line says {count}, and there are {rows} records between it and the "
        "header"
    )
    if is_right and count != rows:
        warnings.append(
            f"the last line says {count}, which is right only if it counts header or itself too; "
            f"there are {rows} records"
        )
    return prefix
