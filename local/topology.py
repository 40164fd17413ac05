"""Which processes make the cloud on a laptop, on which ports, with which environment."""

import json
import os
import secrets
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from local.ports import free_port, is_free
from local.postgres import Postgres
from local.sqlserver import PASSWORD_VARIABLE
from shared.cli.cloud import KEPT_FILE
from shared.core import access
from shared.settings import FUNCTION_ENVIRONMENT

PROJECT = "sluice-local"
PREFIX = "sluice-local"
FUNCTIONS = ("extract", "ingest", "load", "sweep")
"""Functions that Pub/Sub calls."""

PUSH_ACCOUNT = f"{PREFIX}-push@{PROJECT}.iam.gserviceaccount.com"
"""The account that Pub/Sub signs its pushes for."""

SWEEP_JOB = "sluice-sweep"
"""The Scheduler job of the sweep; no table can have this name."""

API = "api"
"""The function that people and machines call."""

INSTANCES = {API: 1, "extract": 2, "ingest": 2, "load": 2, "sweep": 1}
"""Instances of each function: one request at a time each, as in the cloud."""

INSTANCES_VARIABLE = "SLUICE_LOCAL_INSTANCES"
"""Gives extract and load another number of instances; the benchmark of units sets it."""

LEASE_S = 5
"""Shorter than in the cloud, as the back-off is: redelivery must outlast the lease of the dead."""

PORTS_FILE, PASSWORD_FILE, API_KEY_FILE = KEPT_FILE, "postgres-password", "api-key"
"""What stays of a cloud in its state directory from start to start, beside its data."""

SQLSERVER_DATABASE, SQLSERVER_USER = "sluice", "sluice"
BIGQUERY_LOCATION = "EU"

REPOSITORY = Path(__file__).resolve().parent.parent


def topic(name: str) -> str:
    """Return the full name of a topic of this cloud."""
    return f"projects/{PROJECT}/topics/{PREFIX}-{name}"


def address(port: int) -> str:
    """Return the address of a function: where it is pushed to, and what tokens are made for."""
    return f"http://127.0.0.1:{port}/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process of the local cloud: started, watched, and started again when it dies."""

    name: str
    command: tuple[str, ...]
    port: int
    health: str | None
    """Path that answers 2xx once the process serves; None: an open port is enough."""
    env: dict[str, str] = field(default_factory=dict)
    folder: Path | None = None
    """Where it runs; None: where the supervisor does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where everything listens, on 127.0.0.1."""

    gcs: int
    pubsub: int
    secrets: int
    control: int
    snowflake: int
    postgres: int
    sqlserver: int
    sqlserver_control: int
    bigquery: int
    extract: int
    ingest: int
    load: int
    sweep: int
    api: int

    @classmethod
    def plan(cls, path: Path) -> Self:
        """Return the ports that a file remembers, others for those that somebody else has by now.

        Endpoints are part of each table's configuration: with other ports every table would be
        another one, and its contract and its proof of an unchanged source would be gone.
        """
        kept: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
        ports = {name: kept.get(name, 0) for name in cls.__dataclass_fields__}
        for name, port in ports.items():
            if not is_free(port):
                ports[name] = free_port(taken=set(ports.values()))
        planned = cls(**ports)
        path.write_text(json.dumps(asdict(planned), indent=2))
        return planned


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """One local cloud: its folder, its ports, the password of its databases."""

    state_dir: Path
    ports: Ports
    password: str
    api_key: str
    """A key of this cloud's API with the role ``admin``."""
    functions_dir: Path | None = None
    """Where archives are unpacked, ``<function>/`` with its ``.venv``; None: the checkout."""
    has_sqlserver: bool = False
    has_bigquery: bool = False

    @classmethod
    def plan(
        cls,
        state_dir: Path,
        functions_dir: Path | None = None,
        *,
        has_sqlserver: bool = False,
        has_bigquery: bool = False,
    ) -> Self:
        """Plan a cloud in a folder; one from an earlier start keeps its password and ports.

        Args:
            state_dir: the folder.
            functions_dir: where archives are unpacked, if they are to be run.
            has_sqlserver: whether a table needs SQL Server; it costs two seconds and 190 MB.
            has_bigquery: whether a table needs BigQuery; it costs a second and 140 MB.
        """
        state_dir.mkdir(parents=True, exist_ok=True)
        return cls(
            state_dir=state_dir,
            ports=Ports.plan(state_dir / PORTS_FILE),
            password=_kept(state_dir / PASSWORD_FILE, lambda: secrets.token_urlsafe(18)),
            api_key=_kept(state_dir / API_KEY_FILE, access.new_token),
            functions_dir=functions_dir,
            has_sqlserver=has_sqlserver,
            has_bigquery=has_bigquery,
        )

    @property
    def env(self) -> dict[str, str]:
        """The variables that functions and command line need to reach this cloud."""
        ports = self.ports
        return {
            "SLUICE_PROJECT": PROJECT,
            "SLUICE_PREFIX": PREFIX,
            "SLUICE_SECRETS_ENDPOINT": f"http://127.0.0.1:{ports.secrets}",
            "STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{ports.gcs}",
            "PUBSUB_EMULATOR_HOST": f"127.0.0.1:{ports.pubsub}",
        }

    @property
    def api_env(self) -> dict[str, str]:
        """What the API needs besides: ID tokens are those that the bus signs for its pushes."""
        return {
            "SLUICE_API_AUDIENCE": f"http://127.0.0.1:{self.ports.api}",
            "SLUICE_ID_TOKEN_CERTS": f"{address(self.ports.control)}certs",
        }

    def push_env(self, name: str) -> dict[str, str]:
        """Return what a function needs to know the pushes of this cloud's Pub/Sub."""
        return {
            "SLUICE_PUSH_ACCOUNT": PUSH_ACCOUNT,
            "SLUICE_PUSH_AUDIENCE": address(getattr(self.ports, name)),
            "SLUICE_ID_TOKEN_CERTS": f"{address(self.ports.control)}certs",
        }

    def postgres(self) -> Postgres:
        """Return the PostgreSQL server, not started."""
        return Postgres(self.state_dir / "postgres", self.ports.postgres, self.password)

    def processes(self) -> Iterator[Process]:
        """Yield the emulators in the order of starting."""
        ports, state = self.ports, self.state_dir
        yield self._module(
            "control-plane",
            "local.control_plane",
            port=ports.control,
            options={
                "--state": state / "control",
                "--pubsub-port": ports.pubsub,
                "--secrets-port": ports.secrets,
                "--control-port": ports.control,
            },
        )
        yield self._module(
            "gcs",
            "local.gcs",
            port=ports.gcs,
            options={
                "--state": state / "gcs",
                "--port": ports.gcs,
                "--notify-endpoint": f"127.0.0.1:{ports.pubsub}",
            },
        )
        yield self._reaching_storage(
            self._module(
                "snowflake",
                "local.snowflake",
                port=ports.snowflake,
                options={"--state": state / "snowflake", "--port": ports.snowflake},
            )
        )
        if self.has_sqlserver:
            yield self._sqlserver()
        if self.has_bigquery:
            yield self._bigquery()

    def functions(self) -> Iterator[Process]:
        """Yield the real functions under the real framework."""
        for name in (*FUNCTIONS, API):
            folder = self.functions_dir / name if self.functions_dir else None
            python = str(folder / ".venv/bin/python") if folder else sys.executable
            source = (folder or REPOSITORY / "functions" / name) / "main.py"
            yield Process(
                name=name,
                command=(
                    *(python, "-m", "functions_framework", "--host", "127.0.0.1"),
                    *("--target", name, "--source", str(source)),
                    *("--port", str(getattr(self.ports, name))),
                ),
                port=getattr(self.ports, name),
                health="/health" if name == API else None,
                folder=folder,
                env={
                    **self.env,
                    **(self.api_env if name == API else self.push_env(name)),
                    **FUNCTION_ENVIRONMENT,
                    "WORKERS": str(_instances(name)),
                    "THREADS": "1",
                    "SLUICE_LEASE_S": str(LEASE_S),
                },
            )

    def _sqlserver(self) -> Process:
        ports = self.ports
        process = self._module(
            "sqlserver",
            "local.sqlserver",
            port=ports.sqlserver_control,
            options={
                "--state": self.state_dir / "sqlserver",
                "--port": ports.sqlserver,
                "--control-port": ports.sqlserver_control,
                "--database": SQLSERVER_DATABASE,
                "--user": SQLSERVER_USER,
            },
        )
        return replace(process, env={**process.env, PASSWORD_VARIABLE: self.password})

    def _bigquery(self) -> Process:
        process = self._module(
            "bigquery",
            "local.bigquery",
            port=self.ports.bigquery,
            options={"--state": self.state_dir / "bigquery", "--port": self.ports.bigquery},
        )
        return self._reaching_storage(process)

    def _reaching_storage(self, process: Process) -> Process:
        """Give a service a way of its own to the buckets: load jobs read parts, unloads write."""
        storage = {"STORAGE_EMULATOR_HOST": self.env["STORAGE_EMULATOR_HOST"]}
        return replace(process, env={**process.env, **storage})

    def _module(self, name: str, module: str, *, port: int, options: dict[str, Any]) -> Process:
        pairs = [str(part) for pair in options.items() for part in pair]
        return Process(
            name=name,
            command=(sys.executable, "-m", module, *pairs),
            port=port,
            health="/_health",
            env={"PUBSUB_EMULATOR_HOST": self.env["PUBSUB_EMULATOR_HOST"]},
        )


def _instances(name: str) -> int:
    wanted = os.environ.get(INSTANCES_VARIABLE)
    return int(wanted) if wanted and name in ("extract", "load") else INSTANCES[name]


def _kept(path: Path, make: Callable[[], str]) -> str:
    """Return what a file of an earlier start holds, or make it, readable by its owner alone."""
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(make())
    return path.read_text()
