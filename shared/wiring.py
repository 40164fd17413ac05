"""The composition root: settings in, everything a step needs out; built once per instance."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Self

from shared import audit, registry
from shared.audit import AuditLog
from shared.bus import Bus
from shared.config.store import ConfigStore
from shared.config.tables import ResolvedTable
from shared.dead_letters import DeadLetters
from shared.ledger import Ledger
from shared.pushes import Pushes
from shared.secrets import Secrets
from shared.settings import PushSettings, Settings
from shared.sources.base import Source
from shared.stage.envelope import Envelope
from shared.stage.manifest_store import ManifestStore
from shared.stage.objects import StagedObjects
from shared.storage import Storage
from shared.targets.base import Target

if TYPE_CHECKING:
    from shared.config.curated import ResolvedModel
    from shared.config.model_store import ModelStore
    from shared.contracts import Contracts
    from shared.stage.protection_keys import ProtectionKeys
    from shared.targets.curated import CuratedTarget


def utc_now() -> datetime:
    """Return the time, aware, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the steps work with. Clients connect when they are first used."""

    settings: Settings
    storage: Storage
    bus: Bus
    secrets: Secrets
    config: ConfigStore
    ledger: Ledger
    manifests: ManifestStore
    envelope: Envelope
    audit: AuditLog
    now: Callable[[], datetime] = utc_now

    @classmethod
    def build(cls, settings: Settings) -> Self:
        """Put the parts together; nothing is contacted yet."""
        storage = Storage(settings.project, settings.storage_emulator)
        secrets = Secrets(settings.project, settings.secrets_endpoint)
        log = AuditLog(storage, settings.bucket(audit.BUCKET))
        return cls(
            settings=settings,
            storage=storage,
            bus=Bus(),
            secrets=secrets,
            config=ConfigStore(storage, settings.bucket("config"), log),
            ledger=Ledger(storage, settings.bucket("state")),
            manifests=ManifestStore(storage, settings.bucket("staging")),
            envelope=Envelope(secrets),
            audit=log,
        )

    @property
    def contracts(self) -> "Contracts":
        """How the files of each drop path are written."""
        from shared.contracts import Contracts  # with all that reads CSV files

        return Contracts(self.storage, self.settings.bucket("state"))

    @property
    def dead_letters(self) -> DeadLetters:
        """The messages that failed as often as allowed."""
        return DeadLetters(self.storage, self.settings.bucket("state"))

    @property
    def models(self) -> "ModelStore":
        """The models of the curated zone."""
        from shared.config.model_store import ModelStore  # with all that a model may say

        return ModelStore(self.storage, self.settings.bucket("config"), self.audit)

    def source(self, resolved: ResolvedTable, run_id: str) -> Source:
        """Open the source of a table for one run; protected columns come in protected form."""
        kind = registry.resolve(registry.SOURCES, resolved.table.source_kind)
        source: Source = kind(resolved, self.secrets, run_id=run_id)
        if resolved.table.protected.keys() <= resolved.table.dropped:
            return source
        from shared.sources.protected import ProtectedSource

        return ProtectedSource(source, resolved.table, self.protection_keys(resolved))

    def protection_keys(self, resolved: ResolvedTable) -> "ProtectionKeys":
        """Return what makes the hashes and tokens of a table."""
        from shared.stage.protection_keys import ProtectionKeys

        return ProtectionKeys(self.secrets, resolved.connections.protection)

    def target(self, resolved: ResolvedTable) -> Target:
        """Open the target of a table for one step."""
        kind = registry.resolve(registry.TARGETS, resolved.table.target_kind)
        objects = StagedObjects(storage=self.storage, bucket=self.settings.bucket("staging"))
        target: Target = kind(resolved, self.secrets, objects)
        return target

    def model(self, resolved: "ResolvedModel") -> "CuratedTarget":
        """Open the target of a model for one refresh."""
        kind = registry.resolve(registry.MODELS, "postgres")
        target: CuratedTarget = kind(resolved, self.secrets)
        return target


@cache
def services() -> Services:
    """Return this instance's services, from its environment."""
    return Services.build(Settings.from_environment())


@cache
def pushes() -> Pushes:
    """Return what this instance verifies pushes with, from its environment.

    Raises:
        InvalidConfigError: the environment does not say who may push.
    """
    return Pushes.build(PushSettings.from_environment())
