"""As many instances as a target of twenty connections affords: none is refused, none starves.

Terraform reckons with one connection for each instance. Here the real steps run in as many threads
as there would be instances, and the database lets no more in.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shared.core import runs
from shared.core.messages import ExtractRequest, IngestRequest, LoadRequest
from shared.core.runs import RunState, Trigger
from shared.errors import RetryableError
from shared.steps.extract import extract
from shared.steps.ingest import ingest
from shared.steps.load import load
from shared.storage import ABSENT
from shared.wiring import Services
from tests.flow.cloud import Cloud
from tests.flow.unheard import UnheardBus

CONNECTIONS = 20
INSTANCES = {"extract": 5, "ingest": 5, "load": 7}
"""Of twenty connections. Source: terraform/modules/catalog/functions.tf; the sweep has one."""

EACH = 15
"""Tables, and files."""

MAX_DELIVERIES = 5
"""Then a message is a dead letter. Source: terraform/bus.tf."""

BACKOFF_S = 0.2
ROLE = "narrow"


@pytest.fixture(scope="module")
def narrow(cloud: Cloud) -> Cloud:
    """Let a role have so many connections, and make what is to be moved."""
    password = cloud.services.secrets.get("postgres-password").text()
    cloud.target(f"CREATE ROLE {ROLE} LOGIN CONNECTION LIMIT {CONNECTIONS} PASSWORD '{password}'")
    cloud.target(f"GRANT postgres TO {ROLE}")
    cloud.source("CREATE TABLE {db}.PRESSED AS SELECT 1 AS ID, 'one' AS NAME")
    source = {"database": "TESTS", "schema": "PUBLIC", "table": "PRESSED"}
    connections = cloud.connections(user=ROLE)
    for number in range(EACH):
        cloud.configure(
            f"pressed_table_{number}",
            snowflake=source,
            primary_key=["id"],
            connections=connections,
        )
        cloud.configure(
            f"pressed_file_{number}",
            csv={"columns": {"id": "int64"}},
            sync_mode="append",
            connections=connections,
        )
    return cloud


class Platform:
    """Instances of each function, each with clients of its own."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._local = threading.local()
        self._pools = {name: ThreadPoolExecutor(n) for name, n in INSTANCES.items()}
        self._loads: list[Future[int]] = []

    def move_table(self, table: str) -> Future[int]:
        """Extract and load a table; return the most deliveries that one of both took."""
        request = ExtractRequest(
            table=table, published_at=datetime.now(UTC), request_id=uuid.uuid4().hex
        )
        key = str(request.request_id)
        run_id = runs.run_id(table, Trigger.REQUEST, key, request.published_at)
        return self._start("extract", lambda s: extract(request, s), table, run_id)

    def move_file(self, table: str) -> Future[int]:
        """Take a file in and load it, from a bucket that announces nothing by itself."""
        storage = self._cloud.services.storage
        bucket, name = self._cloud.services.settings.bucket("quarantine"), f"{table}/one.csv"
        generation = storage.write(
            bucket, name, b"id\n1\n", generation=ABSENT, content_type="text/csv"
        )
        request = IngestRequest(bucket=bucket, name=name, generation=generation)
        run_id = runs.run_id(table, Trigger.FILE, request.key, request.announced_at)
        return self._start("ingest", lambda s: ingest(request, s), table, run_id)

    def _start(
        self, name: str, step: Callable[[Services], None], table: str, run_id: str
    ) -> Future[int]:
        request = LoadRequest(table=table, run_id=run_id)

        def both() -> int:
            staged = self._deliver(step)
            self._loads.append(
                self._pools["load"].submit(self._deliver, lambda s: load(request, s))
            )
            return staged

        return self._pools[name].submit(both)

    def loads(self) -> Iterator[int]:
        """Yield how many deliveries each load took."""
        yield from (future.result() for future in self._loads)

    def close(self) -> None:
        """End all instances."""
        for pool in self._pools.values():
            pool.shutdown()

    def _deliver(self, step: Callable[[Services], None]) -> int:
        """Deliver until acknowledged; return how often that was."""
        if not hasattr(self._local, "services"):
            built = Services.build(self._cloud.services.settings)
            self._local.services = replace(built, bus=UnheardBus())
        for number in range(1, MAX_DELIVERIES + 1):
            try:
                step(self._local.services)
            except RetryableError as exc:
                refused = exc
                time.sleep(BACKOFF_S * 2**number)
            else:
                return number
        raise AssertionError(f"a dead letter after {MAX_DELIVERIES} deliveries") from refused


def test_a_target_of_twenty_connections_serves_all_instances_that_it_affords(
    narrow: Cloud,
) -> None:
    platform = Platform(narrow)

    started = [platform.move_table(f"pressed_table_{n}") for n in range(EACH)]
    started += [platform.move_file(f"pressed_file_{n}") for n in range(EACH)]
    deliveries = [future.result() for future in started]
    deliveries += platform.loads()
    platform.close()

    names = [f"pressed_{kind}_{n}" for kind in ("table", "file") for n in range(EACH)]
    assert len(deliveries) == 2 * len(names)
    assert deliveries.count(1) == len(deliveries)
    ended = [run.state for name in names for run in narrow.runs(name)]
    assert ended == [RunState.COMMITTED] * len(names)
