"""A reject says where it stands, byte by byte: its record is taken from there to be mended."""

import pytest

from shared.core.schemas import Column, DataType, Kind, TableSchema
from shared.csv import Dialect, excerpt, read

ID_NAME = TableSchema(
    (Column(name="id", type=DataType(Kind.INT64)), Column(name="name", type=DataType(Kind.TEXT)))
)


def rejected(content: bytes, dialect: Dialect) -> list[bytes]:
    """Return the bytes at the places of the rejects."""
    batches = list(read([content], dialect, ID_NAME))
    rejects = [reject for batch in batches for reject in batch.rejects]
    return [content[r.byte_offset : r.byte_offset + r.byte_count] for r in rejects]


def test_control_characters_ahead_of_a_long_delimiter_do_not_move_places():
    content = b"a\x1fb\n\x1e\x1f\nid^|^name\n1^|^Ann\nx^|^Bob\n"

    assert rejected(content, Dialect(delimiter="^|^", skip_lines=2)) == [b"x^|^Bob"]


def test_records_between_line_ends_of_other_kinds_have_places_of_their_own():
    content = b"id,name\r\n1,Ann\nx,Bob\r3,Cid\ry,Dan\r\n5,Eve\r\n"

    assert rejected(content, Dialect()) == [b"x,Bob", b"y,Dan"]


def test_good_records_beside_a_rejected_one_are_no_part_of_what_is_mended():
    content = b"id,name\r\n1,Ann\nx,Bob\r3,Cid\r\n"
    (batch,) = read([content], Dialect(), ID_NAME)
    places = [(r.byte_offset, r.byte_count) for r in batch.rejects]

    mended = b"".join(excerpt([content], Dialect(), ID_NAME, places))

    assert mended == b"id,name\r\nx,Bob\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_what_is_mended_has_the_line_ends_of_its_file(encoding: str, line_end: str) -> None:
    lines = ["id,name", "1,Ann", "x,Bob", "3,Cid", "y,Dan"]
    content, wanted = (
        "".join(line + line_end for line in some).encode(encoding)
        for some in (lines, (lines[0], lines[2], lines[4]))
    )
    dialect = Dialect(encoding=encoding)
    (batch,) = read([content], dialect, ID_NAME)
    places = [(r.byte_offset, r.byte_count) for r in batch.rejects]

    assert b"".join(excerpt([content], dialect, ID_NAME, places)) == wanted
