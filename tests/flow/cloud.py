"""A local cloud for tests: the real functions, driven from outside as the platform drives them."""

import base64
import json
import os
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from unittest.mock import patch

from local.clients import connect_postgres, connect_snowflake, push_headers
from local.supervisor import Background
from shared.config.connections import Connections
from shared.config.tables import ResolvedTable, TableConfig
from shared.core import runs
from shared.core.messages import ExtractRequest
from shared.core.modes import SyncMode
from shared.core.runs import Run, Trigger
from shared.settings import Settings, adopt
from shared.storage import ABSENT
from shared.wiring import Services
from tests.flow.command_line import TIMEOUT_S, sluice

DATABASE = "TESTS"
POLL_S = 0.05

SPANS = "spans.ndjson"
"""File with the spans of all functions of a cloud, below its state directory."""


@dataclass(slots=True)
class Cloud:
    """One running local cloud and connections to both ends of it."""

    background: Background
    services: Services
    snowflake: Any
    postgres: Any
    state_dir: Path
    tables_of: Path | None = None
    """Folder in which all processes note which module a table belongs to; None: nobody shares."""
    _known: dict[tuple[str, str], tuple[int, Run]] = field(default_factory=dict)
    """Records of runs as they were read last, by table and id, each with its generation."""

    @classmethod
    def start(cls, state_dir: Path, config_dir: Path, functions_dir: Path | None = None) -> Self:
        """Start a cloud with no tables of its own; its functions are the checkout's or unpacked."""
        with patch.dict(os.environ, {"SLUICE_TRACES": f"file:{state_dir / SPANS}"}):
            background = Background.start(state_dir, config_dir, "local", functions_dir)
        adopt(background.described["env"])
        services = Services.build(Settings.from_environment())
        snowflake = connect_snowflake(services.secrets, background.described["snowflake"])
        postgres = connect_postgres(background.described["postgres_uri"])
        postgres.autocommit = True
        snowflake.cursor().execute(f"CREATE DATABASE IF NOT EXISTS {DATABASE}")
        snowflake.cursor().execute(f"CREATE SCHEMA IF NOT EXISTS {DATABASE}.PUBLIC")
        return cls(background, services, snowflake, postgres, state_dir)

    @contextmanager
    def environment(self) -> Iterator[None]:
        """Point this process's clients at this cloud, and back at what they were pointed at."""
        with patch.dict(os.environ, self.background.described["env"]):
            yield

    def stop(self) -> None:
        """Take everything down."""
        self.snowflake.close()
        self.postgres.close()
        self.background.stop()

    def source(self, statement: str) -> list[Any]:
        """Run SQL at the source; ``{db}`` stands for the tests' schema."""
        cursor = self.snowflake.cursor()
        cursor.execute(statement.replace("{db}", f"{DATABASE}.PUBLIC"))
        return list(cursor.fetchall())

    def snowflake_fault(self, **rule: Any) -> None:
        """Let the Snowflake stand-in misbehave; without a rule, behave again."""
        url = f"{self.background.described['snowflake']}/_faults"
        body = json.dumps([rule]).encode() if rule else None
        request = urllib.request.Request(url, body, method="POST" if rule else "DELETE")
        with urllib.request.urlopen(request, timeout=TIMEOUT_S):
            return

    def target(self, statement: str) -> list[tuple[Any, ...]]:
        """Run SQL at the target and return its rows, if it has any."""
        cursor = self.postgres.cursor()
        cursor.execute(statement)
        return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

    def configure(self, name: str, **config: Any) -> str:
        """Deploy a table's configuration; by default a full load of the table of that name."""
        self._claim(name)
        if "csv" not in config:
            place = {"database": DATABASE, "schema": "PUBLIC", "table": name.upper()}
            config = {"snowflake": place, **config}
        config = {"postgres": {"table": name}, **config}
        connections = config.pop("connections", self.connections())
        table = TableConfig.model_validate({"name": name, **config})
        resolved = ResolvedTable(environment="local", table=table, connections=connections)
        self.services.config.put(resolved)
        return name

    def _claim(self, name: str) -> None:
        """Make sure that no other module has a table of that name: they share clouds by chance."""
        if self.tables_of is None:
            return
        module, place = os.environ["PYTEST_CURRENT_TEST"].partition("::")[0], self.tables_of / name
        with suppress(FileExistsError):
            place.symlink_to(module)
        assert str(place.readlink()) == module, f"{name} is a table of {place.readlink()}, too"

    def connections(self, **postgres: Any) -> Connections:
        """Return how to reach both ends, with changes to the way to the target."""
        services = self.background.described["services"]
        return Connections.model_validate(
            {
                "snowflake": {
                    "account": "local",
                    "user": "SLUICE",
                    "host": "127.0.0.1",
                    "port": services["snowflake"]["port"],
                    "protocol": "http",
                    "storage_integration": "SLUICE_STAGING",
                },
                "postgres": {
                    "host": "127.0.0.1",
                    "port": services["postgres"]["port"],
                    "user": "postgres",
                    **postgres,
                },
            }
        )

    def push(
        self,
        function: str,
        data: bytes,
        *,
        attributes: dict[str, str] | None = None,
        message_id: str = "",
        published_at: datetime | None = None,
    ) -> int:
        """Push one message to a function, as Pub/Sub would, and return the HTTP status."""
        message = {
            "data": base64.b64encode(data).decode(),
            "attributes": attributes or {},
            "messageId": message_id or uuid.uuid4().hex,
            "publishTime": (published_at or datetime.now(UTC)).isoformat(),
        }
        body = json.dumps({"message": message, "subscription": f"test-{function}"}).encode()
        return self.post(function, body)

    def post(self, function: str, body: bytes, headers: dict[str, str] | None = None) -> int:
        """Post raw bytes to a function, as Pub/Sub unless other headers are given.

        Returns the HTTP status.
        """
        described = self.background.described
        if headers is None:
            headers = push_headers(described, function)
        port = described["services"][function]["port"]
        request = urllib.request.Request(f"http://127.0.0.1:{port}/", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as reply:
                return int(reply.status)
        except urllib.error.HTTPError as exc:
            exc.close()
            return exc.code

    def run(self, table: str, mode: SyncMode | None = None, *, allow_empty: bool = False) -> Run:
        """Ask for a run by message and wait for its end."""
        run_id = self.request(table, mode, allow_empty=allow_empty)
        return self.await_run(table, lambda r: r.run_id == run_id and r.is_terminal)

    def request(
        self, table: str, mode: SyncMode | None = None, *, allow_empty: bool = False
    ) -> str:
        """Publish a request for a run and return the id that it will have."""
        request = ExtractRequest(
            table=table,
            published_at=datetime.now(UTC),
            mode=mode,
            request_id=uuid.uuid4().hex,
            allow_empty=allow_empty,
        )
        self.services.bus.publish(self.services.settings.topic("extract"), request.encode())
        key = request.request_id or ""
        return runs.run_id(table, Trigger.REQUEST, key, request.published_at)

    def slot(self, table: str, number: int) -> Run:
        """Do the run of an hourly table's slot, as Scheduler asks for it; wait for its end."""
        at = datetime(2030, 1, 1, tzinfo=UTC) + timedelta(hours=number)
        request = ExtractRequest(table=table, published_at=at)
        self.push("extract", request.encode(), published_at=at)
        run_id = runs.run_id(table, Trigger.SCHEDULE, at.isoformat(), at)
        return self.await_run(table, lambda r: r.run_id == run_id and r.is_terminal)

    def drop(self, name: str, content: bytes) -> Run:
        """Drop a file and wait for the end of its run."""
        generation = self.upload(name, content)
        bucket = self.services.settings.bucket("landing")
        key = f"gs://{bucket}/{name}#{generation}"
        table = name.partition("/")[0]
        return self.await_run(table, lambda r: r.trigger_key == key and r.is_terminal)

    def upload(self, name: str, content: bytes) -> int:
        """Put an object into the landing bucket, over what may be there; return its generation."""
        bucket = self.services.settings.bucket("landing")
        found = self.services.storage.info(bucket, name)
        generation = found.generation if found else ABSENT
        return self.services.storage.write(
            bucket, name, content, generation=generation, content_type="text/csv"
        )

    def await_run(self, table: str, wanted: Callable[[Run], bool]) -> Run:
        """Wait until a run of the table is as wanted, and return it."""
        found = self.await_value(
            lambda: next((r for r in self._records(table) if wanted(r)), None),
            f"no such run of {table}",
        )
        assert isinstance(found, Run)
        return found

    def await_value(self, find: Callable[[], Any], failure: str) -> Any:
        """Poll until ``find`` returns something true, and return it."""
        deadline_s = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline_s:
            found = find()
            if found:
                return found
            time.sleep(POLL_S)
        raise AssertionError(f"{failure} within {TIMEOUT_S:g} s")

    def runs(self, table: str) -> list[Run]:
        """Return a table's runs, the oldest first."""
        return sorted(self._records(table), key=lambda r: r.created_at)

    def _records(self, table: str) -> Iterator[Run]:
        """Yield a table's runs; a record is read again only if it was written since."""
        for entry in self.services.ledger.entries(table):
            key = (table, entry.run_id)
            generation, run = self._known.get(key, (None, None))
            if generation != entry.generation:
                run = self.services.ledger.find(table, entry.run_id)
                if run:
                    self._known[key] = entry.generation, run
            if run:
                yield run

    def rejects(self, run: Run) -> list[dict[str, Any]]:
        """Return the rejected rows of a run."""
        bucket = self.services.settings.bucket("quarantine")
        lines: list[dict[str, Any]] = []
        for info in self.services.storage.list(bucket, f"{run.table}/{run.run_id}/"):
            found = self.services.storage.read(bucket, info.name)
            assert found is not None
            lines += [json.loads(line) for line in found[0].splitlines()]
        return lines

    def sluice(self, *arguments: str, columns: int = 200) -> "subprocess.CompletedProcess[str]":
        """Run the command line against this cloud."""
        return sluice(self.state_dir, *arguments, columns=columns)
