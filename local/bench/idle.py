"""Dispatch: scheduled runs of tables that have not changed, which is what most runs are."""

import base64
import json
import time
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

import psutil

from local.bench.sluice import IDLE_TABLES, TIMEOUT_S, Cloud
from local.bench.source import Source
from local.bench.tables import Table
from local.clients import push_headers
from shared.core.messages import ExtractRequest
from shared.core.runs import RunState

PUSHES = 4
"""At the same time; the function has two instances."""

FIRST_YEAR = 2030
"""The tables are due once a year, so that the laptop's own Scheduler keeps out of it."""

MAX_SETTLING = 50


@dataclass(frozen=True, slots=True)
class Idle:
    """What runs of unchanged tables took together."""

    runs: int
    wall_s: float
    cpu_s: float
    """Of the function's instances."""


def measure(cloud: Cloud, runs: int) -> Idle:
    """Let the tables settle, then push the messages of ever new slots.

    Raises:
        RuntimeError: a run was not skipped.
    """
    Source(cloud).sql("CREATE OR REPLACE TABLE BENCH.PUBLIC.IDLE AS SELECT 1 AS ID")
    year = _settle(cloud)
    years = range(year + 1, year + 1 + runs // len(IDLE_TABLES))
    cpu_before_s, started_s = _cpu_s(cloud), time.monotonic()
    _push(cloud, years)
    wall_s, cpu_s = time.monotonic() - started_s, _cpu_s(cloud) - cpu_before_s
    if _skipped(cloud, years) < len(years) * len(IDLE_TABLES):
        raise RuntimeError("a run of an unchanged table was not skipped")
    return Idle(len(years) * len(IDLE_TABLES), wall_s, cpu_s)


def table(cloud: Cloud, runs: int) -> Table:
    """Measure, and return the report's table."""
    found = measure(cloud, runs)
    return Table(
        f"{found.runs:,} runs of unchanged tables",
        f"Scheduled runs of {len(IDLE_TABLES)} tables, slot after slot, {PUSHES} messages at a "
        "time to two instances: configuration read, record created, source asked for its last "
        "change, state row of the target read, record ended as skipped (verified). On a laptop "
        "the services that are called share the machine's processors; the last column is the "
        "function's own share.",
        ("runs", "seconds", "runs/s", "ms for a run", "CPU ms of the function for a run"),
        (
            (
                *(f"{found.runs:,}", f"{found.wall_s:.1f}", f"{found.runs / found.wall_s:.1f}"),
                f"{1000 * found.wall_s / found.runs:.1f}",
                f"{1000 * found.cpu_s / found.runs:.1f}",
            ),
        ),
    )


def _settle(cloud: Cloud) -> int:
    """Do slots until all tables are skipped; return the year of the last one."""
    for year in range(FIRST_YEAR, FIRST_YEAR + MAX_SETTLING):
        _push(cloud, [year])
        if _skipped(cloud, [year]) == len(IDLE_TABLES):
            return year
        time.sleep(1)
    raise RuntimeError("the tables are never skipped")


def _skipped(cloud: Cloud, years: Sequence[int]) -> int:
    wanted = {str(year) for year in years}
    return sum(
        entry.table in IDLE_TABLES
        and entry.run_id[:4] in wanted
        and entry.state is RunState.SKIPPED
        for entry in cloud.services.ledger.entries()
    )


def _push(cloud: Cloud, years: Sequence[int]) -> None:
    """Push the message of each table for each year, as Pub/Sub would."""
    url = f"http://127.0.0.1:{cloud.described['services']['extract']['port']}/"
    bodies = [_body(table, year) for year in years for table in IDLE_TABLES]
    headers = push_headers(cloud.described, "extract")

    def post(body: bytes) -> None:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=TIMEOUT_S):
            pass

    with ThreadPoolExecutor(PUSHES) as pool:
        list(pool.map(post, bodies))


def _body(table: str, year: int) -> bytes:
    at = datetime(year, 1, 1, 0, 0, 1, tzinfo=UTC)
    data = ExtractRequest(table=table, published_at=at).encode()
    message = {
        "data": base64.b64encode(data).decode(),
        "messageId": f"{table}-{year}",
        "publishTime": at.isoformat(),
    }
    return json.dumps({"message": message, "subscription": "bench"}).encode()


def _cpu_s(cloud: Cloud) -> float:
    master = psutil.Process(cloud.described["services"]["extract"]["pid"])
    return sum(sum(p.cpu_times()[:2]) for p in (master, *master.children(recursive=True)))
