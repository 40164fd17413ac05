"""Manifests, plans and units in the staging bucket: created once, first writer wins."""

from collections.abc import Iterator
from typing import TypeVar

from shared.core import naming
from shared.core.manifests import Manifest
from shared.core.plans import Plan, Unit
from shared.errors import ConflictError, StorageUnavailableError
from shared.storage import ABSENT, Storage
from shared.wire import from_json, to_json

T = TypeVar("T")


class ManifestStore:
    """The one place that says which parts are a run, and how its reading was cut."""

    def __init__(self, storage: Storage, bucket: str) -> None:
        self._storage = storage
        self._bucket = bucket

    def find(self, table: str, run_id: str) -> Manifest | None:
        """Return a run's manifest; None when the run is not staged."""
        return self._find(Manifest, naming.manifest_object(table, run_id))

    def all(self, table: str) -> Iterator[tuple[Manifest, int]]:
        """Yield the manifests of a table, each with the generation it was read at."""
        prefix = naming.manifests_prefix(table)
        for info in self._storage.list(self._bucket, prefix):
            if found := self._storage.read(self._bucket, info.name):
                yield from_json(Manifest, found[0], info.name), found[1]

    def replace(self, manifest: Manifest, generation: int) -> None:
        """Put a manifest in the place of one of this generation: only a purge ever does.

        Raises:
            ConflictError: the manifest has another generation by now.
        """
        self._write(manifest, naming.manifest_object(manifest.table, manifest.run_id), generation)

    def create(self, manifest: Manifest) -> Manifest:
        """Create the manifest, or return the one that another attempt created first."""
        return self._create(manifest, naming.manifest_object(manifest.table, manifest.run_id))

    def find_plan(self, table: str, run_id: str) -> Plan | None:
        """Return a run's plan; None when it was not cut."""
        return self._find(Plan, naming.plan_object(table, run_id))

    def create_plan(self, plan: Plan) -> Plan:
        """Create the plan, or return the one that another attempt created first."""
        manifest = plan.manifest
        return self._create(plan, naming.plan_object(manifest.table, manifest.run_id))

    def find_unit(self, table: str, run_id: str, name: str) -> Unit | None:
        """Return the outcome of one unit; None while it is open."""
        return self._find(Unit, naming.unit_object(table, run_id, name))

    def unit_names(self, table: str, run_id: str) -> list[str]:
        """Return the names of a run's units that have an outcome."""
        prefix = naming.units_prefix(table, run_id)
        objects = self._storage.list(self._bucket, prefix)
        return [o.name.removeprefix(prefix).removesuffix(".json") for o in objects]

    def units(self, table: str, run_id: str) -> dict[str, Unit]:
        """Return the outcomes of a run's units so far, by name."""
        names = self.unit_names(table, run_id)
        found = ((name, self.find_unit(table, run_id, name)) for name in names)
        return {name: unit for name, unit in found if unit}

    def create_unit(self, table: str, run_id: str, name: str, unit: Unit) -> Unit:
        """Create a unit's outcome, or return the one that another attempt created first.

        The outcome of another plan is replaced: that plan was gone before this one was made.
        """
        place = naming.unit_object(table, run_id, name)
        found = self._create(unit, place)
        return found if found.is_of(unit.plan) else self._replace_unit(unit, place)

    def _replace_unit(self, unit: Unit, name: str) -> Unit:
        found = self._storage.read(self._bucket, name)
        generation = found[1] if found else ABSENT
        present = from_json(Unit, found[0], name) if found else None
        if present and present.is_of(unit.plan):
            return present
        try:
            self._write(unit, name, generation)
        except ConflictError:
            raise StorageUnavailableError(f"{name} was replaced by another delivery") from None
        return unit

    def _find(self, kind: type[T], name: str) -> T | None:
        found = self._storage.read(self._bucket, name)
        return from_json(kind, found[0], name) if found else None

    def _create(self, value: T, name: str) -> T:
        try:
            self._write(value, name, ABSENT)
        except ConflictError:
            winner = self._find(type(value), name)
            if winner is None:
                raise StorageUnavailableError(f"{name} was there and is gone") from None
            return winner
        return value

    def _write(self, value: object, name: str, generation: int) -> None:
        self._storage.write(
            self._bucket,
            name,
            to_json(value),
            generation=generation,
            content_type="application/json",
        )
