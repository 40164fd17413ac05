"""Records beyond the limit: one reject is one record, or the file is refused."""

import pytest

from shared.csv import Dialect
from shared.csv.files import CsvFile
from shared.errors import InvalidFileError

LIMIT = 2000
ROWS = b"".join(b"%d,name %d\n" % (n, n) for n in range(20))
MANY = ROWS * 40


def counts(
    content: bytes, cut_bytes: int = 64, dialect: Dialect | None = None
) -> tuple[int, list[tuple[str, int]]]:
    """Return the number of rows, and rule and line of each reject."""
    chunks = [content[at : at + cut_bytes] for at in range(0, len(content), cut_bytes)]
    file = CsvFile(
        chunks, dialect or Dialect(), block_bytes=cut_bytes, max_record_bytes=LIMIT, width=2
    )
    blocks = list(file.blocks())
    rejects = [each for block in blocks for each in block.described(block.faults)]
    return sum(block.cells.rows for block in blocks), [(r.rule, r.line) for r in rejects]


@pytest.mark.parametrize("cut_bytes", [7, 64, 700])
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (ROWS + MANY.replace(b"\n", b"\r"), "line 22 .* line ends of another kind"),
        (ROWS + MANY.replace(b"\n", b"\r") + b"\n" + ROWS, "line 22 .* line ends of another kind"),
        (ROWS + b'1,"' + MANY + b'"\n' + ROWS, "a quote opened in line 22 is closed"),
        (ROWS + b'1,"' + MANY + b'""' + MANY + b'end"\n', "a quote opened in line 22 is closed"),
        (ROWS + b'1,"' + b"x" * 2 * LIMIT + b"\n" + ROWS + b'"\n', "line 22 .* a quote that may"),
    ],
)
def test_file_is_refused_where_a_reject_would_hide_other_records(
    content: bytes, why: str, cut_bytes: int
) -> None:
    with pytest.raises(InvalidFileError, match=why):
        counts(b"id,name\n" + content, cut_bytes)


def test_file_of_returns_that_goes_on_with_other_line_ends_is_refused() -> None:
    rows = b"id,name\r" + ROWS.replace(b"\n", b"\r") * (2**20 // len(ROWS) + 1)

    with pytest.raises(InvalidFileError, match="line ends of another kind"):
        counts(rows + MANY, 2**10)


@pytest.mark.parametrize("cut_bytes", [7, 64, 700])
@pytest.mark.parametrize(
    ("record", "rule"),
    [
        (b"1," + b"x" * 2 * LIMIT + b"\r\n", "record_too_long"),
        (b'1,"' + b"x" * 2 * LIMIT + b'"\n', "record_too_long"),
        (b'"a\nb",' + b"x" * 2 * LIMIT + b"\n", "record_too_long"),
        (b'1,"never closed\n', "unclosed_quote"),
    ],
)
@pytest.mark.parametrize("behind", [MANY, MANY + b'1,"a ""name"""\n'])
def test_one_record_is_one_reject(record: bytes, rule: str, behind: bytes, cut_bytes: int) -> None:
    rows, rejects = counts(b"id,name\n" + ROWS + record + behind, cut_bytes)

    assert rejects == [(rule, 22)]
    assert rows == ROWS.count(b"\n") + behind.count(b"\n")


def test_quotes_behind_a_backslash_say_nothing_about_the_end_of_a_long_line() -> None:
    line = b'1,"' + b"x" * 2 * LIMIT + b'\\"\n' + ROWS + b'"\n'

    with pytest.raises(InvalidFileError, match=r"line 22 .* a quote that may"):
        counts(b"id,name\n" + ROWS + line, dialect=Dialect(escape="\\"))
