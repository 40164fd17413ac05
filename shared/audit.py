"""The audit log: append-only objects in a bucket whose retention nobody can shorten.

An object's name holds its number in its table's chain and is created, never replaced: of several
writers that found the same head one wins, and the others look again. Whoever looks reads back to
when the event happened, so an event that is there already is not told twice. That takes two
requests for each event, and the rights to create and to read: none to delete or to replace.
"""

import hashlib
import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
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

BUCKET = "audit"
"""Which of the buckets of ``shared.settings`` has the chains."""

PAGE = 20
"""Events that one request brings; few runs have so many events of their table after them."""

MAX_KNOWN = 8_000
"""So many events of a chain are remembered, so that a look need not go back to them; more only as
long as they are younger than what is told."""

MAX_CONTENDERS = 500
"""Give up after losing so many numbers in a row to other writers."""

MIN_PAUSE_S, MAX_PAUSE_S = 0.01, 0.5
"""Who lost waits before the next try, at random up to twice as long as last time, between these;
who won halves it. So of many writers one goes on and the others do not get in its way."""

READERS = 8
"""Objects that are read at once when a whole chain is."""

log = logging.getLogger(__name__)

_EVENT_FIELDS = tuple(f.name for f in fields(Event))


@dataclass(frozen=True, slots=True)
class _Noted:
    """What a listing tells of an event."""

    sequence: int
    event_id: str
    sha256: str
    written_at: datetime


class _End:
    """The end of a chain as this instance has seen it: events without a gap."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._noted: deque[_Noted] = deque()
        self._numbers: dict[str, int] = {}
        self._pause_s = 0.0

    @property
    def head(self) -> Head:
        """The newest event."""
        if not self._noted:
            return Head()
        last = self._noted[-1]
        return Head(sequence=last.sequence, sha256=last.sha256, written_at=last.written_at)

    @property
    def event_ids(self) -> set[str]:
        """The ids of all events that were seen and are remembered."""
        return set(self._numbers)

    def has(self, event_id: str) -> bool:
        """Say whether an event is among those remembered."""
        return event_id in self._numbers

    def suffices(self, sequence: int, limit: datetime) -> bool:
        """Say whether all events from this one back to a moment are remembered."""
        if not self._noted or not self._noted[0].sequence <= sequence <= self.head.sequence:
            return False
        first = self._noted[0]
        return first.sequence == 1 or first.written_at < limit

    def take(self, fresh: Sequence[_Noted], limit: datetime) -> None:
        """Remember what a listing showed, the newest first, and forget what nobody will ask for."""
        if fresh and fresh[-1].sequence > self.head.sequence + 1:
            self.forget()
        for each in reversed(fresh):
            if each.sequence > self.head.sequence:
                self._noted.append(each)
            self._numbers[each.event_id] = each.sequence
        older = [each for each in fresh if each.sequence < self._noted[0].sequence]
        self._noted.extendleft(older)
        if len(self._noted) > MAX_KNOWN:
            while len(self._noted) > MAX_KNOWN // 2 and self._noted[1].written_at < limit:
                old = self._noted.popleft()
                if self._numbers.get(old.event_id) == old.sequence:
                    del self._numbers[old.event_id]

    def forget(self) -> None:
        """Begin anew."""
        self._noted.clear()
        self._numbers.clear()

    def won(self) -> None:
        """Note that a number was free."""
        self._pause_s /= 2

    def lost(self) -> None:
        """Let the others go first: the more often a number was lost, the longer."""
        self._pause_s = min(MAX_PAUSE_S, max(MIN_PAUSE_S, 2 * self._pause_s))
        time.sleep(self._pause_s * secrets.randbelow(1_000) / 1_000)


class AuditLog:
    """The chains of events, one for each table and one (``-``) for what concerns none."""

    def __init__(self, storage: Storage, bucket: str) -> None:
        """Contact nothing yet."""
        self._storage = storage
        self._bucket = bucket
        self._ends: dict[str, _End] = {}
        """By table."""

    def append(self, event: Event) -> None:
        """Add an event to its table's chain, unless it is there already.

        Raises:
            StorageUnavailableError: the bucket could not be read or written; trying again is safe.
        """
        end = self._end(event.table)
        with end.lock:
            self._append(event, end)

    def tell(self, event: Event) -> None:
        """Add an event that can still be told later from what is recorded; log that it is late."""
        try:
            self.append(event)
        except RetryableError as exc:
            log.warning("audit event is late", extra={"why": exc.message})

    def tail(self, table: str, since: datetime) -> tuple[Head, set[str]]:
        """Return the end of a chain, and the ids of all events since a moment, at least."""
        end = self._end(table)
        with end.lock:
            self._look(table, end, since)
            return end.head, end.event_ids

    def tables(self) -> list[str]:
        """Return the names of all chains, sorted."""
        return sorted(self._storage.folders(self._bucket, naming.AUDIT))

    def chain(
        self, table: str, limit: int | None = None, *, before: int | None = None
    ) -> list[Seen]:
        """Return a chain's events, or the newest so many, the oldest first.

        Args:
            table: whose chain.
            limit: so many at most; None: all of them.
            before: only those of a lower number.
        """
        infos = []
        prefix = naming.audit_prefix(table)
        start = naming.audit_object(table, before - 1) if before else ""
        for info in self._storage.list(self._bucket, prefix, start=start, page_size=limit):
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

    def _end(self, table: str) -> _End:
        return self._ends.setdefault(table, _End())

    def _append(self, event: Event, end: _End) -> None:
        tried, refusal = 0, None
        for _ in range(MAX_CONTENDERS):
            self._look(event.table, end, event.at)
            if end.has(event.event_id):
                return
            head = end.head
            if refusal and head.sequence < tried:
                raise refusal  # nobody has the number, so this was no lost race
            tried = head.sequence + 1
            try:
                self._create(event, head)
            except ConflictError:
                end.lost()
            except StorageUnavailableError as exc:
                refusal = exc  # the answer for a number that is taken, to who may only create
                end.lost()
            else:
                end.won()
                return
        raise StorageUnavailableError(
            f"the audit chain of {event.table} grew {MAX_CONTENDERS} times while being added to"
        )

    def _look(self, table: str, end: _End, since: datetime) -> None:
        """List a chain from its end back to a moment, or to what is remembered."""
        limit, fresh, newest = since - SKEW, list[_Noted](), 0
        for info in self._storage.list(self._bucket, naming.audit_prefix(table), page_size=PAGE):
            sequence = naming.audit_sequence(info.name)
            if not sequence:
                continue  # somebody else's object
            newest = newest or sequence
            if newest < end.head.sequence:
                end.forget()  # the end that was known is gone
            if end.suffices(sequence, limit):
                break
            fresh.append(_noted(sequence, info))
            if info.created_at < limit:
                break
        if not newest:
            end.forget()
        end.take(fresh, limit)

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
        data = self._storage.download(self._bucket, info.name, info.generation) or b""
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


def _noted(sequence: int, info: ObjectInfo) -> _Noted:
    return _Noted(
        sequence=sequence,
        event_id=info.metadata.get("event", ""),
        sha256=info.metadata.get("sha256", ""),
        written_at=info.created_at,
    )
