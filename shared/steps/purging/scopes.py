"""What a purge goes by: a table as it is configured, or what it left when it no longer is."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Self

from shared.config.connections import ProtectionKey
from shared.config.rules import Compression
from shared.config.tables import ResolvedTable
from shared.core import naming
from shared.stage.protecting import Protector
from shared.stage.protection_keys import ProtectionKeys
from shared.wiring import Services

_ZONES = ("staging", "raw", "quarantine")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """One table, as a purge sees it."""

    table: str
    protection: Mapping[str, str]
    """How its columns are protected by now, in words."""
    protector: Protector
    compression: Compression = "zstd"
    is_configured: bool = True

    @classmethod
    def of(cls, services: Services, resolved: ResolvedTable) -> Self:
        """Return a table as it is configured."""
        table = resolved.table
        return cls(
            table=table.name,
            protection=resolved.protection,
            protector=Protector(table.protected, services.protection_keys(resolved)),
            compression=table.compression,
        )

    @classmethod
    def left(cls, services: Services, table: str) -> Self | None:
        """Return a table that is not configured any more; None if it has left nothing.

        Nobody knows how its columns were protected: originals of protected runs go as a whole.
        """
        if not naming.TABLE_NAME.fullmatch(table) or not _has_left(services, table):
            return None
        keys = ProtectionKeys(services.secrets, ProtectionKey())
        return cls(table=table, protection={}, protector=Protector({}, keys), is_configured=False)


def _has_left(services: Services, table: str) -> bool:
    """Say whether there is a record, a manifest or an object of a table."""
    state, staging = (services.settings.bucket(zone) for zone in ("state", "staging"))
    places = [(state, naming.runs_prefix(table)), (staging, naming.manifests_prefix(table))]
    places.append((staging, naming.unloaded_prefix(table)))
    places += [(services.settings.bucket(z), naming.zone_prefix(z, table)) for z in _ZONES]
    return any(
        True for place in places for _ in islice(services.storage.list(*place, page_size=1), 1)
    )
