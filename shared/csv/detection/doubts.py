"""What a person should know before trusting a layout: odd headers, second tables, cut ends.

Each check yields warnings, in the words that people read.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from shared.csv.detection.columns import names_columns, typed_columns
from shared.csv.detection.headers import HeaderFinding, find_header
from shared.csv.detection.looks import TYPED, Look, look
from shared.csv.detection.records import BODY_RECORDS, Records
from shared.errors import InvalidFileError

_SECOND_TABLE_ROWS = 2
_TABLE_ROWS = 3
_PAIR = 2
_USUAL_MARKS = (",", ";", "\t", "|")
_MIN_TYPED = 3
"""Words over so many columns of values are names, though the same values stand above them."""
_CHECKED_PARTS = 50
_CHECKED_ROWS = 2000
_ROWS_AROUND = 20
_MIN_EDGES = 3
_COMMENT = re.compile(r"(?:#|//|--|%|!|\*) *[^\W\d]")
_CODE = re.compile(r"\\.")
_LINE_ENDERS = (";", "|", ",", "~", "^")


def check_header(records: Records, start: int, header: HeaderFinding, width: int) -> Iterator[str]:
    """Warn of a header that does not fit the records below it, or names columns alike."""
    if not header.rows:
        return
    names = records.cells(start + header.rows - 1)
    if len(names) not in (records.width, width):
        has_end = not names[-1].strip() and len(names) == records.width + 1
        if not has_end:
            yield (
                f"the header has {len(names)} names, but {len(records.modal)} records have "
                f"{records.width} fields"
            )
    if any("\0" in name for name in names):
        yield "a name in the header has NUL characters; they are part of the name"
    nameless = [j for j, name in enumerate(names) if not name.strip()]
    rows = records.sample(start + header.rows)
    used = [j for j in nameless if any(j < len(row) and row[j].strip() for row in rows)]
    if header.rows == 1 and len(used) * 2 > len(names) > 2:
        yield (
            f"the header has names for {len(names) - len(nameless)} of {len(names)} columns only"
        )
    folded = [n.strip().casefold() for n in names if n.strip()]
    twice = sorted(n for n, count in Counter(folded).items() if count > 1)
    if twice and header.rows == 1:
        yield f"several columns are called {', '.join(twice[:5])}; they get numbers"


def check_unparted(records: Records) -> Iterator[str]:
    """Warn of a usual delimiter in lines that are read as one field each."""
    lines = [records.cut.lines[i] for i in records.indices[:BODY_RECORDS]]
    if records.cut.style.delimiter or len(lines) < _MIN_EDGES:
        return
    for mark in _USUAL_MARKS:
        count = sum(bool(re.search(rf"{re.escape(mark)}(?=[^\s\d])", line)) for line in lines)
        if count * 2 > len(lines):
            yield (
                f"{count} of {len(lines)} lines have {mark!r}, but in differing numbers; each line "
                "is read as one field"
            )
            return


def check_edges(records: Records, start: int) -> Iterator[str]:
    """Warn where one mark begins or ends each record and is read as content, or as a column."""
    numbers = [n for n in records.modal if n >= start][:BODY_RECORDS]
    if len(numbers) < _MIN_EDGES:
        return
    lines = [records.cut.lines[records.indices[n]].rstrip(" ") for n in numbers]
    delimiter = records.cut.style.delimiter
    last = [line.rsplit(delimiter, 1)[-1] if delimiter else line for line in lines]
    mark = last[0][-1:]
    is_ender = mark in _LINE_ENDERS and not delimiter.endswith(mark)
    if is_ender and all(cell.endswith(mark) and cell.count(mark) == 1 for cell in last):
        yield f"each record ends with {mark!r}, which is read as text of its last field"
    framed = lines[1:] if delimiter == " " else lines
    is_framed = bool(delimiter) and all(line.startswith(delimiter) for line in framed)
    if is_framed and records.width > 2:
        yield (
            f"each record starts with {delimiter!r}: the first column has neither name nor values"
        )


def check_inner_values(records: Records, first: int) -> Iterator[str]:
    """Warn of a column whose cells have several values each, aligned with blanks."""
    if records.width < 2:
        return
    rows = records.sample(first)
    for place in range(records.width):
        cells = [row[place].strip() for row in rows if place < len(row) and row[place].strip()]
        if len(cells) < _MIN_EDGES or not all("  " in cell for cell in cells):
            continue
        values = [cell.split() for cell in cells]
        counts = {len(v) for v in values}
        if len(counts) == 1 and all(look(v) in TYPED for row in values for v in row):
            yield (
                f"each cell of column {place + 1} has {counts.pop()} values, parted by blanks; "
                "they are read as one"
            )
            return


def check_codes(records: Records) -> Iterator[str]:
    """Warn where databases may have written tabs and line ends within cells as codes."""
    style = records.cut.style
    if style.delimiter != "\t" or style.escape or records.cut.quoted:
        return
    lines = (records.cut.lines[i] for i in records.indices[:_CHECKED_ROWS])
    codes = Counter(m[0] for line in lines if "\\" in line for m in _CODE.finditer(line))
    written = [code for code in ("\\n", "\\t") if codes[code]]
    if written and codes.keys() <= {"\\n", "\\t", "\\r", "\\\\"}:
        yield (
            f"cells have {' and '.join(written)}, as databases write line ends and tabs; they are "
            "read as they are. Set escape if they are codes"
        )


def check_preamble(records: Records, start: int, skip_lines: int) -> Iterator[str]:
    """Warn of what is left out before the header if that looks like a table itself."""
    numbers = [n for n in range(start) if records.filled(n) > 1]
    for _, group in groupby(enumerate(numbers), key=lambda item: _run_key(records, *item)):
        run = [number for _, number in group]
        width = records.widths[run[0]]
        rows = [records.cells(number) for number in run]
        is_plain = {look(row[-1]) for row in rows[1:]} <= {Look.WORDS}
        is_pair = width == _PAIR and (is_plain or find_header(rows).is_sure)
        is_wide = records.filled(run[0]) > _PAIR or is_pair
        if len(run) >= _TABLE_ROWS and is_wide:
            yield (
                f"lines 1 to {skip_lines} may be another table, of {width} columns; they are left "
                "out"
            )
            return


def check_other_marks(records: Records, start: int) -> Iterator[str]:
    """Warn of lines left out before the header that another usual delimiter parts alike."""
    lines = [records.cut.lines[i] for i in records.indices[:start]]
    for mark in _USUAL_MARKS:
        runs = groupby(line.count(mark) for line in lines)
        rows = max((len(list(run)) for count, run in runs if count > 1), default=0)
        if rows > _TABLE_ROWS and mark not in records.cut.style.delimiter:
            yield (
                f"{mark!r} parts {rows} of the lines before the header alike, as a table of its "
                "own; they are left out"
            )
            return


def check_names_below(records: Records, start: int, header: HeaderFinding) -> Iterator[str]:
    """Warn of a row that has words just where the header is blank, and no value of a type."""
    number = start + header.rows
    if header.rows != 1 or number + 1 >= len(records.widths):
        return
    names, row = records.cells(start), records.cells(number)
    if not len(names) == len(row) == records.width:
        return
    blanks = {j for j, name in enumerate(names) if not name.strip()}
    filled = {j for j, cell in enumerate(row) if cell.strip()}
    typed = typed_columns(records.sample(number + 1), records.width).keys()
    is_wordy = all(look(row[j]) is Look.WORDS for j in filled)
    if len(blanks) > 1 and blanks <= filled and is_wordy and typed and not typed & filled:
        yield (
            f"line {records.line(number)} has words where the header has no names, and is read as "
            "a row; set header_rows if it names columns"
        )


def check_marked(records: Records, start: int, first: int) -> Iterator[str]:
    """Warn where a mark of comments starts the header or a row, and is read as part of a cell."""
    name = records.cells(start)[0]
    ahead = [records.cut.lines[i] for i in records.indices[:start]]
    if ahead and name.startswith("# ") and all(line.startswith("#") for line in ahead):
        yield (
            "the header starts with '# ', as the comments above it do; that is read as part of the "
            f"first name, {name!r}"
        )
    rows = [n for n in records.modal if n >= first][:_CHECKED_ROWS]
    marked = [n for n in rows if _COMMENT.match(records.cells(n)[0])]
    others = [records.cells(n) for n in rows[:BODY_RECORDS] if n not in marked]
    if marked and len(marked) < len(rows) / 2 and 0 in typed_columns(others, records.width):
        yield (
            f"line {records.line(marked[0])} starts with a mark of comments, but has as many "
            "fields as a row and is read as one"
        )


def _run_key(records: Records, place: int, number: int) -> tuple[int, int]:
    """Return what records of one width that follow each other have in common."""
    return number - place, records.widths[number]


def check_other_tables(
    records: Records, start: int, header: HeaderFinding, body: Sequence[int]
) -> Iterator[str]:
    """Look for a second table behind the first, after a blank line."""
    if records.width < 2 or not body:
        return
    numbers = range(start + max(1, header.rows), len(records.widths))
    parted = [n for n in numbers if records.has_blank_before(n)]
    if header.rows:
        yield from _check_titled_table(records, start, body)
        yield from _check_inner_header(records, start, body)
    for number in parted[:_CHECKED_PARTS]:
        width = records.widths[number]
        following = records.widths[number : number + _SECOND_TABLE_ROWS]
        if width == records.width:
            if header.rows:
                _check_same_width(records, start, number, body)
        elif width > 1 and following == [width] * _SECOND_TABLE_ROWS:
            yield (
                f"a second table, of {width} columns, may start in line {records.line(number)}; "
                "its records will be rejected"
            )
            return


def _check_titled_table(records: Records, start: int, body: Sequence[int]) -> Iterator[str]:
    """Look for a title within the rows, behind an empty record, and a header behind the title."""
    blanks = [n for n in body if n + 2 < len(records.widths) and records.filled(n) == 0]
    for number in blanks[:_CHECKED_PARTS]:
        title = records.cells(number + 1)
        behind = number + 2 + (records.filled(number + 2) == 0)
        if records.filled(number + 1) != 1 or behind >= len(records.widths):
            continue
        names = records.cells(behind)
        if len(names) != records.width:
            continue
        if names == records.cells(start):
            yield (
                f"line {records.line(number + 1)} looks like the title of another table with the "
                f"same columns: {''.join(title).strip()[:40]!r}; all its lines are read as rows"
            )
            return
        _check_same_width(records, start, behind, body)


def _check_inner_header(records: Records, start: int, body: Sequence[int]) -> Iterator[str]:
    """Look for a row of nothing but words that parts rows of other types, as a header does."""
    for place, number in enumerate(body[:_CHECKED_ROWS]):
        names = records.cells(number)
        if any(look(name) is not Look.WORDS for name in names) or len(set(names)) < len(names):
            continue
        parts = (body[max(0, place - _ROWS_AROUND) : place], body[place + 1 :][:_ROWS_AROUND])
        if records.has_blank_before(number) or not all(parts):
            continue
        above, below = (
            typed_columns([records.cells(n) for n in part], records.width) for part in parts
        )
        is_alike = above == below and len(above) < _MIN_TYPED
        if is_alike or not (names_columns(names, above) and names_columns(names, below)):
            continue
        if names != records.cells(start):
            yield (
                f"line {records.line(number)} looks like the header of another table with as many "
                f"columns: {', '.join(names[:4])}; all its lines are read as rows"
            )
            return


def _check_same_width(records: Records, start: int, number: int, body: Sequence[int]) -> None:
    """Refuse a second header: nothing could keep the rows below it apart from those above."""
    row = records.cells(number)
    if row == records.cells(start) or any(look(cell) in TYPED for cell in row):
        return
    above = body[: min(BODY_RECORDS, bisect_left(body, number))]
    typed = typed_columns([records.cells(n) for n in above], records.width)
    if names_columns(row, typed):
        raise InvalidFileError(
            f"a second table starts in line {records.line(number)}, with the columns "
            f"{', '.join(row[:8])}; send each table in a file of its own",
            line=records.line(number),
        )


def check_end(records: Records) -> Iterator[str]:
    """Say so when the last record is cut off in the middle."""
    last = len(records.widths) - 1
    width = records.widths[last]
    has_line_end = records.cut.has_last_line_end
    if not has_line_end and 1 < width < records.width:
        yield (
            f"the last line ends without a line end after {width} of {records.width} fields; the "
            "file may be cut off"
        )
