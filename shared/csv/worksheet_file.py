"""The text of a worksheet while it is read: which columns hold texts is known from their quotes."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pyarrow.compute as pc

from shared.csv.blocks import Block
from shared.csv.files import CsvFile
from shared.csv.table import Form, read_cells

_MARK = b"\x01"
_WORD = re.compile(rb'(?:\A|(?<=[,\n]))"(?=[-0-9tfTF])')
r"""The quote before a text that could be read as a number, a boolean or a moment.

Worksheets have texts of that kind in quotes, and nothing else bare. The quote that ends a cell is
not followed by any of these characters, and one within a cell is followed by its double.
"""


class WorksheetFile(CsvFile):
    """A worksheet's text whose blocks say which columns hold texts: ``"7"`` is no number."""

    def blocks(self) -> Iterator[Block]:
        """Yield the records, each in exactly one block, in order."""
        for block in super().blocks():
            forms = _forms(block)
            yield replace(block, cells=replace(block.cells, forms=forms)) if forms else block


def _forms(block: Block) -> tuple[Form, ...]:
    """Return the form of each column; nothing: no cell is such a text."""
    text, words = _WORD.subn(b'"' + _MARK, block.cut.text)
    if not words:
        return ()
    marked = read_cells(text, block.judge.syntax, block.marks, ())
    starts = (pc.any(pc.starts_with(column, _MARK.decode())) for column in marked.columns)
    return tuple(Form.WORDS if any_.as_py() else Form.BARE for any_ in starts)
