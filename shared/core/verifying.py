"""What a comparison of a table's two ends found: facts of columns that differ, and rows by key."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from shared.core.receipts import Difference, Point, Verdict


class Fault(StrEnum):
    """What is wrong with a row."""

    MISSING = "missing"
    """The source has it, the target does not."""
    EXTRA = "extra"
    """The target has it, the source does not."""
    CHANGED = "changed"
    """Both have it, with other values."""
    DOUBLED = "doubled"
    """The target has it more often than the source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFault:
    """One row that is not the same at both ends; ``columns`` are those whose values differ.

    ``key`` has the values of the table's key, or of all columns where there is none.
    """

    fault: Fault
    key: dict[str, Any]
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The outcome. ``rows`` may be the first of many: ``are_all`` says whether they are all."""

    table: str
    compared_with: str
    """What the target was compared with, for people."""
    is_full: bool
    source: Point
    target: Point
    verdict: Verdict
    reason: str = ""
    differences: tuple[Difference, ...] = ()
    rows: tuple[RowFault, ...] = ()
    are_all: bool = True
    left_out: dict[str, str] = field(default_factory=dict)
