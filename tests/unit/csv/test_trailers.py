"""Last lines that count the rows, and rows that only begin as those do."""

import pytest

from shared.core.schemas import Column, DataType, Kind, TableSchema
from shared.csv import Dialect, detect, infer, read
from shared.errors import InvalidFileError


def rows_of(content: bytes, dialect: Dialect) -> list[list[str]]:
    names = infer([content], dialect).schema.names
    schema = TableSchema(tuple(Column(name=n, type=DataType(Kind.TEXT)) for n in names))
    batches = list(read([content], dialect, schema))
    assert not [r for batch in batches for r in batch.rejects]
    return [list(row.values()) for batch in batches for row in batch.data.to_pylist()]


@pytest.mark.parametrize(
    "lines",
    [
        "line,output|Line 1,500|Line 2,600|Line 3,700",
        "line,output|Line,1|Line,2|Line,3",
        "product,n|Tow bar,9|Hitch lock,8|Trailer hitch,3",
        "role,n,grade|Clerk,1,A|Driver,2,B|Line manager,3,C",
        "product\tn|Radio\t5|Record player\t2",
        "name|Line 1|Line 2|Line 3",
        "vehicle,n|Truck,5|Car,7|Trailer,3",
        "vehicle,n|Trailer,8|Car,7|Trailer,2",
        "unit,n|EOF 0,a|EOF 1,a|EOF 2,a",
        "unit|EOF 0|EOF 1|EOF 2",
        "what,n|Rows,1|Records,2.0",
    ],
)
@pytest.mark.parametrize("is_found", [True, False])
def test_row_that_begins_like_a_trailer_is_a_row(lines: str, is_found: bool) -> None:
    content = lines.replace("|", "\n").encode() + b"\n"
    delimiter = "\t" if b"\t" in content else ","
    dialect = detect(content, is_whole=True).dialect if is_found else Dialect(delimiter=delimiter)

    assert dialect.trailer is None
    assert len(rows_of(content, dialect)) == lines.count("|")


@pytest.mark.parametrize(
    "lines",
    [
        "id,name|1,Ann|2,Bob|TRL,2",
        "id,name|1,Ann|2,Bob|TRL,00004",
        'id,name|1,Ann|2,Bob|"Total rows:","2"',
        "id,name,x|1,Ann,a|2,Bob,b|Records,2,",
        "id,name,x|1,Ann,a|2,Bob,b|TRL,2,20240131",
        "id name x|1 Ann a|2 Bob b|Total rows: 2",
        "name|Ann|Bob|(2 rows)",
        "id,name,x|1,Ann,a|2,Bob,b|TRAILER,RECORD COUNT,2",
        "id,name,x|1,Ann,a|2,Bob,b|TRAILER,2,1234.50",
        "id,name,x|1,Ann,a|2,Bob,b|TRL,SALES,2",
        "id,name,x|1,Ann,a|2,Bob,b|FOOTER,COUNT=2,",
        "id,name,x|1,Ann,a|2,Bob,b|Total rows: 2,,",
        "id,name,x|1,Ann,a|2,Bob,b|Lines read,2,",
    ],
)
@pytest.mark.parametrize("is_found", [True, False])
def test_count_as_wide_as_a_row_is_none(lines: str, is_found: bool) -> None:
    content = lines.replace("|", "\n").encode() + b"\n"
    delimiter = "," if b"," in content else " " if b"id " in content else ""
    found = detect(content, is_whole=True)
    dialect = found.dialect if is_found else Dialect(delimiter=delimiter)

    assert len(rows_of(content, dialect)) == 2
    assert [w for w in found.warnings if "right only if" not in w] == []


def test_last_of_many_numbered_rows_is_a_row() -> None:
    content = b"line,output\n" + b"".join(b"Line %d,%d\n" % (n, n * 100) for n in range(1, 6001))

    verdict = detect(content, is_whole=True)

    assert len(rows_of(content, verdict.dialect)) == 6000
    assert not verdict.warnings


def test_later_file_of_numbered_rows_is_read_by_the_first_one() -> None:
    first = b"line,output\nLine 1,500\nLine 2,600\nLine 3,700\n"
    later = b"line,output\nLine 4,500\nLine 5,600\nLine 6,700\n"

    assert len(rows_of(later, detect(first, is_whole=True).dialect)) == 3


@pytest.mark.parametrize("line", ["TRL,9", "Trailer,3"])
def test_count_as_wide_as_a_row_that_may_be_wrong_is_a_row_with_a_warning(line: str) -> None:
    content = f"id,name\na,Ann\nb,Bob\n{line}\n".encode()

    verdict = detect(content, is_whole=True)

    assert len(rows_of(content, verdict.dialect)) == 3
    assert "may count the rows" in verdict.warnings[0]


def test_later_file_whose_last_row_may_count_the_rows_has_a_note() -> None:
    content = b"id,name\na,Ann\nb,Bob\nRows of day,2\n"
    schema = TableSchema(tuple(Column(name=n, type=DataType(Kind.TEXT)) for n in ("id", "name")))

    [batch] = read([content], Dialect(), schema)

    assert batch.data.num_rows == 3
    [note] = batch.notes
    assert (note.line, note.rule) == (4, "like_a_trailer")
    assert "says 2, but is as wide as a row" in note.text


def test_words_between_the_count_and_what_it_begins_with_may_change() -> None:
    first = b"id,name,n\n1,Ann,5\n2,Bob,6\nTRL,SALES_JAN 2\n"
    later = b"id,name,n\n1,Ann,5\n2,Bob,6\n3,Cid,7\nTRL,SALES_FEB 3\n"
    dialect = detect(first, is_whole=True).dialect

    assert dialect.trailer == "TRL,SALES_JAN "
    assert len(rows_of(later, dialect)) == 3
    with pytest.raises(InvalidFileError, match="counts 2 rows, but there are 3"):
        rows_of(later.replace(b" 3\n", b" 2\n"), dialect)


def test_note_says_where_a_count_is_right_only_with_the_header_or_itself() -> None:
    content = b"id,name\n1,Ann\n2,Bob\nTRAILER 4\n"
    schema = TableSchema(tuple(Column(name=n, type=DataType(Kind.TEXT)) for n in ("id", "name")))

    [note] = [n for batch in read([content], Dialect(), schema) for n in batch.notes]

    assert "says 4, which is right only if" in note.text


def test_stated_trailer_is_one_however_it_reads() -> None:
    content = b"id,name\n1,Ann\n2,Bob\nLine 5,x\n"

    with pytest.raises(InvalidFileError, match="counts 5 rows, but there are 2"):
        rows_of(content, Dialect(trailer="Line "))
