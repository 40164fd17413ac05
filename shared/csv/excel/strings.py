"""The texts that cells of a workbook share, each as a CSV field, in little memory."""

from array import array

from shared.csv.excel.faults import damaged
from shared.csv.excel.package import Package
from shared.csv.excel.writing import text_field, unescaped
from shared.csv.excel.xml import named, parsed
from shared.errors import InvalidFileError

MAX_STRINGS_BYTES = 256 * 2**20
"""Of all shared texts, with eight bytes for the place of each."""

MAX_CELL_CHARACTERS = 2**20
"""Excel ends at 32,767. Source: Microsoft, "Excel specifications and limits"."""


class SharedStrings:
    """Texts by their numbers; the content of all is one piece of memory."""

    _NAMES = named("si", "t", "rPh")

    def __init__(self) -> None:
        self.depth = 0
        self._content = bytearray()
        self._ends = array("q", [0])
        self._parts: list[str] = []
        self._characters = 0
        self._is_text = self._is_phonetic = False

    @classmethod
    def of(cls, package: Package, part: str) -> "SharedStrings":
        """Read a part that lists texts.

        Raises:
            InvalidFileError: it is damaged, or there are more than fit into memory.
        """
        strings = cls()
        for _ in parsed(package.pieces(part), strings, part):
            strings.require_bounds()
        return strings

    def __getitem__(self, number: int) -> bytes:
        if not 0 <= number < len(self._ends) - 1:
            raise damaged(f"a cell has text {number} of {len(self._ends) - 1}")
        return bytes(self._content[self._ends[number] : self._ends[number + 1]])

    def require_bounds(self) -> None:
        """Make sure that the texts fit into memory.

        Raises:
            InvalidFileError: they do not.
        """
        if len(self._content) + 8 * len(self._ends) > MAX_STRINGS_BYTES:
            raise InvalidFileError(
                f"the texts of the workbook have more than {MAX_STRINGS_BYTES:,} bytes; export the "
                "worksheet as CSV, and send that to a table of kind csv"
            )
        if self._characters > MAX_CELL_CHARACTERS:
            raise damaged(f"a text has more than {MAX_CELL_CHARACTERS:,} characters")

    def start(self, name: str, _: dict[str, str]) -> None:
        """Take note of an element's begin."""
        self.depth += 1
        short = self._NAMES.get(name)
        if short == "si":
            self._parts, self._characters = [], 0
        elif short == "t":
            self._is_text = not self._is_phonetic
        elif short == "rPh":
            self._is_phonetic = True

    def end(self, name: str) -> None:
        """Take note of an element's end."""
        self.depth -= 1
        short = self._NAMES.get(name)
        if short == "si":
            self._content += text_field(unescaped("".join(self._parts)))
            self._ends.append(len(self._content))
        elif short == "t":
            self._is_text = False
        elif short == "rPh":
            self._is_phonetic = False

    def data(self, text: str) -> None:
        """Take note of text; how it is pronounced is no part of it."""
        if self._is_text:
            self._parts.append(text)
            self._characters += len(text)
