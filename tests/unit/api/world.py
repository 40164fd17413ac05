"""The API behind a real server, over a cloud in memory."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self, cast

import uvicorn

from shared import callers
from shared.api.app import build
from shared.api.context import Context
from shared.audit import AuditLog
from shared.bus import Bus
from shared.callers import Callers
from shared.config.connections import Connections
from shared.config.store import ConfigStore
from shared.config.tables import ResolvedTable, TableConfig
from shared.core.access import AccessKey, AccessList, Role, digest, key_id, new_token
from shared.core.runs import Run
from shared.errors import InvalidConfigError, SourceUnavailableError, TargetUnavailableError
from shared.ledger import Ledger
from shared.operations.history import History
from shared.operations.listings import Listings
from shared.secrets import Secret, Secrets, unpinned
from shared.settings import ApiSettings, Settings
from shared.sources.base import Source
from shared.stage.manifest_store import ManifestStore
from shared.storage import Storage
from shared.targets.base import Target
from shared.wire import to_json
from shared.wiring import Services
from tests.builders import table_data
from tests.model.interleaving import Baton
from tests.model.memory import MemoryBus, MemoryStorage

NOW = datetime(2024, 1, 31, 12, 30, tzinfo=UTC)
PREFIX = "acme"
TIMEOUT_S = 10.0
CONNECTIONS = {
    "snowflake": {"account": "a", "user": "u", "host": "127.0.0.1", "protocol": "http"},
    "postgres": {"host": "127.0.0.1", "user": "postgres"},
}


class MemorySecrets:
    """Secret Manager's versions of secrets, in memory."""

    def __init__(self) -> None:
        self.versions: dict[str, list[bytes]] = {}

    def newest(self, name: str, version: str = "latest") -> tuple[bytes, int] | None:
        """Return a version and its number."""
        found = self.versions.get(name, [])
        number = len(found) if version == "latest" else int(version)
        return (found[number - 1], number) if 1 <= number <= len(found) else None

    def get(self, name: str) -> Secret:
        """Return the version of a secret that is named, or the latest.

        Raises:
            InvalidConfigError: there is none.
        """
        secret, version = unpinned(name)
        found = self.newest(secret, "latest" if version is None else str(version))
        if found is None:
            raise InvalidConfigError(f"secret {name} cannot be read", secret=name)
        return Secret(*found)

    def add(self, name: str, value: bytes) -> int:
        """Make a new version; return its number."""
        self.versions.setdefault(name, []).append(value)
        return len(self.versions[name])


class Unreached(Services):
    """Services whose sources and targets do not answer; the flow tests have some that do."""

    def source(self, resolved: ResolvedTable, run_id: str) -> Source:
        """Refuse."""
        raise SourceUnavailableError("the source does not answer")

    def target(self, resolved: ResolvedTable) -> Target:
        """Refuse."""
        raise TargetUnavailableError("the target does not answer")


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def data(self) -> Any:
        """The body's JSON."""
        return json.loads(self.body)


@dataclass(slots=True)
class World:
    """A served API, what it works with, and a key for each role."""

    services: Services
    storage: MemoryStorage
    bus: MemoryBus
    secrets: MemorySecrets
    context: Context
    server: uvicorn.Server
    port: int
    keys: dict[Role, str]
    clock: list[datetime]
    """The time, which moves only when a test says so."""
    baton: Baton
    """Lets a test decide which of several callers goes on."""

    @classmethod
    def start(cls, settings: ApiSettings | None = None) -> Self:
        """Serve an API whose cloud holds nothing."""
        clock = [NOW]
        baton = Baton()
        storage, bus, secrets = (
            MemoryStorage(baton, lambda: clock[0]),
            MemoryBus(baton),
            MemorySecrets(),
        )
        keys = {role: new_token() for role in Role}
        listed = [
            AccessKey(id=key_id(token), role=role, sha256=digest(token), created_at=NOW)
            for role, token in keys.items()
        ]
        secrets.add(callers.SECRET, to_json(AccessList(keys=tuple(listed))))
        services = services_in_memory(storage, bus, secrets, lambda: clock[0])
        api_settings = settings or ApiSettings()
        built = Context.build(api_settings, lambda: services)
        listings = Listings(services.ledger, services.now, recent_s=0, past_s=0)
        history = History(services.ledger, services.now, listings)
        context = replace(built, callers=Callers(cast(Secrets, secrets)), history=history)
        server = uvicorn.Server(
            uvicorn.Config(build(api_settings, context), port=0, log_level="error")
        )
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            thread.join(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        return cls(services, storage, bus, secrets, context, server, port, keys, clock, baton)

    def stop(self) -> None:
        """Stop serving."""
        self.server.should_exit = True

    def call(
        self,
        path: str,
        role: Role | None = Role.READ,
        *,
        method: str = "GET",
        body: Any = None,
        **headers: str,
    ) -> Reply:
        """Call the API with a role's key, or with none."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if role:
            named.setdefault("authorization", f"Bearer {self.keys[role]}")
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            named.setdefault("content-type", "application/json")
        url = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, data, named, method=method)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as reply:
                return Reply(reply.status, reply.headers, reply.read())
        except urllib.error.HTTPError as exc:
            with exc:
                return Reply(exc.code, exc.headers, exc.read())

    def post(self, path: str, body: Any = None, role: Role = Role.OPERATE, **headers: str) -> Reply:
        """Post JSON with the key of a role."""
        return self.call(path, role, method="POST", body={} if body is None else body, **headers)

    def configure(self, name: str = "flights", **changes: Any) -> None:
        """Configure a table."""
        data = table_data(name=name, postgres={"table": name}) | changes
        self.services.config.put(
            ResolvedTable(
                environment="test",
                table=TableConfig.model_validate(data),
                connections=Connections.model_validate(CONNECTIONS),
            )
        )

    def found_at(self, moment: datetime) -> None:
        """Let what is written from now on have generations of a moment."""
        self.storage.first_generation = int(moment.timestamp() * 1e6)

    def record(self, run: Run) -> Run:
        """Put a run into the ledger, as it was written then."""
        now, self.clock[0] = self.clock[0], run.updated_at
        try:
            return self.services.ledger.open(run)
        finally:
            self.clock[0] = now


def services_in_memory(
    storage: MemoryStorage, bus: MemoryBus, secrets: MemorySecrets, now: Any
) -> Services:
    """Return the services of a cloud in memory, whose sources and targets do not answer."""
    settings = Settings(project="acme", prefix=PREFIX, code_version="1.2.3")
    kept = cast(Storage, storage)
    audit = AuditLog(kept, settings.bucket("audit"))
    return replace(
        Unreached.build(settings),
        storage=kept,
        secrets=cast(Secrets, secrets),
        bus=cast(Bus, bus),
        audit=audit,
        config=ConfigStore(kept, settings.bucket("config"), audit),
        ledger=Ledger(kept, settings.bucket("state")),
        manifests=ManifestStore(kept, settings.bucket("staging")),
        now=now,
    )
