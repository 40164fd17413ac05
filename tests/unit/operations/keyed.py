"""A staging bucket with keyed parts in memory, and services that work with it."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Self, cast

from shared.audit import AuditLog
from shared.core.manifests import WrappedKey
from shared.operations import keys
from shared.settings import Settings
from shared.stage.envelope import KEY_SECRET, Envelope, new_wrapping_key
from shared.storage import Storage
from shared.wiring import Services
from tests.model.interleaving import Baton
from tests.model.memory import MemoryStorage
from tests.vault import Vault


@dataclass(slots=True)
class World:
    """A staging bucket of encrypted and plain parts, whose time moves when told."""

    services: Services
    storage: MemoryStorage
    vault: Vault

    def stage(self, table: str, *, is_encrypted: bool = True) -> str:
        """Put a part there that says of its key what the writer lets it say."""
        name = f"parts/{table}/20240101T000000Z-0123456789ab/a/part-00000.parquet"
        notes = self.services.envelope.new_key(name)[1].notes if is_encrypted else None
        self.storage.put(self.bucket, name, b"sealed", 0, notes)
        return name

    @property
    def bucket(self) -> str:
        """Name of the staging bucket."""
        return self.services.settings.bucket("staging")

    def key(self, name: str) -> WrappedKey:
        """Return what an object says of its key."""
        info = self.storage.info(self.bucket, name)
        found = WrappedKey.noted(info.metadata) if info else None
        assert found
        return found

    def advance(self, time: timedelta) -> None:
        """Let time pass, for memory and for versions alike."""
        self.vault.now += time
        self.vault.time_s += time.total_seconds()

    def counts(self) -> dict[int, int]:
        """Return how many parts need each version."""
        return {each.version.number: each.parts for each in keys.status(self.services).versions}

    @classmethod
    def start(cls) -> Self:
        """Return a world with the first version of the key and no part."""
        vault = Vault({KEY_SECRET: new_wrapping_key()})
        storage = MemoryStorage(Baton(), lambda: vault.now)
        settings = Settings(project="acme", prefix="acme")
        services = replace(
            Services.build(settings),
            storage=cast(Storage, storage),
            secrets=vault,
            envelope=Envelope(vault),
            audit=AuditLog(cast(Storage, storage), settings.bucket("audit")),
            now=lambda: vault.now,
        )
        return cls(services, storage, vault)
