"""What a run that ended moved and took, as the few numbers that its record's listing carries.

Whoever counts many runs needs only a listing then, and reads none of their records.
"""

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Self

from shared.core import costs
from shared.core.costs import Cost
from shared.core.runs import Run

READING = ("extract", "ingest")
"""Steps that stage rows."""

VERSION = "1"
"""The text form begins with it; one of another release counts as none."""


KEPT = 20_000
"""So many texts are not parsed again: a page counts the same month of runs every few seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What a run moved, and what it took."""

    rows_loaded: int
    rows_rejected: int
    bytes_staged: int
    worked_s: float
    cost: Cost

    @classmethod
    def of(cls, run: Run) -> Self:
        """Return what a run moved and took so far."""
        receipt = run.receipt
        return cls(
            rows_loaded=receipt.rows_loaded if receipt else 0,
            rows_rejected=receipt.rows_rejected if receipt else 0,
            bytes_staged=bytes_staged(run) or 0,
            worked_s=worked_s(run),
            cost=costs.of(run),
        )

    @classmethod
    @lru_cache(maxsize=KEPT)
    def parse(cls, text: str) -> Self | None:
        """Return what a text says that ``str`` made; None for any other."""
        version, *numbers = text.split()
        if version != VERSION or len(numbers) != len(_MOVED) + len(_TAKEN):
            return None
        try:
            moved = dict(zip(_MOVED, map(_number, numbers), strict=False))
            taken = dict(zip(_TAKEN, map(_number, numbers[len(_MOVED) :]), strict=True))
        except ValueError:
            return None
        return cls(**moved, cost=Cost(**taken))  # type: ignore[arg-type]

    def __str__(self) -> str:
        """Return the numbers in the order of the fields."""
        moved = [getattr(self, name) for name in _MOVED]
        taken = [getattr(self.cost, name) for name in _TAKEN]
        return " ".join([VERSION, *(str(round(number, 3)) for number in (*moved, *taken))])


_MOVED = ("rows_loaded", "rows_rejected", "bytes_staged", "worked_s")
_TAKEN = tuple(field.name for field in fields(Cost))


def bytes_staged(run: Run) -> int | None:
    """Return the bytes that a run staged; None: it has not."""
    return next((run.steps[name].bytes for name in READING if name in run.steps), None)


def worked_s(run: Run) -> float:
    """Return the seconds that the functions worked on a run."""
    return sum(step.duration_s for step in run.steps.values())


def _number(text: str) -> float:
    return float(text) if "." in text or "e" in text else int(text)
