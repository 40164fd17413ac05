"""Bringing a table to a run's rows by key: what an engine is told, and what it says it will do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.core.schemas import Column
from shared.targets.relational.statements import Casts


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """Rows that are staged, and the table that they go to. Names of tables are qualified."""

    table: str
    staging: str
    scratch: str
    """Name for a table that the engine may make, and drop, in the same transaction."""
    columns: Sequence[Column]
    """The run's."""
    key: Sequence[str]
    """Names of the columns that identify a row; not empty."""
    casts: Casts
    marker: str | None
    """The column that marks rows as deleted."""
    is_whole: bool
    """The run has every row: what is not staged goes."""

    @property
    def others(self) -> list[Column]:
        """The columns that are no part of the key."""
        return [c for c in self.columns if c.name not in self.key]


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeStatements:
    """What does it, in this order. The rows that are deleted, updated and inserted count."""

    compare: tuple[str, ...]
    """What finds the differences first; empty where the others look for themselves."""
    delete: str | None
    """None unless the run is whole. Where rows are marked instead, the moment is bound."""
    update: str | None
    """None when nothing can differ."""
    insert: str
    tidy: str | None
    """What drops what ``compare`` made."""


class Merging(Protocol):
    """How an engine merges."""

    def statements(self, merge: Merge) -> MergeStatements:
        """Return the statements. Pure: names in, text out."""
