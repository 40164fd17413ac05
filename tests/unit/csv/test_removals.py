"""A file without some records: the others stay byte by byte, whatever ends their lines."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.csv import Dialect, LateFault, read, without
from shared.errors import IntegrityError
from tests.builders import a_schema

PLAIN = Dialect()
SCHEMA = a_schema((), id="int64", name="text")


def cut(content: bytes, wanted: set[int], dialect: Dialect = PLAIN, size: int = 7) -> bytes:
    """Take the rows of these ids out of a file that comes in small chunks."""
    places = []
    for batch in read([content], dialect, SCHEMA):
        rows = [i for i, v in enumerate(batch.data["id"].to_pylist()) if v in wanted]
        found = batch.describe(LateFault(row) for row in rows)
        places += [(each.byte_offset, each.byte_count) for each in found]
    chunks = [content[at : at + size] for at in range(0, len(content), size)]
    return b"".join(without(lambda: chunks, dialect, len(SCHEMA), places))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_records_go_with_their_line_ends(end: str, encoding: str) -> None:
    lines = ["id,name", "1,Zoë", '2,"a\nb"', "3,c", "4,d"]
    content = end.join([*lines, ""]).encode(encoding)

    left = cut(content, {2, 4}, Dialect(encoding=encoding))

    assert left == end.join([lines[0], lines[1], lines[3], ""]).encode(encoding)


def test_last_record_without_a_line_end_goes_too() -> None:
    assert cut(b"id,name\n1,a\n2,b", {2}) == b"id,name\n1,a\n"


def test_packed_file_comes_back_unpacked() -> None:
    content = gzip.compress(b"id,name\n1,a\n2,b\n", mtime=0)

    assert cut(content, {1}) == b"id,name\n2,b\n"


@given(st.sets(st.integers(0, 40)), st.integers(1, 50))
def test_the_rows_that_are_left_are_the_others(wanted: set[int], size: int) -> None:
    content = b"id,name\n" + b"".join(b"%d,row %d\n" % (n, n) for n in range(40))

    left = cut(content, wanted, size=size)

    rows = [i for b in read([left], Dialect(), SCHEMA) for i in b.data["id"].to_pylist()]
    assert rows == [n for n in range(40) if n not in wanted]


def test_place_beyond_the_end_is_refused() -> None:
    content = b"id,name\n1,a\n"

    with pytest.raises(IntegrityError, match="ends before byte 90"):
        list(without(lambda: [content], Dialect(), 2, [(90, 10)]))
