"""A workbook: its worksheets, its calendar, and what its cells refer to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO

from shared.csv.excel.faults import damaged
from shared.csv.excel.formats import Meaning, meanings
from shared.csv.excel.package import MAX_SMALL_PART_BYTES, Package
from shared.csv.excel.strings import SharedStrings
from shared.csv.excel.xml import SEPARATOR, named, parsed
from shared.errors import InvalidFileError

MAX_SHEETS = 1_000
_SHOWN_SHEETS = 20
_BINARY = ".bin"
_SPREADSHEET = "application/vnd.oasis.opendocument.spreadsheet"
_RELATION_ID = tuple(
    f"{space}{SEPARATOR}id"
    for space in (
        "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
        "http://purl.oclc.org/ooxml/officeDocument/relationships",
    )
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet, as a workbook lists it."""

    name: str
    is_visible: bool
    part: str
    """Where its cells are; empty: it has none, as one that is all chart."""


class Workbook:
    """One workbook while it is read.

    Raises:
        InvalidFileError: it is none, or damaged.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.package = Package(file)
        self._part = self._main_part()
        self._named = self.package.relationships(self._part)
        self._list = _SheetList()
        pieces = self.package.pieces(self._part, most=MAX_SMALL_PART_BYTES)
        for _ in parsed(pieces, self._list, self._part):
            pass

    @property
    def is_1904(self) -> bool:
        """Days are counted from 1904, not from 1900."""
        return self._list.is_1904

    @cached_property
    def sheets(self) -> list[Sheet]:
        """All sheets, in their order."""
        found = []
        for name, state, relation in self._list.found:
            named_part = self._named.get(relation)
            is_of_cells = named_part is not None and named_part.kind == "worksheet"
            part = named_part.target if named_part and is_of_cells else ""
            found.append(Sheet(name, state == "visible", part))
        return found

    @cached_property
    def strings(self) -> SharedStrings:
        """The texts that cells share."""
        part = self._one("sharedStrings")
        return SharedStrings.of(self.package, part) if part else SharedStrings()

    @cached_property
    def meanings(self) -> Sequence[Meaning]:
        """What numbers are, by the style of their cell."""
        part = self._one("styles")
        return meanings(self.package, part) if part else ()

    def sheet(self, wanted: str | None) -> tuple[Sheet, str]:
        """Return a worksheet and the grounds for it.

        Args:
            wanted: what it is called; None: the only visible one that has cells with values.

        Raises:
            InvalidFileError: there is no such worksheet, or there are several.
        """
        if wanted is not None:
            return self._called(wanted), "given"
        visible = [sheet for sheet in self.sheets if sheet.is_visible and sheet.part]
        if len(visible) == 1:
            return visible[0], "the only visible one"
        filled = [sheet for sheet in visible if self._has_values(sheet)]
        if len(filled) == 1:
            return filled[0], "the only visible one with values"
        several = "several worksheets with values" if filled else "no visible worksheet with values"
        raise InvalidFileError(
            f"the workbook has {several}: {_listed(filled or self.sheets)}. Say which one is read "
            "with csv.sheet, or --sheet"
        )

    def _called(self, wanted: str) -> Sheet:
        for fold in (str, str.casefold):
            for sheet in self.sheets:
                if sheet.part and fold(sheet.name) == fold(wanted):
                    return sheet
        raise InvalidFileError(
            f"the workbook has no worksheet {wanted!r}; it has {_listed(self.sheets)}"
        )

    def _has_values(self, sheet: Sheet) -> bool:
        target = _AnyValue()
        pieces = parsed(self.package.pieces(sheet.part), target, sheet.part)
        return any(target.is_there for _ in pieces)

    def _one(self, kind: str) -> str:
        """Return the part that the workbook names as of a kind; empty: none."""
        return next((r.target for r in self._named.values() if r.kind == kind), "")

    def _main_part(self) -> str:
        if mimetype := self.package.mimetype():
            is_sheet = mimetype.startswith(_SPREADSHEET)
            raise _other("an OpenDocument " + ("spreadsheet (.ods)" if is_sheet else "file"))
        named = self.package.relationships().values()
        part = next((r.target for r in named if r.kind == "officeDocument"), "")
        if not part:
            raise damaged("nothing in it says that it is a workbook")
        if part.endswith(_BINARY):
            raise _other("a binary Excel workbook (.xlsb)")
        if part.startswith("word/"):
            raise _other("a Word document (.docx)")
        if part.startswith("ppt/"):
            raise _other("a presentation (.pptx)")
        return part


def _other(name: str) -> InvalidFileError:
    return InvalidFileError(
        f"this is {name}, and no .xlsx or .xlsm; save it as .xlsx and send that", found=name
    )


def _listed(sheets: Sequence[Sheet]) -> str:
    def said(sheet: Sheet) -> Iterator[str]:
        yield repr(sheet.name)
        if not sheet.is_visible:
            yield "(hidden)"

    shown = ", ".join(" ".join(said(sheet)) for sheet in sheets[:_SHOWN_SHEETS])
    more = len(sheets) - _SHOWN_SHEETS
    return f"{shown} and {more} more" if more > 0 else shown or "none"


class _SheetList:
    """The elements of the part that lists sheets."""

    _NAMES = named("workbookPr", "sheet")

    def __init__(self) -> None:
        self.depth = 0
        self.is_1904 = False
        self.found: list[tuple[str, str, str]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take note of a sheet, or of the calendar."""
        self.depth += 1
        short = self._NAMES.get(name)
        if short == "workbookPr":
            self.is_1904 = attributes.get("date1904", "0").lower() in ("1", "true", "on")
        elif short == "sheet":
            relation = next((attributes[key] for key in _RELATION_ID if key in attributes), "")
            state = attributes.get("state", "visible")
            self.found.append((attributes.get("name", ""), state, relation))
        if len(self.found) > MAX_SHEETS:
            raise damaged(f"it has more than {MAX_SHEETS:,} sheets")

    def end(self, _: str) -> None:
        """Take note of an element's end."""
        self.depth -= 1

    def data(self, text: str) -> None:
        """Leave out text: there is none that means anything."""


class _AnyValue:
    """The elements of a worksheet, as far as its first value."""

    _NAMES = named("v", "is", "f")

    def __init__(self) -> None:
        self.depth = 0
        self.is_there = False

    def start(self, name: str, _: dict[str, str]) -> None:
        """Take note of a value."""
        self.depth += 1
        self.is_there = self.is_there or name in self._NAMES

    def end(self, _: str) -> None:
        """Take note of an element's end."""
        self.depth -= 1

    def data(self, text: str) -> None:
        """Leave out text: that there is a value suffices."""
