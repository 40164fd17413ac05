"""The buckets of one table in memory, with services over them that reach no source or target."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

from shared.config.connections import Connections
from shared.config.tables import ResolvedTable, TableConfig
from shared.core import naming
from shared.core.audit import Link
from shared.core.runs import Run, RunState
from shared.secrets import Secrets
from shared.settings import Settings
from shared.storage import ABSENT
from tests.builders import a_run, table_data
from tests.model.services import services_in_memory
from tests.unit.api.world import MemorySecrets

NOW = datetime(2024, 3, 31, 12, tzinfo=UTC)
PREFIX = "acme"
CONNECTIONS = {
    "snowflake": {"account": "a", "user": "u", "host": "127.0.0.1", "protocol": "http"},
    "postgres": {"host": "127.0.0.1", "user": "postgres"},
}


class Lake:
    """Buckets and services; ``now`` moves when a test says so."""

    def __init__(self) -> None:
        self.now = NOW
        self.secrets = MemorySecrets()
        self.services, self.storage = services_in_memory(
            Settings(project="p", prefix=PREFIX), cast("Secrets", self.secrets), lambda: self.now
        )

    def configure(self, name: str = "people", **changes: Any) -> None:
        """Configure a table."""
        data = table_data(name=name, postgres={"table": name}) | changes
        table = TableConfig.model_validate({k: v for k, v in data.items() if v is not None})
        connections = Connections.model_validate(CONNECTIONS)
        self.services.config.put(
            ResolvedTable(environment="test", table=table, connections=connections)
        )

    def run(self, state: RunState, *, age: timedelta = timedelta(0), **changes: Any) -> Run:
        """Record a run of ``people`` that was asked for so long ago."""
        at = self.now - age
        run_id = f"{at:%Y%m%dT%H%M%SZ}-{len(self.storage.history):012x}"
        given = {"run_id": run_id, "table": "people", "created_at": at, "updated_at": at}
        return self.services.ledger.open(a_run(state=state, **given | changes))

    def put(
        self, zone: str, name: str, data: bytes = b"x", *, age: timedelta = timedelta(0)
    ) -> str:
        """Put an object into a zone as if so long ago; return its name."""
        now, self.now = self.now, self.now - age
        bucket = self.services.settings.bucket(zone)
        self.storage.write(bucket, name, data, generation=ABSENT, content_type="text/plain")
        self.now = now
        return name

    def names(self, zone: str, prefix: str = "") -> list[str]:
        """Return the names of a zone's objects."""
        bucket = self.services.settings.bucket(zone)
        return [info.name for info in self.storage.list(bucket, prefix)]

    def content(self, zone: str, name: str) -> bytes:
        """Return an object's bytes."""
        found = self.storage.read(self.services.settings.bucket(zone), name)
        assert found is not None
        return found[0]

    def events(self, table: str = naming.NO_TABLE) -> list[Link]:
        """Return the audit events of a table, the oldest first."""
        return list(self.services.audit.events(table))
