"""The line of a row: found again in the file, whatever was rejected or spans lines before it."""

import pytest

from shared.core.schemas import Column, DataType, Kind, TableSchema
from shared.csv import Dialect, place_of_row, read

ID_NAME = TableSchema(
    (Column(name="id", type=DataType(Kind.INT64)), Column(name="name", type=DataType(Kind.TEXT)))
)
CONTENT = b'id,name\n1,Ann\nx,Bob\n3,"Cid\nor Sid"\n4,Dan\nbroken\n5,Eve\n'


@pytest.mark.parametrize(("row", "line"), [(0, 2), (1, 4), (2, 6), (3, 8)])
def test_row_is_on_the_line_that_an_editor_shows(row: int, line: int) -> None:
    place = place_of_row([CONTENT], Dialect(), ID_NAME, row)

    assert place
    assert place[0] == line
    names = [v for b in read([CONTENT], Dialect(), ID_NAME) for v in b.data["name"].to_pylist()]
    assert names[row].encode() in CONTENT[place[1] :].split(b"\n", 1)[0] + b"\nor Sid"


def test_file_of_fewer_rows_has_no_place_for_it() -> None:
    assert place_of_row([CONTENT], Dialect(), ID_NAME, 4) is None


def test_row_far_into_a_file_is_found() -> None:
    content = b"id,name\n" + b"".join(b"%d,some name\n" % n for n in range(200_000))

    assert place_of_row([content], Dialect(), ID_NAME, 150_000) == (
        150_002,
        content.index(b"\n150000,") + 1,
    )
