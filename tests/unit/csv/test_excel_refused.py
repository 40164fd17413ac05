"""Workbooks that are none, are broken, or are made to do harm: refused with what to do."""

import gzip
import io
import random
import tracemalloc
import zipfile
from collections import deque

import pytest

from shared.config.csv_files import CsvFiles
from shared.csv import Dialect, Worksheet, beginning, detect, unpacked
from shared.csv.excel import package
from shared.csv.excel import strings as shared_strings
from shared.errors import InvalidFileError
from tests.workbooks import (
    MAIN,
    SHEET,
    book,
    relationships,
    strings,
    workbook,
)

ONE = "<row><c><v>1</v></c></row>"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000)


def refusal(content: bytes, sheet: str | None = None) -> str:
    """Return why a file is refused by a table of workbooks."""

    def read() -> None:
        beginning([content], Worksheet(sheet))
        deque(unpacked([content], Worksheet(sheet)), maxlen=0)

    with pytest.raises(InvalidFileError) as caught:
        read()
    return caught.value.message


def zipped(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (OLE, "an old Excel workbook (.xls)"),
        (OLE + "EncryptedPackage".encode("utf-16-le"), "with a password"),
        (b"%PDF-1.7", "a PDF document"),
        (b"<html><table><tr><td>1</td></tr></table></html>", "an HTML page"),
        (b'{"a": 1}\n', "JSON"),
        (b"a;b\n1;2\n", "text parted by ';'"),
        (gzip.compress(b"a\tb\n1\t2\n", mtime=0), "text parted by '\\t'"),
        ("a,b\n".encode("utf-16"), "no text in UTF-8"),
        (
            zipped("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"),
            "an OpenDocument spreadsheet (.ods)",
        ),
        (
            workbook(
                parts={"_rels/.rels": relationships(("w", "officeDocument", "xl/workbook.bin"))}
            ),
            "a binary Excel workbook (.xlsb)",
        ),
        (
            workbook(
                parts={"_rels/.rels": relationships(("w", "officeDocument", "word/document.xml"))}
            ),
            "a Word document (.docx)",
        ),
    ],
)
def test_file_that_is_no_workbook_is_refused_by_its_name(content: bytes, said: str) -> None:
    assert said in refusal(content)


def test_workbook_at_a_table_of_csv_is_refused_with_the_kind_to_set() -> None:
    with pytest.raises(InvalidFileError, match="kind: excel"):
        beginning([workbook(ONE)])


@pytest.mark.parametrize(
    "content",
    [
        b'id,note\n1,"a;b"\n',
        gzip.compress(b"id,note\n1,\n", mtime=0),
        zipped("rows.csv", b"id,note\n1,\n"),
        b"\xef\xbb\xbfid,note\n1,\n",
    ],
)
def test_text_of_a_worksheet_is_taken_as_it_is(content: bytes) -> None:
    start = beginning([content], Worksheet())
    found = detect(start.head, is_whole=True, given={"kind": "excel"})

    assert start.evidence == ()
    assert found.dialect == Dialect(kind="excel")
    assert found.evidence[-1] == "kind 'excel': given"


def test_packed_workbook_is_unpacked_first() -> None:
    content = workbook(ONE)

    for packed in (gzip.compress(content), zipped("book.xlsx", content)):
        assert b"".join(unpacked([packed], Worksheet())) == b"1\n"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("<row><c r='B7'><f>A1+1</f></c></row>", "cell B7 of worksheet 'Data' has a formula"),
        ("<row><c><f>A1+1</f><v></v></c></row>", "has a formula, but not its value"),
        ("<row><c><v>x</v></c></row>", "is no value of type 'n'"),
        ("<row><c><v>1e999</v></c></row>", "is no value of type 'n'"),
        ("<row><c s='z'><v>1</v></c></row>", "is no value of type 'n'"),
        ('<row><c t="b"><v>2</v></c></row>', "is no value of type 'b'"),
        ('<row><c t="d"><v>today</v></c></row>', "is no value of type 'd'"),
        ('<row><c t="x"><v>2</v></c></row>', "is no value of type 'x'"),
        ('<row><c t="s"><v>0</v></c></row>', "text 0 of 0"),
        ('<row r="2"/><row r="2"/>', "'Data' are not in order behind row 2"),
        ('<row r="1048577"/>', "not in order behind row 0"),
        (f'<row r="{"1" * 5000}"/>', "not in order behind row 0"),
        ('<row><c t="e"><f>A1</f><v></v></c></row>', "has a formula, but not its value"),
        ('<row><c r="XFE1"><v>1</v></c></row>', "cell XFE1 of worksheet 'Data' is not in"),
        ('<row><c r="B1"/><c r="A1"><v>1</v></c></row>', "is not in the order of columns"),
        ('<row><c r="ß1"><v>1</v></c></row>', "is not in the order of columns"),
        ('<row r="1"><c><v>1</v></c>', "mismatched tag"),
        ('<row><c t="inlineStr"><is><t>' + "x" * 2**21 + "</t></is></c></row>", "characters"),
        ("<a>" * 100_000, "256 deep"),
        (f'<row x="{"y" * 2**21}"/>', "a tag of more than"),
        ("", "worksheet 'Data' has no cell with a value"),
        ('<row><c s="0"/></row>', "has no cell with a value"),
    ],
)
def test_broken_worksheet_is_refused_with_the_place(rows: str, said: str) -> None:
    assert said in refusal(workbook(rows))


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({SHEET: None}, "it has no part xl/worksheets/sheet1.xml"),
        ({"_rels/.rels": None}, "nothing in it says that it is a workbook"),
        ({"XL/Workbook.xml": "<x/>"}, "a part occurs twice"),
        ({"xl/workbook.xml": book('<sheet name="A" r:id="zz"/>')}, "no visible worksheet"),
    ],
)
def test_broken_package_is_refused(parts: dict[str, str | None], said: str) -> None:
    assert said in refusal(workbook(ONE, parts=parts))


def test_several_worksheets_are_refused_with_their_names() -> None:
    listed = '<sheet name="Jan" r:id="a"/><sheet name="Feb" r:id="b"/>'
    named = relationships(
        ("a", "worksheet", "worksheets/sheet1.xml"), ("b", "worksheet", "worksheets/sheet1.xml")
    )
    parts = {"xl/workbook.xml": book(listed), "xl/_rels/workbook.xml.rels": named}

    assert "'Jan', 'Feb'. Say which one" in refusal(workbook(ONE, parts=parts))
    assert "no worksheet 'Mar'; it has 'Jan', 'Feb'" in refusal(workbook(ONE, parts=parts), "Mar")


@pytest.mark.parametrize("part", [SHEET, "xl/sharedStrings.xml", "xl/workbook.xml", "_rels/.rels"])
def test_document_type_is_refused_before_any_entity(part: str) -> None:
    entities = (
        '<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">'
    )
    content = f'<!DOCTYPE x [{entities}]><sst xmlns="{MAIN}"><si><t>&b;&f;</t></si></sst>'
    rows = '<row><c t="s"><v>0</v></c></row>'

    assert "document type" in refusal(workbook(rows, parts={part: content}))


@pytest.mark.parametrize("part", [SHEET, "xl/sharedStrings.xml", "xl/styles.xml"])
def test_part_that_unpacks_to_far_more_is_refused_in_little_memory(
    part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package, "FREE_BYTES", 2**23)
    rows = '<row><c s="0"><v>0</v></c></row><row><c t="s"><v>0</v></c></row>'
    content = workbook(rows, parts={part: b" " * 2**24})
    tracemalloc.start()

    said = refusal(content)

    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "unpacks to more than" in said
    assert peak_bytes < 2**22


def test_texts_and_files_beyond_the_limits_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_strings, "MAX_STRINGS_BYTES", 10_000)
    many = workbook(
        '<row><c t="s"><v>0</v></c></row>',
        parts={"xl/sharedStrings.xml": strings(*["<t>x</t>"] * 2_000)},
    )
    assert "more than 10,000 bytes; export the worksheet as CSV" in refusal(many)

    monkeypatch.setattr(package, "MAX_WORKBOOK_BYTES", 500)
    assert "more than 500 bytes; export the worksheet as CSV" in refusal(workbook(ONE))


def test_one_long_text_in_every_cell_is_refused() -> None:
    cells = '<c t="s"><v>0</v></c>' * 600
    shared = strings(f"<t>{'x' * 32_767}</t>")

    assert "in a row of more than" in refusal(
        workbook(f"<row>{cells}</row>", parts={"xl/sharedStrings.xml": shared})
    )


def test_damaged_workbook_is_refused_or_read_as_it_was() -> None:
    whole = workbook(
        "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(1, 40)),
        parts={"xl/sharedStrings.xml": strings("<t>some text</t>")},
    )
    rows = b"".join(unpacked([whole], Worksheet()))
    chance, refused = random.Random(7), 0
    for _ in range(200):
        broken = bytearray(whole)
        for _ in range(chance.randrange(1, 4)):
            broken[chance.randrange(4, len(broken))] = chance.randrange(256)
        if chance.random() < 0.3:
            del broken[chance.randrange(8, len(whole)) :]
        try:
            assert b"".join(unpacked([bytes(broken)], Worksheet())) == rows
        except InvalidFileError:
            refused += 1

    assert refused > 100


def test_settings_that_a_worksheet_does_not_have_are_refused() -> None:
    for name, value in {"delimiter": ";", "decimal": ",", "encoding": "cp1252"}.items():
        with pytest.raises(ValueError, match=f"{name} is nothing that files of kind excel have"):
            CsvFiles.model_validate({"kind": "excel", name: value})
    with pytest.raises(ValueError, match="sheet is nothing that files of kind csv have"):
        CsvFiles(sheet="Data")
    assert CsvFiles(kind="excel", sheet="Data", header_rows=2, skip_lines=1, trailer="Total")
