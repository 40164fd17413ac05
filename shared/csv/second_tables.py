"""A second table far down in a file: a header behind a blank line that detection does not see."""

from collections.abc import Sequence

from shared.csv.blocks import Block
from shared.csv.detection.columns import names_columns, typed_columns
from shared.csv.detection.looks import Look, look
from shared.errors import InvalidFileError

_NAMES = frozenset({Look.WORDS, Look.FLAG})
"""A letter like n or y may be a name."""
_SAMPLED_ROWS = 100
_DETECTED_BYTES = 2**18
"""In so much, detection itself looks for other tables."""
_MAX_LINE_BYTES = 2**14


class SecondTables:
    """What the columns of a file look like at its start, to tell names from values further down."""

    def __init__(self, header: Sequence[Sequence[str]], width: int) -> None:
        self._header = [name.strip() for name in header[-1]] if header else []
        self._width = width
        self._typed: dict[int, Look] | None = None

    def check(self, block: Block) -> None:
        """Look at each line of a block that follows a blank one.

        Raises:
            InvalidFileError: it names columns, so that rows of another table follow it.
        """
        if not self._header or self._width < 2:
            return
        if self._typed is None:
            is_short = block.judge.is_last and len(block.cut.source) < _DETECTED_BYTES
            self._typed = {} if is_short else self._looks(block)
        if not (self._typed and block.has_blank_lines):
            return
        newline = block.judge.syntax.newline
        for blank in (newline * 2, b"\n\r\n") if newline == b"\n" else (newline * 2,):
            at = block.cut.source.find(blank)
            while at >= 0:
                self._check_line(block, at + len(blank))
                at = block.cut.source.find(blank, at + 1)

    def _looks(self, block: Block) -> dict[int, Look]:
        columns = [c.slice(0, _SAMPLED_ROWS).to_pylist() for c in block.cells.columns]
        rows = [[cell or "" for cell in row] for row in zip(*columns, strict=True)]
        return typed_columns(rows, self._width)

    def _check_line(self, block: Block, start: int) -> None:
        source, syntax = block.cut.source, block.judge.syntax
        _, end = syntax.line_end(source, start)
        line = block.cut.source[start : min(end, start + _MAX_LINE_BYTES)].rstrip(b"\r\n")
        is_quoted = block.cut.quotes.index(start) % 2 == 1
        if is_quoted or line.count(syntax.delimiter) + 1 != syntax.width:
            return
        texts = (cell.strip(b" " + syntax.quote) for cell in line.split(syntax.delimiter))
        names = [text.decode(errors="replace") for text in texts][: self._width]
        is_header = all(look(n) in _NAMES for n in names) and names != self._header
        if is_header and names_columns(names, self._typed or {}):
            here = block.place.copy()
            here.advance(source[:start], block.marks)
            raise InvalidFileError(
                f"a second table starts in line {here.line}, with the columns "
                f"{', '.join(names[:8])}; send each table in a file of its own",
                line=here.line,
            )
