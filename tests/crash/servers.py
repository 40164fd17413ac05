"""Real servers for steps that are called in this process: storage, source and target.

Pub/Sub and Secret Manager are answered here, at the clients' own seam, so that a test decides what
is delivered when. Everything else goes over the wire.
"""

import contextlib
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from local.ports import free_ports
from shared.bus import Bus
from shared.config.connections import Connections
from shared.settings import BUCKETS, Settings
from shared.storage import Storage
from shared.wiring import Services
from tests.crash.ends import Asked, BigQueryEnd, End, PostgresEnd, SqlServerEnd
from tests.vault import Vault

DATABASE = "CRASH"
START_TIMEOUT_S = 30.0
POLL_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A message as the bus took it."""

    topic: str
    data: bytes
    attributes: dict[str, str]


class Outbox(Bus):
    """A bus that hands the messages to the test."""

    def __init__(self) -> None:
        super().__init__()
        self.published: list[Published] = []

    def publish(self, topic: str, data: bytes, attributes: Mapping[str, str] | None = None) -> str:
        """Take a message."""
        name = topic.rpartition("-")[2]
        self.published.append(Published(topic=name, data=data, attributes=dict(attributes or {})))
        return "1"


class Clock:
    """The time, which a test may move on."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        """Return the time."""
        return datetime.now(UTC) + self._ahead

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._ahead += timedelta(seconds=seconds)


class Servers:
    """Storage, source and target, and the services that reach them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._children: list[subprocess.Popen[bytes]] = []
        self.gcs_port, self.snowflake_port, postgres_port = free_ports(3)
        self._ends: tuple[End, ...] = (
            PostgresEnd(folder, postgres_port),
            SqlServerEnd(folder),
            BigQueryEnd(folder, self.gcs_port),
        )
        self._buckets: Any = None
        self._storage: Any = None
        self._vault: Any = None
        self._source: Any = None
        self._targets: dict[str, Asked] = {}

    def start(self) -> None:
        """Start the servers."""
        self._spawn("local.gcs", self.gcs_port)
        # Where it unloads to, and nothing more.
        storage = {"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{self.gcs_port}"}
        self._spawn("local.snowflake", self.snowflake_port, storage)
        self.target("postgres")
        for port in (self.gcs_port, self.snowflake_port):
            _await(partial(_is_healthy, port), f"port {port}")
        self._connect_storage()

    def stop(self) -> None:
        """Take everything down."""
        with contextlib.suppress(Exception):
            self._source.close()
        for child in self._children:
            child.terminate()
            child.wait()
        for target in self._targets.values():
            target.stop()

    def connections(self, kind: str, database: str) -> Connections:
        """Return how the functions reach both ends, the target by its key."""
        snowflake = {"account": "local", "user": "CRASH", "host": "127.0.0.1", "protocol": "http"}
        snowflake["storage_integration"] = "CRASH"
        return Connections.model_validate(
            {
                "snowflake": {**snowflake, "port": self.snowflake_port},
                kind: self.target(kind).end.reach(database),
            }
        )

    def source(self, statement: str) -> list[Any]:
        """Run SQL at the source."""
        if self._source is None:
            self._source = self._connect_source()
        cursor = self._source.cursor()
        cursor.execute(statement)
        return list(cursor.fetchall())

    def target(self, kind: str) -> Asked:
        """Return a target by its key, started when it is first asked for."""
        if kind not in self._targets:
            end = next(end for end in self._ends if end.kind == kind)
            end.start()
            self._targets[kind] = Asked(end)
        return self._targets[kind]

    def _connect_source(self) -> Any:
        import snowflake.connector

        connection = snowflake.connector.connect(
            account="local",
            user="CRASH",
            authenticator="SNOWFLAKE_JWT",
            private_key=_new_key("DER"),
            host="127.0.0.1",
            port=self.snowflake_port,
            protocol="http",
            arrow_number_to_decimal=True,
            enable_server_session_keep_alive_auto_detection=False,
            session_parameters={"TIMEZONE": "UTC"},
        )
        connection.cursor().execute(f"CREATE DATABASE IF NOT EXISTS {DATABASE}")
        connection.cursor().execute(f"CREATE SCHEMA IF NOT EXISTS {DATABASE}.PUBLIC")
        return connection

    def services(self, prefix: str, **settings: Any) -> tuple[Services, Outbox, Clock]:
        """Return the services of a deployment of its own, its bus and its clock."""
        for bucket in BUCKETS:
            self._buckets.create_bucket(f"{prefix}-{bucket}")
        outbox, clock = Outbox(), Clock()
        services = Services.build(Settings(project="crash", prefix=prefix, **settings))
        services.storage._client = self._storage._client
        services.storage._media = self._storage._media
        envelope = type(services.envelope)(self._vault)
        found = replace(services, bus=outbox, secrets=self._vault, envelope=envelope, now=clock.now)
        return found, outbox, clock

    def _connect_storage(self) -> None:
        from google.auth.credentials import AnonymousCredentials
        from google.cloud.storage import Client

        # The client that makes the buckets remembers them, so functions have another one: theirs.
        endpoint = f"http://127.0.0.1:{self.gcs_port}"
        self._buckets = Client(
            project="crash",
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": endpoint},
        )
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("STORAGE_EMULATOR_HOST", endpoint)
            self._storage = Storage("crash", endpoint)
            client = self._storage._connect()
        # Or the whole environment is searched for proxies at every request.
        client._http.trust_env = self._storage._media._session.trust_env = False
        self._vault = Vault(
            {
                **{f"{end.kind}-password": end.password.encode() for end in self._ends},
                "snowflake-private-key": _new_key("PEM"),
                "staging-key": b"ab" * 32,
            }
        )

    def _spawn(self, module: str, port: int, env: Mapping[str, str] = MappingProxyType({})) -> None:
        state = self._folder / module
        log = (self._folder / f"{module}.log").open("wb")
        command = [sys.executable, "-m", module, "--port", str(port), "--state", str(state)]
        environment = {**os.environ, **env}
        self._children.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))


def _is_healthy(port: int) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/_health"):
        return True
    return False


def _await(condition: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline_s, f"{what} does not answer"
        time.sleep(POLL_S)


def _new_key(form: str) -> bytes:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        getattr(serialization.Encoding, form),
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
