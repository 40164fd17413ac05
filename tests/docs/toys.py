"""Services in memory whose sources and targets are those of the registry."""

from datetime import UTC, datetime
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


def services() -> Services:
    """Return the services of a cloud that is not there."""
    settings, baton = Settings(project="toys", prefix="toys"), Baton()
    storage = cast("Storage", MemoryStorage(baton, lambda: datetime.now(UTC)))
    audit = AuditLog(storage, settings.bucket("audit"))
    secrets = Secrets(settings.project, None)
    return Services(
        settings=settings,
        storage=storage,
        bus=cast("Bus", MemoryBus(baton)),
        secrets=secrets,
        config=ConfigStore(storage, settings.bucket("config"), audit),
        ledger=Ledger(storage, settings.bucket("state")),
        manifests=ManifestStore(storage, settings.bucket("staging")),
        envelope=Envelope(secrets),
        audit=audit,
    )
