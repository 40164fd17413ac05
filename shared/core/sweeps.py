"""What a sweep found and did: one small object, written over by every sweep."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from shared.core import naming
from shared.core.audit import Head
from shared.core.runs import TERMINAL, RunState

VERSION = 1

NAMED = 20
"""A report counts everything, and names so many of each kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """So many things of one kind, the first of them by name."""

    count: int = 0
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleTable:
    """A table with a schedule that moved nothing for longer than from one slot to the next."""

    table: str
    due_since: datetime
    """The slot by which something should have been moved."""
    last_success: datetime | None
    """When its newest run that committed, or had nothing to move, ended; None: there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepReport:
    """The last sweep. Names of runs are ``<table>/<run>``, of objects ``gs://…#<generation>``."""

    version: int = VERSION
    swept_at: datetime
    duration_s: float
    open_runs: int
    nudged: Found
    """Runs that were asked to go on."""
    given_up: Found
    """Runs that were asked as often as allowed, and are failed now."""
    announced: Found
    """Dropped files of which no event told."""
    strays: Found
    """Dropped files that lie in the folder of no table that takes files."""
    dead_letters: Found
    """Dead letters that wait for a decision."""
    stale: tuple[StaleTable, ...]
    deleted: Found
    """Objects of the staging bucket that nothing can use any more."""
    dropped: Found
    """Runs whose staging table in the target was dropped."""
    problems: tuple[str, ...]
    """What could not be looked after this time."""
    collected_at: datetime | None
    """When the last search for orphans was complete."""
    collected_upto: str
    """Where the search for orphans goes on, when one sweep was too short for it."""
    expired: Found = Found()
    """Objects that were older than their table keeps them."""
    held: Found = Found()
    """Objects of tables under legal hold that were given one."""
    released: Found = Found()
    """Objects whose legal hold was taken away."""
    held_tables: tuple[str, ...] = ()
    """Tables under legal hold."""
    retained_at: datetime | None = None
    """When the tables' retention was last looked after, all of it."""
    told: Found = Found()
    """Audit events that nobody had told when they happened."""
    heads: Mapping[str, Head] = field(default_factory=dict)
    """The ends of the audit chains that were looked at, by table."""
    audited_upto: datetime | None = None
    """All that was recorded before has its audit events."""
    asked: Found = Found()
    """Tables that came through the API, whose slot was asked for."""


def is_orphan(
    name: str, state: RunState | None, parts: frozenset[str] | None, *, is_wanted: bool
) -> bool:
    """Say whether an old object of a run in the staging bucket can never be used again.

    Args:
        name: the object's.
        state: its run's; None when there is no record, which proves nothing.
        parts: what the run's manifest names; None when there is no manifest.
        is_wanted: a dead letter of the run is open, so a replay may need the object.
    """
    if name.startswith(naming.PARTS) and parts is not None:
        return name not in parts
    return state is not None and state in TERMINAL and not is_wanted
