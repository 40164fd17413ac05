"""Workbooks made by hand, part by part: what no well-behaved program writes, too."""

import io
import zipfile
from collections.abc import Mapping

from shared.csv import Worksheet, unpacked

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT_RELATIONS = "http://purl.oclc.org/ooxml/officeDocument/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
SHEET = "xl/worksheets/sheet1.xml"


def relationships(*named: tuple[str, str, str], types: str = RELATIONS) -> str:
    """Return a list of relationships, each of id, kind and target."""
    elements = "".join(
        f'<Relationship Id="{i}" Type="{types}/{kind}" Target="{target}"/>'
        for i, kind, target in named
    )
    return f'<Relationships xmlns="{_PACKAGE}">{elements}</Relationships>'


def worksheet(rows: str, before: str = "") -> str:
    """Return the part of a worksheet with some rows."""
    return f'<worksheet xmlns="{MAIN}">{before}<sheetData>{rows}</sheetData></worksheet>'


def strings(*items: str) -> str:
    """Return the part of shared texts."""
    return f'<sst xmlns="{MAIN}">{"".join(f"<si>{item}</si>" for item in items)}</sst>'


def styles(*formats: int | str) -> str:
    """Return the part of styles: one for each built-in format or code."""
    codes = [code for code in formats if isinstance(code, str)]
    listed = "".join(
        f'<numFmt numFmtId="{164 + i}" formatCode="{code}"/>' for i, code in enumerate(codes)
    )
    numbers = (164 + codes.index(f) if isinstance(f, str) else f for f in formats)
    cells = "".join(f'<xf numFmtId="{number}"/>' for number in numbers)
    return (
        f'<styleSheet xmlns="{MAIN}"><numFmts>{listed}</numFmts>'
        f'<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs>{cells}</cellXfs>'
        '<dxfs><dxf><numFmt numFmtId="0" formatCode="yyyy"/></dxf></dxfs></styleSheet>'
    )


def book(sheets: str, properties: str = "") -> str:
    """Return the part that lists sheets."""
    return (
        f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}">{properties}'
        f"<sheets>{sheets}</sheets></workbook>"
    )


def workbook(rows: str = "", *, parts: Mapping[str, str | bytes | None] | None = None) -> bytes:
    """Return a workbook of one worksheet with some rows; parts replace those, None leaves out."""
    every: dict[str, str | bytes | None] = {
        "docProps/app.xml": "<Properties/>",
        SHEET: worksheet(rows),
        "xl/workbook.xml": book('<sheet name="Data" sheetId="1" r:id="a"/>'),
        "xl/_rels/workbook.xml.rels": relationships(
            ("a", "worksheet", "worksheets/sheet1.xml"),
            ("s", "sharedStrings", "sharedStrings.xml"),
            ("t", "styles", "styles.xml"),
        ),
        "xl/sharedStrings.xml": strings(),
        "xl/styles.xml": styles(0),
        "_rels/.rels": relationships(("w", "officeDocument", "xl/workbook.xml")),
        "[Content_Types].xml": "<Types/>",
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**every, **(parts or {})}.items():
            if content is not None:
                archive.writestr(name, content)
    return file.getvalue()


def text(content: bytes, sheet: str | None = None) -> str:
    """Return a worksheet as CSV text."""
    return b"".join(unpacked([content], Worksheet(sheet))).decode()


def of_cells(cells: str, **parts: str) -> str:
    """Return the text of a worksheet with one row."""
    named = {f"xl/{name}.xml": content for name, content in parts.items()}
    return text(workbook(f'<row r="1">{cells}</row>', parts=named)).removesuffix("\n")


def two_sheets(first: str, second: str) -> bytes:
    """Return a workbook with the worksheets Orders and Notes, both with rows."""
    return workbook(
        parts={
            SHEET: worksheet(first),
            "xl/worksheets/sheet2.xml": worksheet(second),
            "xl/workbook.xml": book(
                '<sheet name="Orders" sheetId="1" r:id="a"/>'
                '<sheet name="Notes" sheetId="2" r:id="b"/>'
            ),
            "xl/_rels/workbook.xml.rels": relationships(
                ("a", "worksheet", "worksheets/sheet1.xml"),
                ("b", "worksheet", "worksheets/sheet2.xml"),
                ("s", "sharedStrings", "sharedStrings.xml"),
                ("t", "styles", "styles.xml"),
            ),
        }
    )
