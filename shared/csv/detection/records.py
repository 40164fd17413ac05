"""The records of a text as one style cuts it, counted without blank and comment lines."""

from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property

from shared.csv.detection.shapes import Shape

BODY_RECORDS = 120
"""How many records are looked at to know the rest."""


@dataclass(frozen=True)
class Records:
    """The records of a text as one style cuts it, without blank lines."""

    cut: Shape
    comment: str | None
    lines_before: int = 0
    """Physical lines that were taken off the text before it was cut."""

    @cached_property
    def indices(self) -> list[int]:
        """Return the places of the records among the lines of the shape."""
        mark = self.comment
        return [
            i
            for i, (line, width) in enumerate(zip(self.cut.lines, self.cut.widths, strict=True))
            if width and not (mark and line.startswith(mark))
        ]

    @cached_property
    def widths(self) -> list[int]:
        """Return how many fields each record has."""
        return [self.cut.widths[i] for i in self.indices]

    @cached_property
    def width(self) -> int:
        """Return how many fields most records have."""
        return self.cut.modal_width()[0]

    @cached_property
    def modal(self) -> list[int]:
        """Return the numbers of the records that have that many."""
        return [n for n, width in enumerate(self.widths) if width == self.width]

    def cells(self, number: int) -> list[str]:
        """Return the cells of a record."""
        return self.cut.cells(self.indices[number])

    def filled(self, number: int) -> int:
        """Return how many cells of a record are not blank."""
        return sum(bool(cell.strip()) for cell in self.cells(number))

    def line(self, number: int) -> int:
        """Return the physical line in which a record starts."""
        return self.cut.first_lines[self.indices[number]] + self.lines_before

    def has_blank_before(self, number: int) -> bool:
        """Whether a blank line stands before a record."""
        return number > 0 and self.indices[number] - self.indices[number - 1] > 1

    def sample(self, start: int) -> list[list[str]]:
        """Return the cells of the first records of the usual width from one on."""
        first = bisect_left(self.modal, start)
        return [self.cells(n) for n in self.modal[first : first + BODY_RECORDS]]
