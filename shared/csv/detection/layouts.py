"""Find what surrounds the rows of a table: preamble, header, comments, trailer, other tables."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

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
from shared.csv.trailers import (
    WideCount,
    agrees,
    begins_alike,
    counts_rows,
    may_count,
    right_only_if,
    trailer_count,
    wide_count,
)

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
    evidence: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    is_doubtful: bool = False
    """The cut itself is in doubt: one line before it has no place in this reading."""
    header_doubt: str = ""
    """Why the header is in doubt, if it was not given."""


class _Trailer(NamedTuple):
    """A last record that says how many there are: how it starts, and what is said of it."""

    prefix: str
    evidence: str
    warnings: tuple[str, ...]


def find_layout(cut: Shape, *, is_whole: bool, lines_before: int = 0) -> Layout:
    """Find the layout of a text that was cut by the right style.

    Raises:
        InvalidFileError: two tables of the same width, whose rows nothing could keep apart.
    """
    comment, comments = _comment(cut)
    records = Records(cut, comment, lines_before)
    if not records.modal:
        return Layout(header_rows=0, evidence=("no records",))
    start, header, is_doubtful = find_start(records)
    skip_lines = records.line(start) - 1 if start else records.lines_before
    rule = _rule_below_header(records, start, header)
    first = start + header.rows + bool(rule)
    has_trailing = _ends_in_nothing(records, start, header)
    has_row_names = _has_row_names(records, start, header)
    trailer = _trailer(records, first, header) if is_whole else None
    evidence = [*_preamble(records, start, skip_lines), header.evidence]
    if comment:
        evidence.append(f"comments: {comments} lines that start with {comment!r} are no records")
    if rule:
        evidence.append("a line of dashes or formats below the header is no record")
    if has_trailing:
        evidence.append("trailing delimiter: nothing follows the last delimiter of any record")
    if has_row_names:
        evidence.append("row names: all different, and one more than the names in the header")
    if trailer:
        evidence.append(trailer.evidence)
    warnings = [
        *_check_above(records, start, skip_lines, header),
        *(_check_row_names(records, start) if has_row_names else ()),
        *(trailer.warnings if trailer else ()),
        *(_check_wide_count(records, first, header) if is_whole else ()),
        *_check_rows(records, start, first, header, records.width - has_trailing - has_row_names),
        *(_check_below(records, start + header.rows, trailer) if is_whole else ()),
    ]
    return Layout(
        skip_lines=skip_lines,
        records_before=start,
        header_rows=header.rows,
        comment=comment or rule,
        has_trailing_delimiter=has_trailing,
        has_row_names=has_row_names,
        trailer=trailer.prefix if trailer else None,
        evidence=tuple(evidence),
        warnings=tuple(warnings),
        is_doubtful=is_doubtful,
        header_doubt=header.doubt,
    )


def _check_above(
    records: Records, start: int, skip_lines: int, header: HeaderFinding
) -> Iterator[str]:
    if start and not header.rows:
        yield f"no header follows what is left out: {_span(skip_lines)} before the first record"
    yield from check_preamble(records, start, skip_lines)
    yield from check_other_marks(records, start)
    yield from check_unparted(records)


def _check_row_names(records: Records, start: int) -> Iterator[str]:
    if not records.cut.quoted_cells(records.indices[start])[0]:
        yield (
            "the header has one name less than there are fields; the first column, whose cells "
            "are all different words, is taken for names of rows"
        )


def _check_rows(
    records: Records, start: int, first: int, header: HeaderFinding, names: int
) -> Iterator[str]:
    """Warn of what a person should know, wherever the file ends.

    Args:
        records: of the file.
        start: the first record of the table.
        first: the first one that is a row.
        header: what was found out about its names.
        names: how many columns need one.
    """
    body = [n for n in records.modal if n >= start + header.rows]
    yield from check_header(records, start, header, names)
    yield from check_names_below(records, start, header)
    yield from check_edges(records, start)
    yield from check_marked(records, start, first)
    yield from check_inner_values(records, first)
    yield from check_codes(records)
    yield from check_other_tables(records, start, header, body)


def _check_below(records: Records, first: int, trailer: _Trailer | None) -> Iterator[str]:
    is_narrow = records.widths[-1] < records.width
    if is_narrow or not trailer:
        yield from check_last_rows(records, first)
    if is_narrow and not trailer:
        yield from check_end(records)


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


def _preamble(records: Records, start: int, skip_lines: int) -> Iterator[str]:
    if start:
        first = records.cut.style.delimiter.join(records.cells(0))[:40]
        yield f"preamble: {_span(skip_lines)} before the table, starting with {first!r}"


def _span(lines: int) -> str:
    return "line 1 comes" if lines == 1 else f"lines 1 to {lines} come"


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


def _trailer(records: Records, first: int, header: HeaderFinding) -> _Trailer | None:
    """Return the last record if it says how many there are."""
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
        wide = _wide_count(records, first)
        if wide is None or not wide.is_right(rows, header.rows):
            return None
    elif not (is_right or counts_rows(prefix)):
        return None
    evidence = (
        f"trailer: the last line says {count}, and there are {rows} records between it and the "
        "header"
    )
    is_doubtful = is_right and count != rows
    return _Trailer(prefix, evidence, (right_only_if(count, rows),) if is_doubtful else ())


def _wide_count(records: Records, first: int) -> WideCount | None:
    """Return what a last line as wide as a row says if it may count the rows."""
    last = len(records.widths) - 1
    if last < first or not last or records.widths[last] != records.width:
        return None
    if trailer_count(records.cut.lines[records.indices[last]]) is None:
        return None
    found = wide_count(records.cells(last))
    others = (records.cells(n)[0] for n in range(first, last))
    return found if found and not found.is_like_one_of(others) else None


def _check_wide_count(records: Records, first: int, header: HeaderFinding) -> Iterator[str]:
    """Warn of a last row that may be a trailer."""
    last = len(records.widths) - 1
    match = trailer_count(records.cut.lines[records.indices[last]])
    if last < first or match is None or records.widths[last] != records.width:
        return
    prefix, count = match
    wide, rows = _wide_count(records, first), last - first
    if (wide and wide.is_right(rows, header.rows)) or not counts_rows(prefix):
        return
    is_alike = any(begins_alike(prefix, records.cells(n)[0]) for n in range(first, last))
    is_code = wide is not None and wide.is_code
    if is_code or (agrees(count, rows, header.rows) and not is_alike):
        yield may_count(count)
