"""Columns of text to typed columns: all cells at once, and singly those that need it.

Three tries, each agreeing with ``parse_cell`` to the letter: the whole column as it is; the column
with blanks and other harmless ways of writing normalized; then those cells that surely convert, and
one by one the rest, of which a file has few, or few different ones.
"""

from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from shared.core.schemas import Kind
from shared.csv.cells import BadCellError, CellRule, Value, parse_cell
from shared.csv.normalizing import normalized, with_iso_writing
from shared.csv.quickcasts import quick, surely_quick
from shared.csv.table import content_bytes
from shared.stage.arrow import arrow_type

_REMEMBERED = 2**16
_REMEMBERED_CHARACTERS = 100
"""Longer cells hardly repeat, and so many of them would be the whole file in memory."""


@dataclass(slots=True)
class Converted:
    """A typed column, NULL where a cell failed, and why those failed, by row."""

    values: pa.Array
    failures: dict[int, BadCellError] = field(default_factory=dict)


@dataclass(slots=True)
class Converter:
    """Converts one column, block by block, remembering the cells that took long."""

    rule: CellRule
    _known: dict[str, Value | BadCellError] = field(default_factory=dict)

    def convert(self, cells: pa.Array) -> Converted:
        """Convert cells; what is NULL stays NULL, and the caller must judge it.

        Cells that are no texts have the column's type already.
        """
        if cells.type != pa.string():
            return Converted(cells)
        if self.rule.type.kind is Kind.TEXT:
            return self._text(cells)
        cells = _without_empty(cells)
        if cells.null_count == len(cells):
            return Converted(pa.nulls(len(cells), arrow_type(self.rule.type)))
        plain, is_regular = with_iso_writing(cells, self.rule)
        values = quick(plain, self.rule) if is_regular is None else None
        if values is not None:
            return Converted(values)
        plain = normalized(plain, self.rule)
        values = quick(plain, self.rule) if is_regular is None else None
        return self._by_parts(cells, plain, is_regular) if values is None else Converted(values)

    def _text(self, cells: pa.Array) -> Converted:
        if b"\0" not in content_bytes(cells):
            return Converted(cells)
        has_nul = pc.fill_null(pc.match_substring(cells, "\0"), fill_value=False)
        return self._singly(cells, has_nul, cells)

    def _by_parts(self, cells: pa.Array, plain: pa.Array, is_regular: pa.Array | None) -> Converted:
        sure = surely_quick(plain, self.rule)
        if is_regular is not None:
            sure = pc.and_(sure, is_regular)
        sure = pc.fill_null(sure, fill_value=False)
        values = pa.nulls(len(cells), arrow_type(self.rule.type))
        converted = quick(plain.filter(sure), self.rule)
        if converted is None:
            return self._singly(cells, pc.is_valid(cells), values)
        values = pc.replace_with_mask(values, sure, converted)
        return self._singly(cells, pc.and_not(pc.is_valid(cells), sure), values)

    def _singly(self, cells: pa.Array, chosen: pa.Array, values: pa.Array) -> Converted:
        """Convert chosen cells one by one, and put them among the others' values."""
        rows = pc.indices_nonzero(chosen).to_pylist()
        found = Converted(values)
        parsed: list[Value] = []
        for row, text in zip(rows, cells.filter(chosen).to_pylist(), strict=True):
            value = self._remembered(text)
            if isinstance(value, BadCellError):
                found.failures[row] = value
                value = None
            parsed.append(value)
        replacements = pa.array(parsed, arrow_type(self.rule.type))
        found.values = pc.replace_with_mask(values, chosen, replacements)
        return found

    def _remembered(self, text: str) -> Value | BadCellError:
        if len(text) > _REMEMBERED_CHARACTERS:
            return self._parsed(text)
        if text not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[text] = self._parsed(text)
        return self._known[text]

    def _parsed(self, text: str) -> Value | BadCellError:
        try:
            return parse_cell(text, self.rule)
        except BadCellError as exc:
            # A traceback, that of what it came from included, would keep the whole block alive.
            return BadCellError(exc.rule, exc.reason)


def _without_empty(cells: pa.Array) -> pa.Array:
    """Make quoted empty cells NULL, for a type whose values are never empty."""
    lengths = pc.binary_length(cells)
    if pc.min(lengths).as_py() != 0:
        return cells
    return pc.if_else(pc.equal(lengths, 0), pa.scalar(None, pa.string()), cells)
