"""Worksheets as CSV text: every value exactly, whoever wrote the workbook."""

import io
from datetime import date, datetime, time
from decimal import Decimal

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.csv import Dialect, Worksheet, beginning, detect, excerpt, infer, read
from tests.workbooks import (
    SHEET,
    STRICT,
    STRICT_RELATIONS,
    book,
    of_cells,
    relationships,
    strings,
    text,
    workbook,
    worksheet,
)


def saved(*rows: tuple, title: str = "Data") -> bytes:
    """Return a workbook of openpyxl."""
    file = openpyxl.Workbook()
    file.active.title = title
    for row in rows:
        file.active.append(row)
    content = io.BytesIO()
    file.save(content)
    return content.getvalue()


def types(content: bytes) -> dict[str, str]:
    """Return the columns and types that are found in a workbook."""
    start = beginning([content], Worksheet())
    dialect = detect(start.head, is_whole=start.is_whole, given={"kind": "excel"}).dialect
    return {c.name: str(c.type) for c in infer([content], dialect).schema}


def test_texts_that_look_like_something_else_are_quoted() -> None:
    items = ["007", "true", "", "plain", "a,b", 'say "x"', "-", "-5", "#N/A", " a ", "x;y", "{}"]
    shared = strings(*(f"<t>{item}</t>" for item in items))
    cells = "".join(f'<c t="s"><v>{i}</v></c>' for i in range(len(items)))

    assert of_cells(cells, sharedStrings=shared) == (
        '"007","true","",plain,"a,b","say ""x""",-,"-5","#N/A"," a ","x;y","{}"'
    )


def test_values_of_every_type_of_cell_come_out() -> None:
    cells = (
        '<c t="b"><v>1</v></c><c t="b"><v>0</v></c><c t="e"><v>#DIV/0!</v></c>'
        '<c t="str"><f>A1&amp;"x"</f><v>ax</v></c><c t="str"><f>""</f><v></v></c>'
        '<c t="inlineStr"><is><t>in</t></is></c><c s="0"/><c><v/></c>'
        '<c t="d"><v>2024-01-02T03:04:05.500Z</v></c><c t="d"><v>2024-01-02</v></c>'
        "<c><f>1+1</f><v>2</v></c>"
    )

    assert of_cells(cells) == ('true,false,#DIV/0!,ax,"",in,,,2024-01-02 03:04:05.5Z,2024-01-02,2')


def test_rich_text_is_joined_and_pronunciation_left_out() -> None:
    rich = '<r><rPr><b/></rPr><t>東</t></r><r><t xml:space="preserve">京 x</t></r>'
    shared = strings(f"{rich}<rPh sb='0' eb='1'><t>トウ</t></rPh><phoneticPr fontId='1'/>")
    inline = f'<c t="inlineStr"><is>{rich}<rPh sb="0" eb="1"><t>トウ</t></rPh></is></c>'

    assert of_cells(f'<c t="s"><v>0</v></c>{inline}', sharedStrings=shared) == "東京 x,東京 x"


def test_codes_of_characters_are_those_characters() -> None:
    shared = strings("<t>a_x000D__x000A_b</t>", "<t>_x005F_x000D_</t>", "<t>_xD800_</t>")

    found = of_cells("".join(f'<c t="s"><v>{i}</v></c>' for i in range(3)), sharedStrings=shared)

    assert found == '"a\r\nb",_x000D_,_xD800_'


def test_line_is_the_row_of_the_sheet_and_cells_keep_their_columns() -> None:
    rows = (
        '<row r="3"><c r="B3"><v>1</v></c><c r="D3"><v>2</v></c></row><row r="4"/>'
        '<row r="5"><c r="C5" s="0"/></row>'
        '<row r="6" hidden="1"><c r="B6"><v>3</v></c><c r="C6"><v>4</v></c></row>'
    )
    area = '<dimension ref="A1:XFD1048576"/>'
    formatted = '<row r="9" s="1" customFormat="1"><c r="XFD9" s="0"/></row>'

    found = text(workbook(parts={SHEET: worksheet(rows + formatted, area)}))

    assert found == "\n\n1,,2\n\n\n3,4,\n"


def test_rows_and_cells_without_places_follow_each_other() -> None:
    rows = "<row><c><v>1</v></c><c/><c><v>2</v></c></row><row><c/><c><v>3</v></c></row>"

    assert text(workbook(rows)) == "1,,2\n,3,\n"


def test_lone_value_apart_from_the_table_makes_its_row_wider() -> None:
    rows = "".join(
        f'<row r="{n}"><c r="B{n}"><v>{n}</v></c><c r="C{n}"><v>0</v></c>'
        + ('<c r="XFD2"><v>9</v></c>' if n == 2 else "")
        + "</row>"
        for n in range(1, 4)
    )

    lines = text(workbook(rows)).splitlines()

    assert (lines[0], lines[2]) == ("1,0", "3,0")
    assert lines[1].count(",") == 16_382


@pytest.mark.parametrize("target", ["/xl/worksheets/sheet1.xml", "../xl/worksheets/Sheet1.xml"])
def test_part_is_found_wherever_its_name_points(target: str) -> None:
    named = relationships(("a", "worksheet", target))

    content = workbook("<row><c><v>1</v></c></row>", parts={"xl/_rels/workbook.xml.rels": named})

    assert text(content) == "1\n"


def test_strict_workbook_and_prefixed_elements_are_read() -> None:
    listed = (
        f'<x:workbook xmlns:x="{STRICT}" xmlns:q="{STRICT_RELATIONS}">'
        '<x:sheets><x:sheet name="S" q:id="a"/></x:sheets></x:workbook>'
    )
    sheet = (
        f'<x:worksheet xmlns:x="{STRICT}" xmlns:y="urn:o"><x:sheetData><x:row r="1"><x:c r="A1">'
        "<x:v>1</x:v><y:v>2</y:v></x:c></x:row></x:sheetData></x:worksheet>"
    )
    named = relationships(("a", "worksheet", "worksheets/sheet1.xml"), types=STRICT_RELATIONS)
    root = relationships(("w", "officeDocument", "xl/workbook.xml"), types=STRICT_RELATIONS)

    parts = {"xl/workbook.xml": listed, SHEET: sheet, "_rels/.rels": root}
    content = workbook(parts={**parts, "xl/_rels/workbook.xml.rels": named})

    assert text(content) == "1\n"


def several() -> bytes:
    """Return a workbook of four sheets, one of them hidden and one empty."""
    listed = "".join(
        f'<sheet name="{name}" state="{state}" r:id="{name}"/>'
        for name, state in [("One", "visible"), ("Two", "hidden"), ("No", "visible")]
    )
    named = [
        ("One", "worksheet", "worksheets/sheet1.xml"),
        ("Two", "worksheet", "worksheets/2.xml"),
    ]
    return workbook(
        "<row><c><v>1</v></c></row>",
        parts={
            "xl/workbook.xml": book(f'{listed}<sheet name="Chart" r:id="Chart"/>'),
            "xl/worksheets/2.xml": worksheet("<row><c><v>2</v></c></row>"),
            "xl/worksheets/3.xml": worksheet('<row r="1"><c s="0"/></row>'),
            "xl/_rels/workbook.xml.rels": relationships(
                *named, ("No", "worksheet", "worksheets/3.xml"), ("Chart", "chartsheet", "c.xml")
            ),
        },
    )


@pytest.mark.parametrize(("sheet", "found"), [(None, "1\n"), ("Two", "2\n"), ("two", "2\n")])
def test_worksheet_is_the_named_one_or_the_only_one_with_values(
    sheet: str | None, found: str
) -> None:
    assert text(several(), sheet) == found


def test_workbook_of_openpyxl_becomes_typed_rows() -> None:
    content = saved(
        ("Report", None, None, None, None, None, None, "of January"),
        (),
        ("id", "code", "amount", "on", "at", "clock", "ok", "note"),
        (1, "007", 1.5, date(2024, 1, 2), datetime(2024, 1, 2, 3, 4, 5), time(6), True, "a\nb"),
        (2, "8", -2, date(1900, 1, 1), datetime(1999, 12, 31), time(7, 8, 9), False, None),
    )
    start = beginning([content], Worksheet())
    found = detect(start.head, is_whole=start.is_whole, given={"kind": "excel"})
    inferred = infer([content], found.dialect)

    data = [
        r for b in read([content], inferred.dialect, inferred.schema) for r in b.data.to_pylist()
    ]

    assert start.is_packed
    assert start.evidence == (
        "worksheet 'Data': the only visible one; its table is in columns A to H",
    )
    assert found.dialect.skip_lines == 2
    assert data == [
        {
            "id": 1,
            "code": "007",
            "amount": Decimal("1.5"),
            "on": date(2024, 1, 2),
            "at": datetime(2024, 1, 2, 3, 4, 5),
            "clock": time(6),
            "ok": True,
            "note": "a\nb",
        },
        {
            "id": 2,
            "code": "8",
            "amount": Decimal("-2.0"),
            "on": date(1900, 1, 1),
            "at": datetime(1999, 12, 31),
            "clock": time(7, 8, 9),
            "ok": False,
            "note": None,
        },
    ]


def test_numbers_that_are_texts_make_a_column_of_text() -> None:
    content = saved(("a", "b", "c", "d"), ("7", 7, "true", "2024-01-02"), ("8", 8, "false", None))

    assert types(content) == {"a": "text", "b": "int64", "c": "text", "d": "date"}


@pytest.mark.parametrize(
    "name", ["PAR1", "ORC", "GIF8", "BZh9", "%PDF-1.7", "-----BEGIN PGP MESSAGE-----"]
)
def test_text_that_begins_as_files_of_another_kind_do_is_a_text(name: str) -> None:
    start = beginning([saved((name,), ("a",))], Worksheet())
    detect(start.head, is_whole=start.is_whole, given={"kind": "excel"})

    assert beginning([start.head], Worksheet()).head == start.head
    assert start.head.decode() == f'"{name}"\na\n'


CELLS = st.one_of(
    st.none(),
    st.integers(-(10**15), 10**15),
    st.booleans(),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1),
    st.sampled_from(["007", "a\nb", '"', ",", "true", "#N/A", "=", "'", "2024-01-02"]),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=8))
def test_any_texts_and_numbers_come_back(rows: list[tuple]) -> None:
    file = openpyxl.Workbook()
    file.active.append(("first", "second", "third"))
    for number, row in enumerate(rows, start=2):
        for column, value in enumerate(row, start=1):
            cell = file.active.cell(number, column)
            cell.value = value
            if isinstance(value, str):
                cell.data_type = "s"  # a formula otherwise
    content = io.BytesIO()
    file.save(content)
    schema = infer([b"first,second,third\n"], Dialect()).schema

    found = [
        tuple(row.values())
        for batch in read([content.getvalue()], Dialect(kind="excel"), schema)
        for row in batch.data.to_pylist()
    ]

    filled = [row for row in rows if any(cell is not None for cell in row)]
    assert found == [tuple(shown(cell) for cell in row) for row in filled]


def shown(cell: object) -> str | None:
    """Return a cell as a column of text has it."""
    if cell is None or isinstance(cell, str):
        return cell
    return str(cell).lower() if isinstance(cell, bool) else str(cell)


def test_some_rows_of_a_worksheet_are_a_file_that_is_read_like_it() -> None:
    content = saved(("title",), ("id", "note"), (1, "a\nb"), ("x", "007"), (3, ""))
    dialect = Dialect(kind="excel", skip_lines=1)
    schema = infer([b"id,note\n1,a\n2,b\n"], Dialect()).schema
    rejects = [r for b in read([content], dialect, schema) for r in b.rejects]

    places = [(r.byte_offset, r.byte_count) for r in rejects]
    mended = b"".join(excerpt([content], dialect, schema, places))

    assert [(r.line, r.raw) for r in rejects] == [(5, 'x,"007"')]
    assert mended == b'title,\nid,note\nx,"007"\n'
    again = list(read([mended.replace(b"x", b"2")], dialect, schema))
    assert [row for b in again for row in b.data.to_pylist()] == [{"id": 2, "note": "007"}]
