"""Services over a storage in memory, for tests whose sources and targets are something else."""

from collections.abc import Callable
from datetime import datetime
from typing import cast

from shared.audit import AuditLog
from shared.bus import Bus
from shared.config.store import ConfigStore
from shared.ledger import Ledger
from shared.secrets import Secrets
from shared.settings import Settings
from shared.stage.envelope import Envelope
from shared.stage.manifest_store import ManifestStore
from shared.storage import Storage
from shared.wiring import Services
from tests.model.interleaving import Baton
from tests.model.memory import MemoryBus, MemoryStorage


def services_in_memory(
    settings: Settings, secrets: Secrets, now: Callable[[], datetime]
) -> tuple[Services, MemoryStorage]:
    """Return services that keep and send everything in memory, and the storage they keep it in."""
    baton = Baton()
    kept = MemoryStorage(baton, now)
    storage = cast("Storage", kept)
    audit = AuditLog(storage, settings.bucket("audit"))
    services = Services(
        settings=settings,
        storage=storage,
        bus=cast("Bus", MemoryBus(baton)),
        secrets=secrets,
        config=ConfigStore(storage, settings.bucket("config"), audit),
        ledger=Ledger(storage, settings.bucket("state")),
        manifests=ManifestStore(storage, settings.bucket("staging")),
        envelope=Envelope(secrets),
        audit=audit,
        now=now,
    )
    return services, kept
