"""Fixed width: each line is one record, each field stands between two columns of characters.

Positions come from the table file, for nothing in such a file says where a field ends. Blanks that
fill up a field are no part of its value; a field of blanks is NULL.
"""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from shared.core.schemas import TableSchema
from shared.csv.blocks import Fault
from shared.csv.dialect import Dialect
from shared.csv.files import BLOCK_BYTES
from shared.csv.header import positions
from shared.csv.lines import LineBlock, LineFile, Lines
from shared.csv.table import Cells


class FixedWidthFile(LineFile):
    """A file of fixed width while it is read; its columns are those of ``Dialect.positions``.

    Blanks before a value stay with it, for they may belong to a text; without a schema, where types
    are looked for, they do not, for numbers stand at the end of their fields.
    """

    def __init__(
        self,
        chunks: Iterable[bytes],
        dialect: Dialect,
        *,
        schema: TableSchema | None = None,
        block_bytes: int = BLOCK_BYTES,
    ) -> None:
        super().__init__(chunks, dialect, block_bytes=block_bytes)
        self._trimmed = pc.utf8_trim if schema is None else pc.utf8_rtrim

    @property
    def names(self) -> list[str]:
        """What the fields are called."""
        return [name for name, _, _ in self.dialect.positions]

    def places(self, schema: TableSchema) -> list[int]:
        """Return where each column of a table is among the fields.

        Raises:
            InvalidFileError: the positions name other columns.
        """
        return positions(self.names, schema)

    def _block(self, source: bytes, lines: Lines, faults: list[Fault]) -> LineBlock:
        texts, bad = _decoded(lines)
        lengths = pc.utf8_length(texts)
        least = max(end or start - 1 for _, start, end in self.dialect.positions)
        for row in pc.indices_nonzero(pc.less(lengths, least)).to_pylist():
            bad.setdefault(row, f"{lengths[row]} characters where the fields need {least}")
        for row in self._overhanging(texts, lengths, least):
            bad.setdefault(row, f"there is text behind character {least}, the last of any field")
        for row, reason in bad.items():
            rule = "undecodable_bytes" if texts[row].as_py() is None else "wrong_width"
            faults.append(Fault(lines.starts[row], lines.ends[row], None, rule, reason))
        kept = lines.without(bad)
        texts = pa.array([c.decode() for c in kept.contents], pa.string()) if bad else texts
        columns = [self._field(texts, start, end) for _, start, end in self.dialect.positions]
        cells = Cells(columns, len(kept.contents), [])
        return LineBlock(source, self._place.copy(), cells, faults, (kept.starts, kept.ends))

    def _overhanging(self, texts: pa.Array, lengths: pa.Array, least: int) -> list[int]:
        """Return the lines that go on behind the last field."""
        if any(end is None for _, _, end in self.dialect.positions):
            return []
        longer = pc.fill_null(pc.greater(lengths, least), fill_value=False)
        if not pc.any(longer).as_py():
            return []
        rest = pc.utf8_trim(pc.utf8_slice_codeunits(texts, least), " ")
        found: list[int] = pc.indices_nonzero(pc.greater(pc.utf8_length(rest), 0)).to_pylist()
        return found

    def _field(self, texts: pa.Array, start: int, end: int | None) -> pa.Array:
        cells = self._trimmed(pc.utf8_slice_codeunits(texts, start - 1, end), " ")
        markers = pa.array(self.dialect.null_markers, pa.string())
        is_null = pc.or_(pc.is_in(cells, markers), pc.equal(pc.binary_length(cells), 0))
        return pc.if_else(is_null, pa.scalar(None, pa.string()), cells)


def _decoded(lines: Lines) -> tuple[pa.Array, dict[int, str]]:
    """Return the lines as texts, NULL where there is none, and why."""
    texts: list[str | None] = []
    bad: dict[int, str] = {}
    for row, content in enumerate(lines.contents):
        try:
            texts.append(content.decode())
        except UnicodeDecodeError:
            texts.append(None)
            bad[row] = "it has bytes that are no text in the file's encoding"
    return pa.array(texts, pa.string()), bad
