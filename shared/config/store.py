"""Resolved tables in the config bucket: one object each, replaced by compare-and-set.

Table files and the API write to folders of their own. A table that both have is that of the files:
what is reviewed and deployed wins, and the next deployment removes the other.

An object is written only when the table is another one, so its generation stands for its content:
the proof that a source has not changed holds for one generation.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from shared.audit import AuditLog
from shared.config.tables import ResolvedTable
from shared.core import naming
from shared.core.audit import MAX_TEXT, Event
from shared.core.modes import SyncMode
from shared.core.wording import meant
from shared.errors import ConflictError, IntegrityError, UnknownTableError
from shared.storage import ABSENT, ObjectInfo, Storage
from shared.wire import from_json, to_json

UNNAMED = "unnamed"
"""Stands for who wrote a configuration without giving a name."""


class Origin(StrEnum):
    """Who says what a table is like; also the folder's name, but for that of the files."""

    FILES = "files"
    API = "api"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """A table as it is configured."""

    resolved: ResolvedTable
    generation: int
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a deployment of table files changed: names of tables, sorted."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Say whether anything was changed."""
        return bool(self.added or self.changed or self.removed)


class ConfigStore:
    """What the functions know about tables."""

    def __init__(self, storage: Storage, bucket: str, audit: AuditLog) -> None:
        self._storage = storage
        self._bucket = bucket
        self._audit = audit

    def get(self, table: str) -> tuple[ResolvedTable, int]:
        """Return a table's configuration and the generation it was read at.

        Raises:
            UnknownTableError: the bucket has none of this name; the message lists the known ones.
        """
        found = self.find(table)
        return found.resolved, found.generation

    def find(self, table: str) -> Configured:
        """Return a table's configuration with where it comes from.

        Raises:
            UnknownTableError: the bucket has none of this name; the message lists the known ones.
        """
        places = (
            (naming.config_object(table), Origin.FILES),
            (naming.api_config_object(table), Origin.API),
        )
        for name, origin in places if naming.TABLE_NAME.fullmatch(table) else ():
            if found := self._read(name, origin):
                return found
        known = self.names()
        raise UnknownTableError(
            f"no table {table!r} is configured; known: {', '.join(known) or 'none'}"
            f"{meant(table, known) or '.'} Add it to the table files and deploy the configuration",
            table=table,
        )

    def configured(self, known: Iterable[Configured] = ()) -> list[Configured]:
        """Return all tables, by name; of ``known`` those that are still there are not read again.

        Raises:
            IntegrityError: one is not readable by this release.
        """
        seen = {(e.resolved.table.name, e.origin, e.generation): e for e in known}
        found: dict[str, Configured] = {}
        for info in self._infos():  # "api" comes before "tables", as in origins()
            folder, table = naming.configured_by(info.name)
            origin = Origin.API if folder == Origin.API else Origin.FILES
            each = seen.get((table, origin, info.generation)) or (
                self._read(info.name, origin) if table else None
            )
            if each:
                found[table] = each
        return [found[name] for name in sorted(found)]

    def names(self) -> list[str]:
        """Return the names of all configured tables, sorted."""
        return list(self.origins())

    def origins(self) -> dict[str, Origin]:
        """Return all configured tables with where they come from, by name."""
        found = (naming.configured_by(info.name) for info in self._infos())
        # "api" comes before "tables", so that a table of both is of the files.
        origins = {t: Origin.API if f == Origin.API else Origin.FILES for f, t in found if t}
        return dict(sorted(origins.items()))

    def deploy(self, tables: Iterable[ResolvedTable], by: str = "") -> Changes:
        """Make these the configured tables: write those that differ, delete those that are gone.

        ``by`` is who does it, for the audit log.

        Raises:
            ConflictError: somebody else is deploying just now.
        """
        origins = self.origins()
        before = {name for name, origin in origins.items() if origin is Origin.FILES}
        written, wanted = set(), set()
        for resolved in tables:
            wanted.add(resolved.table.name)
            if self.put(resolved, by):
                written.add(resolved.table.name)
        removed = before - wanted
        for name in removed:
            self._remove(naming.config_object(name), by)
        for name in sorted(wanted & (origins.keys() - before)):
            self._remove(naming.api_config_object(name), by)
        return Changes(
            added=tuple(sorted(written - before)),
            changed=tuple(sorted(written & before)),
            removed=tuple(sorted(removed)),
        )

    def put(self, resolved: ResolvedTable, by: str = "") -> bool:
        """Store a table of the files; False when the same is there already."""
        name = naming.config_object(resolved.table.name)
        data = to_json(resolved)
        found = self._storage.read(self._bucket, name)
        if found and (found[0] == data or _means(found[0], resolved, name)):
            return False
        self._write(resolved, name, found[1] if found else ABSENT, by)
        return True

    def put_through_api(self, resolved: ResolvedTable, generation: int, by: str) -> int:
        """Store a table that came through the API, over one generation; return the new one.

        Raises:
            ConflictError: there is another generation, or one where there should be none.
        """
        name = naming.api_config_object(resolved.table.name)
        found = self._storage.read(self._bucket, name)
        if found and found[1] == generation and _means(found[0], resolved, name):
            return generation
        return self._write(resolved, name, generation, by)

    def remove_through_api(self, table: str, generation: int, by: str) -> None:
        """Remove a table that came through the API.

        Raises:
            ConflictError: there is another generation, or none.
        """
        name = naming.api_config_object(table)
        found = self._storage.info(self._bucket, name)
        if found is None or found.generation != generation:
            raise ConflictError(f"{table} is configured otherwise by now")
        self._remove(name, by)

    def written(self, since: datetime, upto: datetime) -> Iterator[tuple[str, ObjectInfo]]:
        """Yield the tables whose configuration was written in a span, with what was written."""
        for info in self._infos():
            _, table = naming.configured_by(info.name)
            if table and since < info.created_at <= upto:
                yield table, info

    def tell(self, table: str, info: ObjectInfo) -> None:
        """Tell the audit log of a configuration that was written, unless it knows."""
        data = self._storage.download(self._bucket, info.name, info.generation)
        by, at = info.metadata.get("by", ""), info.created_at
        self._audit.tell(_written(table, info.generation, data or b"null", by=by, at=at))

    def _infos(self) -> Iterator[ObjectInfo]:
        return self._storage.list(self._bucket, "")

    def _read(self, name: str, origin: Origin) -> Configured | None:
        found = self._storage.read(self._bucket, name)
        if found is None:
            return None
        resolved = from_json(ResolvedTable, found[0], name)
        return Configured(resolved=resolved, generation=found[1], origin=origin)

    def _write(self, resolved: ResolvedTable, name: str, generation: int, by: str) -> int:
        data = to_json(resolved)
        written = self._storage.write(
            self._bucket,
            name,
            data,
            generation=generation,
            content_type="application/json",
            metadata={"by": by or UNNAMED},
        )
        now = datetime.now(UTC)
        self._audit.tell(_written(resolved.table.name, written, data, by=by, at=now))
        return written

    def _remove(self, name: str, by: str) -> None:
        found = self._storage.info(self._bucket, name)
        if found is None:
            return
        event = Event(
            table=naming.configured_by(name)[1],
            event_id=f"config/{found.generation}/removed",
            kind="config.removed",
            at=datetime.now(UTC),
            by=by or UNNAMED,
            detail=json.dumps({"generation": found.generation}),
        )
        self._audit.append(event)  # before: of what is gone nothing is left to tell from
        self._storage.delete(self._bucket, name, found.generation)


def _written(table: str, generation: int, data: bytes, *, by: str, at: datetime) -> Event:
    """Return the event of a configuration, which holds all of it: earlier ones are not kept."""
    return Event(
        table=table,
        event_id=f"config/{generation}",
        kind="config.written",
        at=at,
        by=(by or UNNAMED)[:MAX_TEXT],
        detail=json.dumps({"generation": generation, "config": json.loads(data)}),
    )


def _means(data: bytes, resolved: ResolvedTable, name: str) -> bool:
    """Say whether an object means the same table, though an older release spelled it out."""
    try:
        return _said(from_json(ResolvedTable, data, name)) == _said(resolved)
    except IntegrityError:
        return False


def _said(resolved: ResolvedTable) -> ResolvedTable:
    """Leave out a lag of nothing where none is the default, which earlier releases wrote."""
    table = resolved.table
    if table.lag or table.sync_mode is SyncMode.INCREMENTAL:
        return resolved
    return resolved.model_copy(update={"table": table.model_copy(update={"lag": None})})
