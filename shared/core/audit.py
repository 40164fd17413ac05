"""The audit log's records, and what is wrong with a chain of them.

Every event is one object that is written once. The events of a table make a chain: each names the
SHA-256 of the bytes of the one before it, so none can be altered, taken out or moved unnoticed.
What no chain shows by itself is that its newest events are gone: anchors and the ledger show that.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Literal

from shared.core import naming
from shared.errors import InvalidMessageError

VERSION: Literal[1] = 1

MAX_TEXT = 1_000
"""Characters of ``why`` and ``by``."""

SKEW = timedelta(minutes=1)
"""The clocks of a function and of Cloud Storage differ by less."""

TOLD_WITHIN = timedelta(hours=1)
"""What nobody told when it happened, the sweep has told after so long."""

MIN_KEPT = timedelta(days=30)
"""Nothing younger is ever deleted by age. Source: terraform/audit.tf, the rule that deletes."""

_KIND = re.compile(r"[a-z_]+\.[a-z_]+")
_EVENT_ID = re.compile(r"[\x21-\x7e]{1,300}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened, and who did it.

    ``event_id`` is derived from what happened, never random: telling twice of the same is noticed
    by it. ``detail`` and ``receipt`` are JSON as text, because their keys differ by kind and
    release, and a SQL table over the log has fixed columns.

    Raises:
        InvalidMessageError: the table, kind or id can be none.
    """

    table: str
    """``-`` for what concerns no single table."""
    event_id: str
    kind: str
    """``<what>.<became of it>``, as in ``run.committed``."""
    at: datetime
    """When it happened; when it was written down is the object's own time."""
    by: str
    """The person or account, or ``scheduler``, ``file drop``, ``sweep``."""
    run_id: str = ""
    action: str = ""
    """Of a run: load, backfill or rewind."""
    why: str = ""
    receipt: str = ""
    detail: str = "{}"

    def __post_init__(self) -> None:
        """Refuse what could not be found again."""
        is_table = self.table == naming.NO_TABLE or naming.TABLE_NAME.fullmatch(self.table)
        if not (is_table and _KIND.fullmatch(self.kind) and _EVENT_ID.fullmatch(self.event_id)):
            raise InvalidMessageError(
                f"no audit event: table {self.table!r}, kind {self.kind!r}, id {self.event_id!r}; "
                "a kind is like run.committed, an id is 1 to 300 visible ASCII characters"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Link(Event):
    """An event in its place in the chain, as it is stored."""

    version: Literal[1] = VERSION
    sequence: int
    """From 1 on, without a gap."""
    previous: str
    """SHA-256, in hex, of the object before; empty for the first."""
    previous_at: datetime | None
    """When the object before was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The end of a chain; number 0 is before the first."""

    sequence: int = 0
    sha256: str = ""
    written_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One object of a chain, as it was found."""

    sequence: int
    """Its number by its name."""
    link: Link | None
    """None when it cannot be read as one."""
    sha256: str
    """Of its bytes."""
    noted_sha256: str
    """What its writer noted beside it."""
    written_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """The head of a chain as another chain remembers it."""

    sequence: int
    sha256: str
    at: datetime


class Flaw(StrEnum):
    """The closed set of what can be wrong with a chain."""

    EDITED = "edited"
    GAP = "gap"
    REORDERED = "reordered"
    DOUBLED = "doubled"
    CUT_OFF = "cut off"
    UNTOLD = "untold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong with a chain."""

    table: str
    flaw: Flaw
    sequence: int
    """Where; 0 for an event that has no place in the chain."""
    what: str


def findings(
    table: str, seen: Sequence[Seen], *, anchors: Iterable[Anchor] = (), now: datetime
) -> Iterator[Finding]:
    """Yield what is wrong with a table's chain.

    Args:
        table: whose chain.
        seen: its objects by number.
        anchors: its head at earlier times.
        now: the time, since what is old enough may have been deleted by age.
    """
    for flaw, sequence, what in (
        *_beginning(seen, now),
        *_objects(table, seen),
        *_neighbours(seen),
        *_repeats(seen),
        *_anchored(seen, anchors),
    ):
        yield Finding(table=table, flaw=flaw, sequence=sequence, what=what)


def untold(
    table: str, expected: Mapping[str, datetime], seen: Sequence[Seen], now: datetime
) -> Iterator[Finding]:
    """Yield the events that must be in a chain and are not.

    Args:
        table: whose chain.
        expected: when what the ledger records happened, by event id.
        seen: the chain's objects.
        now: the time; an event may be that much younger than what the sweep has completed.
    """
    told = {each.link.event_id for each in seen if each.link}
    for event_id, at in expected.items():
        if event_id not in told and TOLD_WITHIN <= now - at < MIN_KEPT:
            what = f"the ledger says {event_id} at {at:%Y-%m-%d %H:%M:%S} UTC; no event tells of it"
            yield Finding(table=table, flaw=Flaw.UNTOLD, sequence=0, what=what)


_Flaws = Iterator[tuple[Flaw, int, str]]


def _beginning(seen: Sequence[Seen], now: datetime) -> _Flaws:
    """A chain begins with 1, unless what came before was old enough to be deleted by age."""
    if not seen or seen[0].sequence == 1:
        return
    first = seen[0]
    known_at = first.link.previous_at if first.link else None
    if known_at is None or now - known_at < MIN_KEPT:
        yield Flaw.GAP, 1, f"numbers 1 to {first.sequence - 1} are missing"


def _objects(table: str, seen: Sequence[Seen]) -> _Flaws:
    for each in seen:
        if each.link is None:
            yield Flaw.EDITED, each.sequence, "the object is not an event any more"
        elif (each.link.table, each.link.sequence) != (table, each.sequence):
            place = f"number {each.link.sequence} of {each.link.table}"
            yield Flaw.REORDERED, each.sequence, f"the object was written as {place}"
        elif each.sha256 != each.noted_sha256:
            yield Flaw.EDITED, each.sequence, "its bytes are not those that its writer hashed"


def _neighbours(seen: Sequence[Seen]) -> _Flaws:
    for before, this in pairwise(seen):
        if this.sequence != before.sequence + 1:
            missing = f"{before.sequence + 1} to {this.sequence - 1}"
            yield Flaw.GAP, before.sequence + 1, f"numbers {missing} are missing"
        elif this.link and this.link.previous != before.sha256:
            what = f"number {this.sequence} was chained to other bytes than these"
            yield Flaw.EDITED, before.sequence, what
        if this.written_at < before.written_at:
            what = f"it was written again, after number {this.sequence}"
            yield Flaw.EDITED, before.sequence, what


def _repeats(seen: Sequence[Seen]) -> _Flaws:
    told: dict[str, int] = {}
    for each in seen:
        if each.link is None:
            continue
        first = told.setdefault(each.link.event_id, each.sequence)
        if first != each.sequence:
            what = f"{each.link.event_id} was told as number {first} already"
            yield Flaw.DOUBLED, each.sequence, what


def _anchored(seen: Sequence[Seen], anchors: Iterable[Anchor]) -> _Flaws:
    by_number = {each.sequence: each for each in seen}
    first, last = (seen[0].sequence, seen[-1].sequence) if seen else (1, 0)
    for anchor in anchors:
        known = f"an anchor of {anchor.at:%Y-%m-%d %H:%M} UTC"
        found = by_number.get(anchor.sequence)
        if anchor.sequence > last:
            what = f"numbers {last + 1} to {anchor.sequence} are missing: {known} knew them"
            yield Flaw.CUT_OFF, last + 1, what
        elif found and found.sha256 != anchor.sha256:
            yield Flaw.EDITED, anchor.sequence, f"{known} knew other bytes"
        elif not found and anchor.sequence > first:
            yield Flaw.GAP, anchor.sequence, f"it is missing: {known} knew it"
