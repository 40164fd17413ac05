"""The audit log: append-only objects in a bucket whose retention nobody can shorten.

An object's name holds its number in its table's chain and is created, never replaced: of several
writers that found the same head one wins, and the others look again. Whoever looks reads back to
when the event happened, so an event that is there already is not told twice. That takes two
requests for each event, and the rights to create and to read: none to delete or to replace.
"""

import hashlib
import logging
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from datetime import datetime

from shared.core import naming
from shared.core.audit import SKEW, Event, Head, Link, Seen
from shared.errors import (
    ConflictError,
    IntegrityError,
    RetryableError,
    StorageUnavailableError,
)
from shared.storage import ABSENT, ObjectInfo, Storage
from shared.wire import from_json, to_line

ZONE = "audit"
"""The bucket's name ends in this, as those of the zones do."""

PAGE = 20
"""Events that one request brings; few runs have so many events of their table after them."""

MAX_KNOWN = 8_000
"""So many events of a chain are remembered, so that a look need not go back to them."""

MAX_CONTENDERS = 500
"""Give up after losing so many numbers in a row to other writers."""

MAX_PAUSE_S = 0.5
"""Who lost twice waits, at random up to this long, before the next try."""

READERS = 8
"""Objects that are read at once when a whole chain is."""

log = logging.getLogger(__name__)

_EVENT_FIELDS = tuple(f.name for f in fields(Event))


@dataclass(frozen=True, slots=True)
class _Noted:
    """What a listing tells of an event."""

    event_id: str
    sha256: str
    written_at: datetime


class AuditLog:
    """The chains of events, one for each table and one (``-``) for what concerns none."""

    def __init__(self, storage: Storage, bucket: str) -> None:
        """Contact nothing yet."""
        self._storage = storage
        self._bucket = bucket
        self._known: dict[str, dict[int, _Noted]] = {}
        """By table and number: events that this instance has seen, without a gap."""

    def append(self, event: Event) -> None:
        """Add an event to its table's chain, unless it is there already.

        Raises:
            StorageUnavailableError: the bucket could not be read or written; trying again is safe.
        """
        tried, refusal = 0, None
        for tries in range(MAX_CONTENDERS):
            head, told = self.tail(event.table, event.at)
            if event.event_id in told:
                return
            if refusal and head.sequence < tried:
                raise refusal  # nobody has the number, so this was no lost race
            tried = head.sequence + 1
            try:
                self._create(event, head)
            except ConflictError:
                _pause(tries)
            except StorageUnavailableError as exc:
                refusal = exc  # the answer for a number that is taken, to who may only create
            else:
                return
        raise StorageUnavailableError(
            f"the audit chain of {event.table} grew {MAX_CONTENDERS} times while being added to"
        )

    def tell(self, event: Event) -> None:
        """Add an event that can still be told later from what is recorded; log that it is late."""
        try:
            self.append(event)
        except RetryableError as exc:
            log.warning("audit event is late", extra={"why": exc.message})

    def tail(self, table: str, since: datetime) -> tuple[Head, set[str]]:
        """Return the end of a chain, and the ids of all events since a moment, at least."""
        known, limit, end = self._known.get(table, {}), since - SKEW, 0
        fresh: dict[int, _Noted] = {}
        for info in self._storage.list(self._bucket, naming.audit_prefix(table), page_size=PAGE):
            sequence = naming.audit_sequence(info.name)
            if not sequence:
                continue  # somebody else's object
            end = end or sequence
            if known and end < max(known):
                known = {}  # the end that was known is gone
            if sequence in known and _reaches(known, limit):
                break
            fresh[sequence] = _noted(info)
            if info.created_at < limit:
                break
        is_joined = known and end and (not fresh or min(fresh) <= max(known) + 1)
        noted = {**(known if is_joined else {}), **fresh}
        self._known[table] = _newest(noted)
        if not end:
            return Head(), set()
        told = {each.event_id for each in noted.values()}
        last = noted[end]
        return Head(sequence=end, sha256=last.sha256, written_at=last.written_at), told

    def tables(self) -> list[str]:
        """Return the names of all chains."""
        objects = self._storage.list(self._bucket, naming.AUDIT)
        return sorted({info.name.split("/")[1] for info in objects})

    def chain(self, table: str, limit: int | None = None) -> list[Seen]:
        """Return a chain's events, or its newest so many, the oldest first."""
        infos = []
        for info in self._storage.list(self._bucket, naming.audit_prefix(table), page_size=limit):
            infos.append(info)
            if len(infos) == limit:
                break
        with ThreadPoolExecutor(READERS) as pool:
            return list(pool.map(self._see, reversed(infos)))

    def events(self, table: str, limit: int | None = None) -> Iterator[Link]:
        """Yield the events of a chain that can be read, the oldest first."""
        for seen in self.chain(table, limit):
            if seen.link:
                yield seen.link

    def _create(self, event: Event, head: Head) -> None:
        link = Link(
            **{name: getattr(event, name) for name in _EVENT_FIELDS},
            sequence=head.sequence + 1,
            previous=head.sha256,
            previous_at=head.written_at,
        )
        data = to_line(link)
        self._storage.write(
            self._bucket,
            naming.audit_object(event.table, link.sequence),
            data,
            generation=ABSENT,
            content_type="application/json",
            metadata={"sha256": hashlib.sha256(data).hexdigest(), "event": event.event_id},
        )

    def _see(self, info: ObjectInfo) -> Seen:
        found = self._storage.read(self._bucket, info.name)
        data = found[0] if found else b""
        link: Link | None
        try:
            link = from_json(Link, data, info.name)
        except IntegrityError:
            link = None
        return Seen(
            sequence=naming.audit_sequence(info.name),
            link=link,
            sha256=hashlib.sha256(data).hexdigest(),
            noted_sha256=info.metadata.get("sha256", ""),
            written_at=info.created_at,
        )


def _noted(info: ObjectInfo) -> _Noted:
    return _Noted(
        event_id=info.metadata.get("event", ""),
        sha256=info.metadata.get("sha256", ""),
        written_at=info.created_at,
    )


def _reaches(known: dict[int, _Noted], limit: datetime) -> bool:
    """Say whether all events since a moment are known."""
    first = min(known)
    return first == 1 or known[first].written_at < limit


def _newest(noted: dict[int, _Noted]) -> dict[int, _Noted]:
    if len(noted) <= MAX_KNOWN:
        return noted
    return {number: noted[number] for number in sorted(noted)[-MAX_KNOWN // 2 :]}


def _pause(tries: int) -> None:
    """Let the others go first: the more often a number was lost, the longer."""
    most_s = min(MAX_PAUSE_S, 0.005 * 2**tries) if tries else 0.0
    time.sleep(most_s * secrets.randbelow(1_000) / 1_000)
