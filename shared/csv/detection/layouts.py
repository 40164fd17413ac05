"""Find what surrounds the rows of a table: preamble, header, comments, trailer, other tables."""

from dataclasses import dataclass, field

from shared.csv.detection.columns import typed_columns
from shared.csv.detection.doubts import (
    check_codes,
    check_edges,
    check_end,
    check_header,
    check_inner_values,
    check_marked,
    check_names_below,
    check_other_marks,
    check_other_tables,
    check_preamble,
    check_unparted,
)
from shared.csv.detection.footers import check_last_rows
from shared.csv.detection.headers import HeaderFinding, is_rule
from shared.csv.detection.looks import Look, look
from shared.csv.detection.records import BODY_RECORDS, Records
from shared.csv.detection.shapes import Shape
from shared.csv.detection.starts import COMMENTS, RULE, find_start
from shared.csv.trailers import agrees, counts_rows, right_only_if, trailer_count, wide_count

_COPY_END = "\\."
"""Source: PostgreSQL, COPY, "Text Format": the end of the data."""
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
    start, header, is_doubtful = find_start(records)
    evidence: list[str] = []
    warnings: list[str] = []
    skip_lines = _skip_lines(records, start, header, evidence, warnings)
    check_preamble(records, start, skip_lines, warnings)
    check_other_marks(records, start, warnings)
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
    names = records.width - has_trailing - has_row_names
    _check(records, (start, first), header, names, warnings)
    if is_whole:
        check_last_rows(records, start + header.rows, warnings)
        if records.widths[-1] < records.width and not trailer:
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


def _check(
    records: Records,
    firsts: tuple[int, int],
    header: HeaderFinding,
    names: int,
    warnings: list[str],
) -> None:
    """Look for what a person should know, wherever the file ends.

    Args:
        records: of the file.
        firsts: the first record of the table, and the first one that is a row.
        header: what was found out about its names.
        names: how many columns need one.
        warnings: added to.
    """
    start, first = firsts
    body = [n for n in records.modal if n >= start + header.rows]
    check_header(records, start, header, names, warnings)
    check_names_below(records, start, header, warnings)
    check_edges(records, start, warnings)
    check_marked(records, start, first, warnings)
    check_inner_values(records, first, warnings)
    check_codes(records, warnings)
    check_other_tables(records, start, header, body, warnings)


def _comment(cut: Shape) -> tuple[str | None, int]:
    """Return the mark of comment lines that stand among the records."""
    width, _ = cut.modal_width()
    if width < 2:
        return None, 0
    first = cut.widths.index(width)
    if cut.lines[-1] == _COPY_END:
        return _COPY_END, 1
    for mark in COMMENTS:
        if mark == cut.style.delimiter:
            continue
        marked = [i for i, line in enumerate(cut.lines) if line.startswith(mark)]
        odd = [i for i in marked if cut.widths[i] != width]
        if any(i > first for i in odd) and len(odd) == len(marked):
            return mark, len(odd)
    return None, 0


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
    if not header.rows or number >= len(records.widths):
        return None
    cells = records.cells(number)
    is_drawn = all(RULE.match(cell) for cell in cells)
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
    if records.widths[last] == records.width:
        if not _is_wide_trailer(records, first, header, warnings):
            return None
    elif not (is_right or counts_rows(prefix)):
        return None
    evidence.append(
        f"trailer: the last line says {count}, and there are {rows} records between it and the "
        "header"
    )
    if is_right and count != rows:
        warnings.append(right_only_if(count, rows))
    return prefix


def _is_wide_trailer(
    records: Records, first: int, header: HeaderFinding, warnings: list[str]
) -> bool:
    """Whether a last line as wide as a row counts the rows; warn where it only may."""
    last = len(records.widths) - 1
    found = wide_count(records.cells(last))
    others = (records.cells(n)[0] for n in range(first, last))
    if found is None or found.is_like_one_of(others):
        return False
    if found.is_right(last - first, header.rows):
        return True
    if found.is_code or agrees(found.count, last - first, header.rows):
        warnings.append(
            f"line {records.line(last)} may count the rows, and says {found.count}, but is as wide "
            "as a row and read as one; if it is none, set trailer"
        )
    return False
