"""Resolved tables in the config bucket: one object each, replaced by compare-and-set."""

from shared.config.models import ResolvedTable
from shared.core import naming
from shared.errors import UnknownTableError
from shared.storage import ABSENT, Storage
from shared.wire import from_json, to_json


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

    def put(self, resolved: ResolvedTable) -> bool:
        """Store a table's configuration; False when the very same is there already."""
        name = naming.config_object(resolved.table.name)
        data = to_json(resolved)
        found = self._storage.read(self._bucket, name)
        if found and found[0] == data:
            return False
        self._storage.write(
            self._bucket,
            name,
            data,
            generation=found[1] if found else ABSENT,
            content_type="application/json",
        )
        return True
