"""A reject says where it stands, byte by byte: its record is taken from there to be mended."""

import pytest

from shared.core.schemas import Column, DataType, Kind, TableSchema
from shared.csv import Dialect, excerpt, read, without
from shared.errors import InvalidFileError

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


ASCII, ROMAN, KANJI = b"\x1b(B", b"\x1b(J", b"\x1b$B"
NAME = KANJI + b"F|K\\"
WAYS = {
    "to ASCII at the start": ("iso2022_jp", ASCII, NAME + ASCII),
    "to ASCII twice": ("iso2022_jp", b"", NAME + ASCII + ASCII),
    "to kanji for each": ("iso2022_jp", b"", NAME + KANJI + b"F|" + ASCII),
    "a sign of JIS Roman": ("iso2022_jp", b"", ROMAN + b"\\" + ASCII),
    "to JIS Roman at the end": ("iso2022_jp", b"", NAME + ROMAN),
    "three bytes for a tilde": ("euc_jp", b"", b"\x8f\xa2\xb7"),
    "kanji one by one": ("hz", b"", b"~{VP~}~{ND~}"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("size", [7, 10**6])
def test_places_are_right_where_a_text_has_several_lengths(
    way: str, line_end: bytes, size: int
) -> None:
    encoding, before, name = WAYS[way]
    lines = [b"id,name", *(before + b"%d," % n + name for n in range(30))]
    lines[7], lines[20], lines[30] = (before + wrong + name for wrong in (b"x,", b"y,", b"z,"))
    content = line_end.join([*lines, b""])
    dialect = Dialect(encoding=encoding)
    chunks = [content[at : at + size] for at in range(0, len(content), size)]

    batches = list(read(chunks, dialect, ID_NAME, block_bytes=64))
    places = [(r.byte_offset, r.byte_count) for b in batches for r in b.rejects]

    wanted = {7, 20, 30}
    assert [content[at : at + count] for at, count in places] == [lines[n] for n in sorted(wanted)]
    mended = b"".join(excerpt(chunks, dialect, ID_NAME, places))
    assert mended.splitlines() == [lines[0], *(lines[n] for n in sorted(wanted))]
    left = b"".join(without(lambda: chunks, dialect, 2, places))
    assert left.splitlines() == [line for n, line in enumerate(lines) if n not in wanted]


def test_rows_that_go_on_in_the_characters_of_the_row_before_are_not_taken_out() -> None:
    content = b"id,name\n1," + NAME + b"\n" + ASCII + b"x," + NAME + ASCII + b"\n3,a\n"
    content += b"4," + NAME + b"\nF|" + ASCII + b",b\n"
    dialect = Dialect(encoding="iso2022_jp")

    (batch,) = read([content], dialect, ID_NAME)
    places = [(r.byte_offset, r.byte_count) for r in batch.rejects[:1]]

    assert [content[at : at + count] for at, count in places] == [ASCII + b"x," + NAME + ASCII]
    with pytest.raises(InvalidFileError, match="go on in the characters of the line before"):
        list(excerpt([content], dialect, ID_NAME, places))
    with pytest.raises(InvalidFileError, match="go on in the characters of the line before"):
        list(without(lambda: [content], dialect, 2, places))
