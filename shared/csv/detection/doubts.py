"""What a person should know before trusting a layout: odd headers, second tables, cut ends."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

from shared.csv.detection.headers import HeaderFinding, names_columns, typed_columns
from shared.csv.detection.looks import TYPED, look
from shared.csv.detection.records import BODY_RECORDS, Records
from shared.errors import InvalidFileError

_SECOND_TABLE_ROWS = 2
_CHECKED_PARTS = 50


def check_header(
    records: Records, start: int, header: HeaderFinding, width: int, warnings: list[str]
) -> None:
    """Warn of a header that does not fit the records below it, or names columns alike."""
    if not header.rows:
        return
    names = records.cells(start + header.rows - 1)
    if len(names) not in (records.width, width):
        has_end = not names[-1].strip() and len(names) == records.width + 1
        if not has_end:
            warnings.append(
                f"the header has {len(names)} names, but {len(records.modal)} records have "
                f"{records.width} fields"
            )
    folded = [n.strip().casefold() for n in names if n.strip()]
    twice = sorted(n for n, count in Counter(folded).items() if count > 1)
    if twice and header.rows == 1:
        warnings.append(f"several columns are called {', '.join(twice[:5])}; they get numbers")


def check_other_tables(
    records: Records, start: int, header: HeaderFinding, body: Sequence[int], warnings: list[str]
) -> None:
    """Look for a second table behind the first, after a blank line."""
    if records.width < 2 or not body:
        return
    numbers = range(start + max(1, header.rows), len(records.widths))
    parted = [n for n in numbers if records.has_blank_before(n)]
    for number in parted[:_CHECKED_PARTS]:
        width = records.widths[number]
        following = records.widths[number : number + _SECOND_TABLE_ROWS]
        if width == records.width:
            if header.rows:
                _check_same_width(records, start, number, body)
        elif width > 1 and following == [width] * _SECOND_TABLE_ROWS:
            warnings.append(
                f"a second table, of {width} columns, may start in line {records.line(number)}; "
                "its records will be rejected"
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


def check_end(records: Records, warnings: list[str]) -> None:
    """Say so when the last record is cut off in the middle."""
    last = len(records.widths) - 1
    width = records.widths[last]
    has_line_end = records.cut.has_last_line_end
    if not has_line_end and 1 < width < records.width:
        warnings.append(
            f"the last line ends without a line end after {width} of {records.width} fields; the "
            "file may be cut off"
        )
