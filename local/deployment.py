"""Table files into a local cloud: when it starts, and again whenever they change while it is up.

The deployment to Google does the same with the config bucket, and leaves the jobs to Terraform.
"""

import json
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from local.topology import (
    BIGQUERY_LOCATION,
    PROJECT,
    SQLSERVER_DATABASE,
    SQLSERVER_USER,
    SWEEP_JOB,
    topic,
)
from shared.config import documents, resolve, schedule
from shared.config.documents import Document
from shared.config.store import Changes, ConfigStore
from shared.config.tables import ResolvedTable
from shared.core.deliveries import VERSION
from shared.settings import person

TIMEOUT_S = 10.0
SQLSERVER_PASSWORD_SECRET, SQLSERVER_CA_SECRET = "sqlserver-password", "sqlserver-ca"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """The ports of this cloud's source and targets; some run only where a table needs them."""

    snowflake: int
    postgres: int
    sqlserver: int | None = None
    bigquery: int | None = None

    @classmethod
    def of(cls, described: dict[str, Any]) -> Self:
        """Return those of a cloud that is up, from what it wrote about itself."""
        services = described["services"]
        return cls(
            snowflake=services["snowflake"]["port"],
            postgres=services["postgres"]["port"],
            sqlserver=described.get("sqlserver"),
            bigquery=described.get("bigquery"),
        )


def read(config_dir: Path, environment: str, endpoints: Endpoints) -> list[ResolvedTable]:
    """Read the table files as they are for this cloud.

    Raises:
        InvalidConfigError: they are wrong.
    """
    connections: dict[str, Any] = {
        "snowflake": {"port": endpoints.snowflake},
        "postgres": {"port": endpoints.postgres},
    }
    if endpoints.sqlserver is not None:
        connections["sqlserver"] = {
            "host": "127.0.0.1",
            "port": endpoints.sqlserver,
            "database": SQLSERVER_DATABASE,
            "user": SQLSERVER_USER,
            "password_secret": SQLSERVER_PASSWORD_SECRET,
            "ca_secret": SQLSERVER_CA_SECRET,
        }
    if endpoints.bigquery is not None:
        connections["bigquery"] = {
            "project": PROJECT,
            "location": BIGQUERY_LOCATION,
            "endpoint": f"http://127.0.0.1:{endpoints.bigquery}",
        }
    return resolve.load(config_dir, environment, Document({"connections": connections}))


def needs(target: str, config_dir: Path, environment: str) -> bool:
    """Say whether a table has a target of a kind, before the files are checked.

    Raises:
        InvalidConfigError: a file cannot be read.
    """
    files = [config_dir / "tables.yaml", config_dir / "environments" / f"{environment}.yaml"]
    files += sorted((config_dir / "tables").glob("*.yaml"))
    for path in (each for each in files if each.exists()):
        data = documents.read(path).data
        tables = data.get("tables", [data])
        found = tables.values() if isinstance(tables, dict) else tables
        if any(isinstance(each, dict) and each.get(target) is not None for each in found or ()):
            return True
    return False


def deploy(store: ConfigStore, control: str, tables: list[ResolvedTable]) -> Changes:
    """Make these the tables of the cloud: their configuration, and their Scheduler jobs.

    Args:
        store: where the functions read the configuration.
        control: address of the Scheduler.
        tables: all that there are to be.
    """
    changes = store.deploy(tables, person())
    scheduled = [t for t in tables if t.table.schedule != schedule.MANUAL]
    for resolved in scheduled:
        put_job(control, resolved.table.name, _job(resolved))
    for name in _job_names(control) - {t.table.name for t in scheduled} - {SWEEP_JOB}:
        _ask(f"{control}/jobs/{name}", "DELETE")
    return changes


def put_job(control: str, name: str, job: dict[str, str]) -> None:
    """Create or replace a Scheduler job."""
    _ask(f"{control}/jobs/{name}", "PUT", json.dumps(job).encode())


def _job(resolved: ResolvedTable) -> dict[str, str]:
    table = resolved.table
    return {
        "schedule": schedule.cron(table.schedule),
        "time_zone": table.time_zone,
        "topic": topic("extract"),
        "data": json.dumps({"version": VERSION, "table": table.name}),
    }


def _job_names(control: str) -> set[str]:
    jobs: Iterable[dict[str, Any]] = json.loads(_ask(f"{control}/jobs", "GET"))
    return {job["name"] for job in jobs}


def _ask(url: str, method: str, body: bytes | None = None) -> bytes:
    request = urllib.request.Request(url, body, method=method)  # noqa: S310 - our loopback address
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as reply:  # noqa: S310
        content: bytes = reply.read()
    return content
