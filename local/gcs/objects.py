"""The objects of all buckets: what a generation is, who wins a race, what stays of the loser.

Every change runs in one transaction that checks the preconditions, writes the catalogue and says
what happened; files are removed and listeners told only after the commit.
"""

import sqlite3
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, BinaryIO

from local.gcs.buckets import is_versioned, load_bucket
from local.gcs.conditions import ALWAYS, Conditions
from local.gcs.contents import Contents
from local.gcs.database import Database
from local.gcs.errors import ApiError, no_object
from local.gcs.records import Address, Change, Content, EventType, ObjectRecord, now
from local.gcs.resources import HOLDS, dumps
from local.gcs.rows import COLUMNS, key_of, record_of, row_of

_INSERT = f"INSERT INTO objects ({COLUMNS}) VALUES ({', '.join('?' * 13)})"  # noqa: S608
_LIVE = f"SELECT {COLUMNS} FROM objects WHERE bucket = ? AND name = ? AND deleted_at IS NULL"  # noqa: S608
_GENERATION = f"SELECT {COLUMNS} FROM objects WHERE bucket = ? AND name = ? AND generation = ?"  # noqa: S608
_KEY = "WHERE bucket = ? AND name = ? AND generation = ?"


class Objects:
    """Compare-and-set over generations. Safe for any number of threads."""

    def __init__(
        self, database: Database, contents: Contents, on_change: Callable[[Change], None]
    ) -> None:
        """Keep objects.

        Args:
            database: the catalogue.
            contents: the files.
            on_change: called after the commit, by the thread that made the change.
        """
        self._database = database
        self._contents = contents
        self._on_change = on_change
        with database.reading() as tx:
            (newest,) = tx.execute("SELECT MAX(generation) FROM objects").fetchone()
        self._last_generation: int = newest or 0

    def file_ids(self) -> Collection[str]:
        """Return the files that hold the content of an object."""
        with self._database.reading() as tx:
            return {file_id for (file_id,) in tx.execute("SELECT file_id FROM objects")}

    def find(self, address: Address, conditions: Conditions = ALWAYS) -> ObjectRecord:
        """Return what is known of an object or of one generation.

        Raises:
            ApiError: 404; 412 or 304.
        """
        with self._database.reading() as tx:
            record = _load(tx, address)
        conditions.check_read(record)
        return record

    def open(
        self, address: Address, conditions: Conditions = ALWAYS
    ) -> tuple[ObjectRecord, BinaryIO]:
        """Return a generation with its bytes, which stay readable whatever happens to it.

        Raises:
            ApiError: 404; 412 or 304.
        """
        with self._database.reading():
            record = self.find(address, conditions)
            return record, self._contents.open(record.content.file_id)

    def check(self, address: Address, conditions: Conditions) -> dict[str, Any]:
        """Say early whether a write would be refused; return the bucket's resource.

        Raises:
            ApiError: 404, no such bucket; 412.
        """
        with self._database.reading() as tx:
            bucket = load_bucket(tx, address.bucket)
            conditions.check_write(_live(tx, address))
        return bucket

    def put(
        self,
        address: Address,
        content: Content,
        attributes: dict[str, Any],
        conditions: Conditions = ALWAYS,
    ) -> ObjectRecord:
        """Make a new generation the live one.

        The content's file belongs to the object from here on, unless this raises.

        Raises:
            ApiError: 403, the present object is held; 404, no such bucket; 412.
        """
        with self._database.transaction() as tx:
            bucket = load_bucket(tx, address.bucket)
            current = _live(tx, address)
            conditions.check_write(current)
            record = self._new_record(address, content, attributes)
            if current is not None:
                _refuse_if_held(current)
                self._retire(tx, current, bucket, successor=record.generation)
            tx.execute(_INSERT, row_of(record))
            self._report(
                EventType.FINALIZE, record, replaced=current.generation if current else None
            )
        return record

    def update(
        self,
        address: Address,
        change: Callable[[dict[str, Any]], dict[str, Any]],
        conditions: Conditions,
    ) -> ObjectRecord:
        """Change the attributes of a generation, which gets a new metageneration.

        Raises:
            ApiError: 404; 412; what `change` raises.
        """
        with self._database.transaction() as tx:
            current = _load(tx, address)
            conditions.check_write(current)
            record = replace(
                current,
                metageneration=current.metageneration + 1,
                attributes=change(current.attributes),
                updated_at=now(),
            )
            tx.execute(
                f"UPDATE objects SET metageneration = ?, attributes = ?, updated_at = ? {_KEY}",  # noqa: S608
                (
                    record.metageneration,
                    dumps(record.attributes),
                    record.updated_at,
                    *key_of(record),
                ),
            )
            self._report(EventType.METADATA_UPDATE, record)
        return record

    def delete(self, address: Address, conditions: Conditions) -> None:
        """Remove the live generation (a versioned bucket archives it), or for good a given one.

        Raises:
            ApiError: 403, it is held; 404; 412.
        """
        with self._database.transaction() as tx:
            bucket = load_bucket(tx, address.bucket)
            current = _load(tx, address)
            conditions.check_write(current)
            _refuse_if_held(current)
            if address.generation is None:
                self._retire(tx, current, bucket)
            else:
                self._remove(tx, current)

    def copy(
        self,
        source: Address,
        source_conditions: Conditions,
        destination: Address,
        attributes: Callable[[ObjectRecord], dict[str, Any]],
        conditions: Conditions,
    ) -> ObjectRecord:
        """Put the bytes of one generation under another name, in no time whatever their size.

        Args:
            source: what to copy.
            source_conditions: checked against it.
            destination: where to.
            attributes: gives those of the copy, from the source.
            conditions: checked against what is there.

        Raises:
            ApiError: 403; 404; 412.
        """
        with self._database.transaction() as tx:
            origin = _load(tx, source)
            source_conditions.check_write(origin)
            self.check(destination, conditions)
            file_id = self._contents.link(origin.content.file_id)
            try:
                content = replace(origin.content, file_id=file_id)
                return self.put(destination, content, attributes(origin), conditions)
            except ApiError:
                self._contents.remove(file_id)
                raise

    def _new_record(
        self, address: Address, content: Content, attributes: dict[str, Any]
    ) -> ObjectRecord:
        """Give out the next generation: microseconds since 1970, never the same one twice."""
        self._last_generation = max(self._last_generation + 1, time.time_ns() // 1000)
        created_at = now()
        return ObjectRecord(
            bucket=address.bucket,
            name=address.name,
            generation=self._last_generation,
            metageneration=1,
            content=content,
            attributes=attributes,
            created_at=created_at,
            updated_at=created_at,
        )

    def _retire(
        self,
        tx: sqlite3.Connection,
        record: ObjectRecord,
        bucket: dict[str, Any],
        successor: int | None = None,
    ) -> None:
        if not is_versioned(bucket):
            self._remove(tx, record, successor)
            return
        archived = replace(record, deleted_at=now())
        tx.execute(
            f"UPDATE objects SET deleted_at = ? {_KEY}",  # noqa: S608
            (archived.deleted_at, *key_of(record)),
        )
        self._report(EventType.ARCHIVE, archived, successor=successor)

    def _remove(
        self, tx: sqlite3.Connection, record: ObjectRecord, successor: int | None = None
    ) -> None:
        tx.execute(f"DELETE FROM objects {_KEY}", key_of(record))  # noqa: S608
        self._database.after_commit(lambda: self._contents.remove(record.content.file_id))
        self._report(EventType.DELETE, record, successor=successor)

    def _report(
        self,
        event_type: EventType,
        record: ObjectRecord,
        *,
        replaced: int | None = None,
        successor: int | None = None,
    ) -> None:
        change = Change(
            event_type=event_type,
            record=record,
            at=now(),
            replaced_generation=replaced,
            successor_generation=successor,
        )
        self._database.after_commit(lambda: self._on_change(change))


def _live(tx: sqlite3.Connection, address: Address) -> ObjectRecord | None:
    row = tx.execute(_LIVE, (address.bucket, address.name)).fetchone()
    return None if row is None else record_of(row)


def _load(tx: sqlite3.Connection, address: Address) -> ObjectRecord:
    if address.generation is None:
        record = _live(tx, address)
    else:
        row = tx.execute(_GENERATION, (address.bucket, address.name, address.generation)).fetchone()
        record = None if row is None else record_of(row)
    if record is None:
        load_bucket(tx, address.bucket)
        raise no_object(address.bucket, address.name)
    return record


def _refuse_if_held(record: ObjectRecord) -> None:
    for hold, word in zip(HOLDS, ("Temporary", "Event-based"), strict=True):
        if record.attributes.get(hold):
            raise ApiError(
                403,
                "objectUnderActiveHold",
                f"Object '{record.bucket}/{record.name}' is under active {word} hold and cannot "
                "be deleted, overwritten or archived until hold is removed.",
            )
