"""What the columns below a header look like, and which cells are names or values of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from shared.csv.detection.looks import TYPED, Look, look, main_look

Row = Sequence[str]

BODY_ROWS = 100
"""How many rows are looked at."""

_SURE = TYPED | {Look.FLAG}
_MOST = 0.8
_PAIRS = ({"true", "false"}, {"yes", "no"}, {"y", "n"}, {"t", "f"})


@dataclass(frozen=True)
class Column:
    """The cells of one column, what most of them look like, and the share of those."""

    cells: list[str]
    look: Look
    share: float

    @property
    def is_typed(self) -> bool:
        """Whether nearly all cells look like one type."""
        return self.look in _SURE and self.share >= _MOST

    @cached_property
    def words(self) -> frozenset[str]:
        """The words that mean yes and no here, with those that go with them."""
        words = {cell.strip().casefold() for cell in self.cells}
        return frozenset().union(*(pair for pair in _PAIRS if pair & words))

    def has_value(self, cell: str) -> bool:
        """Whether a cell is a value; y and n are, only where the column has such."""
        found = look(cell)
        return found in TYPED or (found is Look.FLAG and cell.strip().casefold() in self.words)

    def has_name(self, cell: str) -> bool:
        """Whether a cell may name this column, if it is typed."""
        found = look(cell)
        return found in (Look.WORDS, Look.OTHER) or (
            found is Look.FLAG and not (self.look is Look.FLAG and self.has_value(cell))
        )


def columns_of(body: Sequence[Row], width: int) -> list[Column]:
    """Return the columns of some rows."""
    columns = []
    for place in range(width):
        cells = [row[place] for row in body if place < len(row)]
        found, part = main_look(cells)
        columns.append(Column(cells, found or Look.EMPTY, part))
    return columns


def typed_columns(rows: Sequence[Row], width: int) -> dict[int, Look]:
    """Return the columns whose cells nearly all look like one type, and that look."""
    columns = columns_of(rows[:BODY_ROWS], width)
    return {j: column.look for j, column in enumerate(columns) if column.is_typed}


def names_columns(row: Row, typed: dict[int, Look]) -> bool:
    """Whether a row within a table has names where its columns have values of a type."""
    cells = [(row[j], found) for j, found in typed.items() if j < len(row)]
    return len(cells) > 0 and all(_is_name(cell, found) for cell, found in cells)


def _is_name(cell: str, column: Look) -> bool:
    found = look(cell)
    return found in (Look.WORDS, Look.OTHER) or (found is Look.FLAG and column is not Look.FLAG)
