"""The Snowflake side: a table of the benchmark's rows in the stand-in, and Sluice's runs of it."""

import json
import shutil
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local.bench.data import File
from local.bench.measuring import Cost
from local.bench.sluice import IDLE_TABLES, TIMEOUT_S, WARM_UPS, Cloud
from local.clients import connect_snowflake
from shared.core import runs
from shared.core.messages import ExtractRequest
from shared.core.runs import RunState, Trigger

PLACE = "BENCH.PUBLIC.ORDERS"
CHANGED_PART = 20
"""Each change touches every twentieth row."""


@dataclass(frozen=True, slots=True)
class Movement:
    """A run from its request to its end, and the two functions' shares."""

    total: Cost
    extract: Cost
    load: Cost
    rows: int


class Source:
    """The table at the source, and whoever asks for runs of it."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._endpoint = str(cloud.described["snowflake"])
        self._connection = connect_snowflake(cloud.services.secrets, self._endpoint)
        self.sql("CREATE DATABASE IF NOT EXISTS BENCH")
        self.sql("CREATE SCHEMA IF NOT EXISTS BENCH.PUBLIC")

    def sql(self, statement: str) -> list[Any]:
        """Run a statement at the source; return its rows."""
        return list(self._connection.cursor().execute(statement).fetchall())

    def fill(self, file: File) -> None:
        """Make the table anew, of a file's rows and the time of their last change."""
        self.sql("DROP TABLE IF EXISTS BENCH.PUBLIC.SEEDED")
        self.sql(f"DROP TABLE IF EXISTS {PLACE}")
        body = json.dumps({"path": str(file.path.resolve())}).encode()
        url = f"{self._endpoint}/_seed?table=BENCH.PUBLIC.SEEDED"
        with urllib.request.urlopen(urllib.request.Request(url, body), timeout=TIMEOUT_S):  # noqa: S310
            pass
        self.sql(
            f"CREATE TABLE {PLACE} AS SELECT *, SYSDATE()::TIMESTAMP_NTZ(6) AS UPDATED_AT "  # noqa: S608
            "FROM BENCH.PUBLIC.SEEDED"
        )
        self.sql("DROP TABLE BENCH.PUBLIC.SEEDED")

    def change(self) -> None:
        """Change every twentieth row."""
        self.sql(
            f"UPDATE {PLACE} SET QUANTITY = QUANTITY + 1, UPDATED_AT = SYSDATE() "  # noqa: S608
            f"WHERE ID % {CHANGED_PART} = 0"
        )

    def warm_up(self) -> None:
        """Let each instance of each function do a run, so that no round pays for its imports."""
        self.sql("CREATE TABLE IF NOT EXISTS BENCH.PUBLIC.IDLE AS SELECT 1 AS ID")
        with ThreadPoolExecutor(WARM_UPS) as pool:
            list(pool.map(self.move, IDLE_TABLES[:WARM_UPS]))

    def describe(self, path: Path) -> Path:
        """Write what a peer needs to read the table, with the key, readable by its owner alone."""
        # What dlt remembers is of another table.
        shutil.rmtree(path.with_suffix(""), ignore_errors=True)
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        host, _, port = self._endpoint.removeprefix("http://").partition(":")
        key = self._cloud.services.secrets.get("snowflake-private-key").reveal().decode()
        folder = str(path.resolve().with_suffix(""))
        given = {"host": host, "port": int(port), "key": key, "table": PLACE, "folder": folder}
        path.write_text(json.dumps(given))
        return path

    def move(self, table: str) -> Movement:
        """Ask for a run and wait for its end.

        Raises:
            RuntimeError: it did not commit.
        """
        services = self._cloud.services
        asked_at = datetime.now(UTC)
        request = ExtractRequest(table=table, published_at=asked_at, request_id=uuid.uuid4().hex)
        services.bus.publish(services.settings.topic("extract"), request.encode())
        key = str(request.request_id)
        run_id = runs.run_id(table, Trigger.REQUEST, key, request.published_at)
        run = self._cloud.await_end(table, run_id)
        if run.state is not RunState.COMMITTED or run.receipt is None:
            raise RuntimeError(f"{table}: the run is {run.state}: {run.reason or run.failure}")
        extract, load = run.steps["extract"], run.steps["load"]
        return Movement(
            total=Cost(
                (run.updated_at - asked_at).total_seconds(),
                peak_mib=max(extract.peak_mib, load.peak_mib),
            ),
            extract=Cost(extract.duration_s, peak_mib=extract.peak_mib),
            load=Cost(load.duration_s, peak_mib=load.peak_mib),
            rows=run.receipt.rows_loaded,
        )
