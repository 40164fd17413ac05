"""Schema drift: what a table may do when its source's columns are not what they were.

A difference is found by name, never by position. Nothing is guessed: a column that was renamed is
one that is gone and one that is new, and the message says that they look alike.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.core.schemas import Column, TableSchema

RESCUED = "_rescued"
"""The JSON column in which ``rescue`` keeps what the table has no place for."""


class Policy(StrEnum):
    """What happens when source and target differ (``drift``)."""

    EVOLVE = "evolve"
    """The table gets new columns, and wider types; what is gone stays with what it had."""
    FREEZE = "freeze"
    """The run is refused, with the difference and what mends it."""
    RESCUE = "rescue"
    """The table stays as it is; new columns, and those of another type, go into ``_rescued``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastSchema:
    """The columns of a source from one run on, and how they differ from those before."""

    schema: TableSchema
    run_id: str
    epoch: int
    changes: tuple[str, ...]
    recorded_at: datetime


def changes(before: TableSchema | None, after: TableSchema) -> tuple[str, ...]:
    """Say in words how one schema differs from an earlier one; nothing if it does not."""
    if before is None:
        return ()
    old = {c.name: c for c in before}
    new = {c.name: c for c in after}
    gone = [c for c in before if c.name not in new]
    added = [c for c in after if c.name not in old]
    kept = [(old[c.name], c) for c in after if c.name in old]
    keys = {*before.primary_key} & {*after.primary_key}  # never NULL, whoever says so
    found = [f"{c.name} is new ({c.type})" for c in added]
    found += [f"{c.name} is gone ({c.type})" for c in gone]
    found += renames(gone, added)
    found += [f"{a.name} was {a.type}, is {b.type}" for a, b in kept if a.type != b.type]
    found += [
        f"{a.name} may {'now' if b.is_nullable else 'no longer'} be NULL"
        for a, b in kept
        if a.is_nullable != b.is_nullable and a.name not in keys
    ]
    if before.primary_key != after.primary_key:
        found.append(f"the key was ({_list(before)}), is ({_list(after)})")
    if not (gone or added) and before.names != after.names:
        found.append(f"the order of the columns is {', '.join(after.names)}")
    return tuple(found)


def renames(gone: list[Column], added: list[Column]) -> list[str]:
    """Say which columns may be the same under another name: alike in type, and the only ones."""
    return [
        f"{a.name} may be {g.name} under another name"
        for g in gone
        for a in added
        if a.type == g.type
        and sum(x.type == a.type for x in added) == 1
        and sum(x.type == g.type for x in gone) == 1
    ]


def _list(schema: TableSchema) -> str:
    return ", ".join(schema.primary_key)
