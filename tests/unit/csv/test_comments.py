"""Lines that start with a mark of comments: a mark that was found leaves out no row."""

import pytest

from shared.core.schemas import Column, DataType, Kind, TableSchema
from shared.csv import Batch, Dialect, detect, read

FIRST = b"tag,n\na,1\n# end of January\nb,2\n"


def read_as(content: bytes, dialect: Dialect, *names: str, block_bytes: int = 2**20) -> list[Batch]:
    schema = TableSchema(tuple(Column(name=n, type=DataType(Kind.TEXT)) for n in names))
    return list(read([content], dialect, schema, block_bytes=block_bytes))


def first_cells(batches: list[Batch]) -> list[str]:
    return [cell for batch in batches for cell in batch.data.column(0).to_pylist()]


@pytest.mark.parametrize("mark", ["#", "*", "!", ";", "%", "//", "--"])
@pytest.mark.parametrize("block_bytes", [16, 2**20])
def test_later_row_that_starts_with_the_mark_of_comments_is_a_row_with_a_note(
    mark: str, block_bytes: int
) -> None:
    dialect = detect(FIRST.replace(b"#", mark.encode()), is_whole=True).dialect
    later = f'tag,n\n{mark}5,10\n{mark} end of February\nc,20\n{mark}8,"3\n0"\n'.encode()

    batches = read_as(later, dialect, "tag", "n", block_bytes=block_bytes)

    assert dialect.comment == mark
    assert first_cells(batches) == [f"{mark}5", "c", f"{mark}8"]
    assert sum(batch.rows for batch in batches) == 3
    notes = [(n.line, n.rule) for batch in batches for n in batch.notes]
    assert notes == [(2, "like_a_comment"), (5, "like_a_comment")]


def test_row_far_behind_the_comments_that_were_found_is_a_row() -> None:
    content = FIRST + b"c,3\n" * 70_000 + b"#d,4\n"

    batches = read_as(content, detect(content, is_whole=True).dialect, "tag", "n")

    assert first_cells(batches)[-1] == "#d"


def test_rule_below_a_header_leaves_out_rules_alone() -> None:
    dialect = detect(b"tag,n\n--,--\na,1\nb,2\n", is_whole=True).dialect

    batches = read_as(b"tag,n\n---,---\n--,7\nc,3\n", dialect, "tag", "n")

    assert first_cells(batches) == ["--", "c"]


def test_stated_mark_leaves_out_every_line_that_starts_with_it() -> None:
    dialect = detect(FIRST, is_whole=True, given={"comment": "#"}).dialect

    batches = read_as(b"tag,n\n#5,10\nc,20\n", dialect, "tag", "n")

    assert first_cells(batches) == ["c"]
    assert not [n for batch in batches for n in batch.notes]


def test_directives_of_a_log_are_no_rows_however_wide() -> None:
    content = b"#Fields: a b c\n1 2 3\n4 5 6\n#Date: 2024-01-01 00:00:00\n7 8 9\n"

    batches = read_as(content, detect(content, is_whole=True).dialect, "a", "b", "c")

    assert first_cells(batches) == ["1", "4", "7"]
