"""Lines before the table that are left out: the same ones, whoever counts them."""

import pytest

from shared.core.schemas import Column, DataType, Kind, TableSchema
from shared.csv import Contract, Dialect, detect, infer, read
from shared.csv.beginnings import HEAD_BYTES
from shared.errors import InvalidFileError

TABLE = b"id,name,n\n0,a0,0\n1,a1,3\n2,a2,6\n3,a3,9\n"


def rows_of(content: bytes, dialect: Dialect, *, piece: int = 2**20) -> list[tuple[str, ...]]:
    names = infer([content], dialect).schema.names
    schema = TableSchema(tuple(Column(name=n, type=DataType(Kind.TEXT)) for n in names))
    pieces = [content[at : at + piece] for at in range(0, len(content), piece)]
    batches = list(read(pieces, dialect, schema, block_bytes=piece))
    assert not [r for batch in batches for r in batch.rejects]
    return [tuple(row.values()) for batch in batches for row in batch.data.to_pylist()]


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\r\r\n", b"\n\r"])
@pytest.mark.parametrize("given", [{}, {"skip_lines": 2}])
@pytest.mark.parametrize("piece", [7, 2**20])
def test_lines_above_the_table_end_in_any_way(
    end: bytes, given: dict[str, object], piece: int
) -> None:
    ends = {"skip_lines": 4} if given and end == b"\n\r" else given
    content = b"Title" + end + b"Sub" + end + TABLE

    dialect = detect(content, is_whole=True, given=ends).dialect

    assert [*infer([content], dialect).schema.names] == ["id", "name", "n"]
    assert [row[1] for row in rows_of(content, dialect, piece=piece)] == ["a0", "a1", "a2", "a3"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_lines_of_more_than_a_megabyte_are_left_out_of_fixed_width(end: bytes) -> None:
    positions = (("id", 1, 3), ("name", 4, None))
    dialect = Dialect(
        kind="fixed", positions=positions, delimiter="", quote=None, skip_lines=30_000
    )
    content = (b"x" * 80 + end) * 30_000 + b"001Ann" + end + b"002Bob" + end

    assert rows_of(content, dialect) == [("001", "Ann"), ("002", "Bob")]


@pytest.mark.parametrize("header_rows", [0, 1])
@pytest.mark.parametrize("piece", [1000, 2**20])
def test_lines_of_more_than_a_megabyte_are_left_out(header_rows: int, piece: int) -> None:
    table = TABLE if header_rows else TABLE[TABLE.index(b"\n") + 1 :]
    content = b"some text, or other\r\n" * 100_000 + table

    found = rows_of(content, Dialect(skip_lines=100_000, header_rows=header_rows), piece=piece)

    assert [row[1] for row in found] == ["a0", "a1", "a2", "a3"]


def test_table_is_looked_for_behind_many_lines_that_are_stated() -> None:
    content = b"some text, or; other\n" * 30_000 + TABLE.replace(b",", b"|") * 40_000

    dialect = detect(content[:HEAD_BYTES], given={"skip_lines": 30_000}).dialect

    assert (dialect.delimiter, dialect.skip_lines, dialect.header_rows) == ("|", 30_000, 1)
    assert Contract.of(content[:HEAD_BYTES], dialect).columns == ("id", "name", "n")


def test_table_beyond_what_is_looked_at_is_refused_for_that() -> None:
    content = b"some text, or other\n" * 100_000 + TABLE

    with pytest.raises(InvalidFileError, match="skip_lines 100000 leaves nothing of the first"):
        detect(content[:HEAD_BYTES], given={"skip_lines": 100_000})
