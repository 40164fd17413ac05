"""What cells of files become, by the type of their column: their part of the type table."""

from typing import Final

from shared.core.fidelity import Cell
from shared.core.schemas import Kind

SOURCE: Final[dict[Kind, Cell]] = {
    Kind.BOOL: Cell(type="true or false"),
    Kind.INT64: Cell(type="whole number"),
    Kind.DECIMAL: Cell(type="number", note="a cell with more digits than the column is rejected"),
    Kind.FLOAT64: Cell(
        type="number",
        note="found in a file only where every number prints back as it was written; else `text`",
    ),
    Kind.TEXT: Cell(type="text"),
    Kind.BINARY: Cell(type="hexadecimal digits"),
    Kind.DATE: Cell(type="date"),
    Kind.TIME: Cell(type="time"),
    Kind.TIMESTAMP: Cell(type="date and time"),
    Kind.TIMESTAMPTZ: Cell(
        type="date, time and offset",
        note="the moment is kept, in UTC; the offset that it was written with is not part of it",
    ),
    Kind.JSON: Cell(type="JSON"),
}
"""A cell that its column's type would alter is rejected, with line and reason."""
