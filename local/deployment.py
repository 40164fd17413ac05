"""Table files into a local cloud: when it starts, and again whenever they change while it is up.

The deployment to Google does the same with the config bucket, and leaves the jobs to Terraform.
"""

import json
import urllib.request
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from local.topology import SWEEP_JOB, topic
from shared.config import resolve, schedule
from shared.config.documents import Document
from shared.config.models import ResolvedTable
from shared.config.store import Changes, ConfigStore
from shared.core.messages import VERSION

TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """The ports of this cloud's source and target."""

    snowflake: int
    postgres: int

    @classmethod
    def of(cls, described: dict[str, Any]) -> Self:
        """Return those of a cloud that is up, from what it wrote about itself."""
        services = described["services"]
        return cls(**{name: services[name]["port"] for name in cls.__dataclass_fields__})


def read(config_dir: Path, environment: str, endpoints: Endpoints) -> list[ResolvedTable]:
    """Read the table files as they are for this cloud.

    Raises:
        InvalidConfigError: they are wrong.
    """
    ports = {name: {"port": port} for name, port in asdict(endpoints).items()}
    return resolve.load(config_dir, environment, Document({"connections": ports}))


def deploy(store: ConfigStore, control: str, tables: list[ResolvedTable]) -> Changes:
    """Make these the tables of the cloud: their configuration, and their Scheduler jobs.

    Args:
        store: where the functions read the configuration.
        control: address of the Scheduler.
        tables: all that there are to be.
    """
    changes = store.deploy(tables)
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
