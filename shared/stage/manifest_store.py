"""Manifests in the staging bucket: created once, first writer wins, never changed."""

from shared.core import naming
from shared.core.manifests import Manifest
from shared.errors import ConflictError, StorageUnavailableError
from shared.storage import ABSENT, Storage
from shared.wire import from_json, to_json


class ManifestStore:
    """The one place that says which parts are a run."""

    def __init__(self, storage: Storage, bucket: str) -> None:
        self._storage = storage
        self._bucket = bucket

    def find(self, table: str, run_id: str) -> Manifest | None:
        """Return a run's manifest; None when the run is not staged."""
        name = naming.manifest_object(table, run_id)
        found = self._storage.read(self._bucket, name)
        return from_json(Manifest, found[0], name) if found else None

    def create(self, manifest: Manifest) -> Manifest:
        """Create the manifest, or return the one that another attempt created first."""
        name = naming.manifest_object(manifest.table, manifest.run_id)
        try:
            self._storage.write(
                self._bucket,
                name,
                to_json(manifest),
                generation=ABSENT,
                content_type="application/json",
            )
        except ConflictError:
            winner = self.find(manifest.table, manifest.run_id)
            if winner is None:
                raise StorageUnavailableError(f"{name} was there and is gone") from None
            return winner
        return manifest
