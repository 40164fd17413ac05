"""Resolved tables in the config bucket: one object each, replaced by compare-and-set.

An object is written only when the table is another one, so its generation stands for its content:
contracts of files, and the proof that a source has not changed, hold for one generation.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from shared.config.models import ResolvedTable
from shared.core import naming
from shared.errors import IntegrityError, UnknownTableError
from shared.storage import ABSENT, Storage
from shared.wire import from_json, to_json


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

    def __init__(self, storage: Storage, bucket: str) -> None:
        self._storage = storage
        self._bucket = bucket

    def get(self, table: str) -> tuple[ResolvedTable, int]:
        """Return a table's configuration and the generation it was read at.

        Raises:
            UnknownTableError: the bucket has none of this name; the message lists the known ones.
        """
        is_name = naming.TABLE_NAME.fullmatch(table)
        name = naming.config_object(table)
        found = self._storage.read(self._bucket, name) if is_name else None
        if found is None:
            known = ", ".join(self.names()) or "none"
            raise UnknownTableError(
                f"no table {table!r} is configured; known: {known}. Add it to the table files "
                "and deploy the configuration",
                table=table,
            )
        return from_json(ResolvedTable, found[0], name), found[1]

    def names(self) -> list[str]:
        """Return the names of all configured tables."""
        objects = self._storage.list(self._bucket, naming.config_object("*").partition("*")[0])
        return [o.name.rpartition("/")[2].removesuffix(".json") for o in objects]

    def deploy(self, tables: Iterable[ResolvedTable]) -> Changes:
        """Make these the configured tables: write those that differ, delete those that are gone.

        Raises:
            ConflictError: somebody else is deploying just now.
        """
        before = set(self.names())
        written, wanted = set(), set()
        for resolved in tables:
            wanted.add(resolved.table.name)
            if self.put(resolved):
                written.add(resolved.table.name)
        removed = before - wanted
        for name in removed:
            self._remove(name)
        return Changes(
            added=tuple(sorted(written - before)),
            changed=tuple(sorted(written & before)),
            removed=tuple(sorted(removed)),
        )

    def put(self, resolved: ResolvedTable) -> bool:
        """Store a table's configuration; False when the same is there already."""
        name = naming.config_object(resolved.table.name)
        data = to_json(resolved)
        found = self._storage.read(self._bucket, name)
        if found and (found[0] == data or _means(found[0], resolved, name)):
            return False
        self._storage.write(
            self._bucket,
            name,
            data,
            generation=found[1] if found else ABSENT,
            content_type="application/json",
        )
        return True

    def _remove(self, table: str) -> None:
        name = naming.config_object(table)
        found = self._storage.info(self._bucket, name)
        if found:
            self._storage.delete(self._bucket, name, found.generation)


def _means(data: bytes, resolved: ResolvedTable, name: str) -> bool:
    """Say whether an object means the same table, though an older release spelled it out."""
    try:
        return from_json(ResolvedTable, data, name) == resolved
    except IntegrityError:
        return False
