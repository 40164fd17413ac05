"""A bad minute: many messages at once, the database restarted, Cloud Storage out of order."""

import json
import os
import signal
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from local.clients import connect_postgres
from shared.core.dead_letters import LetterState
from shared.core.runs import Run, RunState
from tests.flow.cloud import Cloud
from tests.flow.conftest import write_config

ROWS = 500
REQUESTS_PER_TABLE = 5
OUTAGE_S = 20.0
LIMIT_S = 240.0
WELL = {RunState.COMMITTED, RunState.SUPERSEDED, RunState.SKIPPED}
COLUMNS = "ID NUMBER(9,0), NAME VARCHAR, AT TIMESTAMP_NTZ(6)"
KEYED = f"{COLUMNS}, PRIMARY KEY (ID)"
MODES: dict[str, dict[str, Any]] = {
    "full": {},
    "merge": {"sync_mode": "incremental", "incremental_column": "at"},
    "append": {"sync_mode": "append", "incremental_column": "at"},
}
TABLES = [
    f"storm_{mode}_{n}"
    for mode, number in (("full", 4), ("merge", 3), ("append", 3))
    for n in range(number)
]


@pytest.fixture(scope="module")
def shaken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Start a cloud of its own: this one suffers."""
    folder = tmp_path_factory.mktemp("storm")
    started = Cloud.start(folder / "state", write_config(folder))
    yield started
    started.stop()


def make(cloud: Cloud, name: str) -> None:
    """Make a table of the mode in its name, load it, and change every row at the source."""
    mode = name.split("_")[1]
    table = f"{{db}}.{name.upper()}"
    cloud.source(f"CREATE TABLE {table} ({COLUMNS if mode == 'append' else KEYED})")
    cloud.source(
        f"INSERT INTO {table} SELECT SEQ4(), 'first', SYSDATE() "
        f"FROM TABLE(GENERATOR(ROWCOUNT => {ROWS}))"
    )
    cloud.configure(name, **MODES[mode])
    assert cloud.run(name).state is RunState.COMMITTED
    if mode != "append":
        cloud.source(f"UPDATE {table} SET NAME = 'second', AT = SYSDATE()")
    cloud.source(
        f"INSERT INTO {table} SELECT {ROWS} + SEQ4(), 'second', SYSDATE() "
        f"FROM TABLE(GENERATOR(ROWCOUNT => {ROWS}))"
    )


def order_gcs(cloud: Cloud, rules: list[dict[str, Any]]) -> None:
    """Let Cloud Storage misbehave by rules, or behave again if there are none."""
    url = f"{cloud.background.described['env']['STORAGE_EMULATOR_HOST']}/_faults"
    request = urllib.request.Request(
        url, json.dumps(rules).encode() if rules else None, method="POST" if rules else "DELETE"
    )
    urllib.request.urlopen(request, timeout=10).close()


class Reader:
    """Somebody who counts the rows of a table all the time."""

    def __init__(self, uri: str, table: str) -> None:
        self._uri, self._table = uri, table
        self._over = threading.Event()
        self.seen: set[tuple[int, int]] = set()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def stop(self) -> set[tuple[int, int]]:
        """Return every pair of rows at all and rows of the second state that was there to see."""
        self._over.set()
        self._thread.join()
        return self.seen

    def _read(self) -> None:
        connection: Any = None
        while not self._over.wait(0.02):
            try:
                connection = connection or connect_postgres(self._uri)
                connection.autocommit = True
                cursor = connection.cursor()
                cursor.execute(
                    f"SELECT count(*), count(*) FILTER (WHERE name = 'second') FROM {self._table}"
                )
                self.seen.add(tuple(cursor.fetchone()))
            except Exception:  # noqa: BLE001 - the server is down for a moment, as ordered
                connection = None


@contextmanager
def readers(cloud: Cloud, *tables: str) -> Iterator[dict[str, Reader]]:
    """Read tables while something happens."""
    uri = cloud.background.described["postgres_uri"]
    yield {table: Reader(uri, table) for table in tables}


def wait_for_work(cloud: Cloud, wanted: set[str]) -> None:
    """Wait until one of the runs has ended: others are under way then."""
    cloud.await_value(
        lambda: any(r.run_id in wanted and r.is_terminal for t in TABLES for r in cloud.runs(t)),
        "no run has ended",
    )


def wait_for_ends(cloud: Cloud, wanted: set[str]) -> dict[str, Run]:
    """Wait until all runs have ended, and return them."""
    deadline_s = time.monotonic() + LIMIT_S
    found: dict[str, Run] = {}
    while time.monotonic() < deadline_s:
        found = {r.run_id: r for t in TABLES for r in cloud.runs(t) if r.run_id in wanted}
        if len(found) == len(wanted) and all(r.is_terminal for r in found.values()):
            return found
        time.sleep(0.5)
    stuck = [f"{r.table} {r.state} {r.failure}" for r in found.values() if not r.is_terminal]
    raise AssertionError(f"{len(found)} of {len(wanted)} runs are known; not ended: {stuck}")


@pytest.mark.timeout(400)
def test_everything_arrives_once_without_anybodys_help(shaken: Cloud) -> None:
    cloud = shaken
    for name in TABLES:
        make(cloud, name)
    pid = cloud.background.described["services"]["postgres"]["pid"]

    with readers(cloud, "storm_full_0", "storm_merge_0", "storm_append_0") as reading:
        wanted = {cloud.request(name) for _ in range(REQUESTS_PER_TABLE) for name in TABLES}
        wait_for_work(cloud, wanted)
        os.kill(pid, signal.SIGQUIT)
        order_gcs(cloud, [{"kind": "status", "status": 503}])
        time.sleep(OUTAGE_S)
        order_gcs(cloud, [])
        ended = wait_for_ends(cloud, wanted)
        seen = {name: reader.stop() for name, reader in reading.items()}

    cloud.postgres = connect_postgres(cloud.background.described["postgres_uri"])
    assert {r.state for r in ended.values()} <= WELL
    # Undisturbed, each step of a run takes one attempt.
    assert any(r.attempt_count > len(r.steps) for r in ended.values())
    assert list(cloud.services.dead_letters.letters(LetterState.OPEN)) == []
    for name in TABLES:
        source = cloud.source(f"SELECT ID, NAME FROM {{db}}.{name.upper()} ORDER BY ID")
        assert cloud.target(f"SELECT id, name FROM {name} ORDER BY id") == source
    both = {(ROWS, 0), (2 * ROWS, 2 * ROWS)}
    assert seen["storm_full_0"] <= both
    assert seen["storm_merge_0"] <= both
    assert seen["storm_append_0"] <= {(ROWS, 0), (2 * ROWS, ROWS)}
