"""Where a table starts: behind titles, notes and rows of another kind above its names."""

import re
from dataclasses import replace

from shared.csv.detection.columns import typed_columns
from shared.csv.detection.headers import HeaderFinding, find_header
from shared.csv.detection.looks import TYPED, Look, look
from shared.csv.detection.names import has_usual_name
from shared.csv.detection.records import BODY_RECORDS, Records

COMMENTS = ("#", "//", "--", "%", "!", ";", "*", "REM ")
RULE = re.compile(r"^[\s\"]*[-=]+[\s\"]*$")
_PROSE = (", ", " ", ": ")
"""Delimiters that also occur in plain text."""
_DECIMAL_COMMA = re.compile(r"-?\d+,\d+")
_GROUPING = (" ", ":", "-")
_SECTION = re.compile(r"\[[A-Za-z][\w ]*\]")
_NAMES = (Look.WORDS, Look.FLAG)
"""What names look like; y, t and n are also words for yes and no."""
_TITLE_RECORDS = 3
_MIN_BODY = 2
_SETTING_CELLS = 2
_MAX_SETTINGS = 60


def find_start(records: Records) -> tuple[int, HeaderFinding, bool]:
    """Return the number of the table's first record, and what is known about its header."""
    first = records.modal[0]
    behind = _behind_settings(records)
    if behind:
        return *behind, False
    dense = _behind_section(records) or _first_dense(records)
    if dense != first:
        header = find_header(records.sample(dense))
        if header.rows:
            return dense, header, False
    header = find_header(records.sample(first))
    if not header.rows and _is_quoted_over_bare(records, first):
        header = HeaderFinding(1, "header: its names are quoted, and values below it are not")
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
        return first, header, is_prose or (len(ahead) == 1 and _is_in_one_column(records, first))
    return 0, HeaderFinding(0, header.evidence or "no header"), False


def _is_quoted_over_bare(records: Records, first: int) -> bool:
    """Whether all cells of the first record are quoted, and none of some column below it."""
    body = [n for n in records.modal if n > first][:BODY_RECORDS]
    indices = records.indices
    if len(body) < _MIN_BODY or not all(records.cut.quoted_cells(indices[first])):
        return False
    rows = [(records.cells(n), records.cut.quoted_cells(indices[n])) for n in body]
    return any(
        all(cells[j].strip() and not quoted[j] for cells, quoted in rows)
        for j in range(records.width)
    )


def _is_in_one_column(records: Records, first: int) -> bool:
    """Whether a mark that the first line lacks parts the others by chance: paths, phone numbers."""
    delimiter, rows = records.cut.style.delimiter, records.sample(first)
    if delimiter == ",":
        return all(_DECIMAL_COMMA.fullmatch(",".join(row)) for row in rows)
    if delimiter in _GROUPING and _are_grouped(rows):
        return True
    if delimiter in (":", "::"):
        return records.width == _SETTING_CELLS
    is_phone = all(row[0].startswith(("+", "(")) for row in rows)
    return delimiter == " " and (is_phone or not typed_columns(rows, records.width))


def _are_grouped(rows: list[list[str]]) -> bool:
    """Whether letters and digits stand in groups of one length, as in an IBAN or a MAC address."""
    lengths = {len(cell) for row in rows for cell in row[:-1]}
    longest = max(len(row[-1]) for row in rows)
    if len(lengths) != 1 or not 1 < max(lengths) >= longest:
        return False
    is_code = all(cell.isalnum() and cell.isascii() for row in rows for cell in row)
    codes = ["".join(row) for row in rows]
    return is_code and not any(code.isalpha() or code.isdigit() for code in codes)


def _behind_settings(records: Records) -> tuple[int, HeaderFinding] | None:
    """Return the header behind names and values of settings, as instruments write them."""
    blanks = [n for n in records.modal[1:_MAX_SETTINGS] if records.has_blank_before(n)]
    if records.width != _SETTING_CELLS or not blanks:
        return None
    number = blanks[0]
    above = [records.cells(n) for n in records.modal if n < number]
    table = records.sample(number)
    header = find_header(table)
    is_table = header.is_sure and len(typed_columns(table[header.rows :], records.width)) > 0
    is_settings = all(look(row[0]) is Look.WORDS for row in above)
    if not (is_table and is_settings and len({look(row[1]) for row in above}) > 1):
        return None
    if len(table) - header.rows <= len(above):
        return None
    doubt = f"the {len(above)} records above the blank line are taken for settings, and left out"
    return number, replace(header, doubt=doubt)


def _names_below(records: Records, first: int) -> tuple[int, HeaderFinding] | None:
    """Return the record with names if others, unlike the rows, stand above it in the same width."""
    for place in range(1, min(_TITLE_RECORDS + 1, len(records.modal) - 2)):
        number = records.modal[place]
        cells = records.cells(number)
        if any(look(c) not in _NAMES for c in cells) or len(set(cells)) < len(cells):
            continue
        header = find_header(records.sample(number))
        typed = typed_columns(records.sample(number + 1), records.width)
        above = [records.cells(n) for n in records.modal[:place]]
        is_odd = all(
            any(row[j].strip() and look(row[j]) is not found for j, found in typed.items())
            for row in above
        )
        if not (header.is_sure and typed and is_odd and number > first):
            continue
        if len(typed) > 1:
            return number, header
        if has_usual_name(cells, records.sample(number + 1)):
            doubt = f"line {records.line(number)} names the columns; what is above it is left out"
            return number, replace(header, doubt=doubt)
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


def _behind_section(records: Records) -> int | None:
    """Return the record behind the last line that names a section, such as ``[Data],,,``."""
    marks = [
        n
        for n in records.modal[:_MAX_SETTINGS]
        if records.filled(n) == 1 and _SECTION.fullmatch(records.cells(n)[0].strip())
    ]
    behind = marks[-1] + 1 if len(marks) > 1 else 0
    return behind if behind and behind in records.modal[:_MAX_SETTINGS] else None


def _first_behind_a_blank(filled: list[tuple[int, int]]) -> int:
    """Return the first full record of two cells if titles stand above it, and an empty record."""
    first = next(place for place, (_, count) in enumerate(filled) if count > 1)
    has_blank = any(count == 0 for _, count in filled[:first])
    return filled[first if has_blank else 0][0]


def _is_marked(records: Records, number: int) -> bool:
    line = records.cut.lines[records.indices[number]]
    return line.startswith(COMMENTS) or bool(RULE.match(line))


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
    other = find_header(body)
    is_surely_other = other.is_sure or not _ends_alike(cells, body, records.width)
    if other.rows and is_surely_other and len(body) > 1:
        return None
    names = f"header: {width} names over {len(body)} records of {records.width} fields"
    return number, HeaderFinding(1, names), False


def _ends_alike(names: list[str], body: list[list[str]], width: int) -> bool:
    """Whether names and rows have as many fields but for nothing behind the last delimiter."""
    if len(names) > width:
        return not names[-1].strip() and all(name.strip() for name in names[:-1])
    return len(names) == width - 1 and not any(row[-1].strip() for row in body)
