"""Sluice's side: files are dropped in a local cloud, and its own records say what that cost."""

import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from local import state
from local.bench.data import COLUMNS, File
from local.bench.measuring import Cost
from local.clients import connect_postgres
from local.supervisor import Background
from shared.core import naming
from shared.core.runs import Run, RunState
from shared.settings import Settings, adopt
from shared.storage import ABSENT
from shared.wiring import Services

TIMEOUT_S = 600.0
POLL_S = 0.05
"""Records are dated, so looking for them more often would only disturb what is timed."""

WARM_UPS = 6
"""Requests at once to a function of two instances, which take one each."""
ELSEWHERE = {
    "orders_sqlserver": {"sqlserver": {"table": "orders"}},
    "orders_bigquery": {"bigquery": {"dataset": "bench", "table": "orders"}},
}
"""Tables that end in another database."""
TABLES = (
    *("orders", "orders_bad", "orders_utf16", "orders_long", "orders_full", "orders_merge"),
    "orders_encrypted",
)
WARM_TABLES = tuple(f"warm_{number}" for number in range(WARM_UPS))
IDLE_TABLES = tuple(f"idle_{number:02}" for number in range(25))
YEARLY = "0 0 1 1 *"
_MODES = {"orders_full": "full", "orders_merge": "incremental"}


@dataclass(frozen=True, slots=True)
class Delivery:
    """A file from its last byte's arrival to the commit, and the two functions' shares."""

    total: Cost
    ingest: Cost
    load: Cost
    rows: int
    rejected: int


class Cloud:
    """A local cloud with empty tables to drop files for."""

    def __init__(self, folder: Path) -> None:
        self._state = folder / "cloud"
        state.delete(self._state)
        self._background = Background.start(self._state, _config(folder / "config"), "local")
        self.described = self._background.described
        adopt(self.described["env"])
        self.uri = str(self.described["postgres_uri"])
        self.services = Services.build(Settings.from_environment())
        self._postgres = connect_postgres(self.uri)
        self._postgres.autocommit = True
        self._dropped = 0
        self._warm_up()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._postgres.close()
        state.delete(self._state)

    @property
    def pid(self) -> int:
        """The process that owns all others of the cloud."""
        return self._background.pid

    def _warm_up(self) -> None:
        """Let each instance of each function answer, so that no round pays for its imports."""
        for name in ("extract", "ingest", "load"):
            url = f"http://127.0.0.1:{self.described['services'][name]['port']}/"
            with ThreadPoolExecutor(WARM_UPS) as pool:
                list(pool.map(_ask, [url] * WARM_UPS))
        for table in WARM_TABLES:
            self.services.storage.write(
                self.services.settings.bucket("landing"),
                f"{table}/first.csv",
                b"id\n1\n",
                generation=ABSENT,
                content_type="text/csv",
            )
        for table in WARM_TABLES:
            self._ended(table, set())

    def sql(self, statement: str) -> list[Any]:
        """Run a statement in the target; return its rows, if it has any."""
        cursor = self._postgres.cursor()
        cursor.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []

    def empty(self, table: str) -> None:
        """Make a table anew, without rows."""
        self.sql(f"DROP TABLE IF EXISTS public.{table}")
        key = ", PRIMARY KEY (id)" if table == "orders_merge" else ""
        self.sql(f"CREATE TABLE public.{table} ({COLUMNS} {key})")

    def drop(self, table: str, file: File) -> Delivery:
        """Drop a file, wait for its run to commit, and delete its objects: 8 M rows fill disks."""
        self._dropped += 1
        known = self._known(table)
        bucket = self.services.storage._connect().bucket(self.services.settings.bucket("landing"))
        bucket.blob(f"{table}/{self._dropped}.csv").upload_from_filename(str(file.path))
        arrived_at = self.services.now()
        run = self._ended(table, known)
        if run.state is not RunState.COMMITTED or run.receipt is None:
            raise RuntimeError(f"{table}: the run is {run.state}: {run.reason or run.failure}")
        self._delete_objects(table)
        ingest, load = run.steps["ingest"], run.steps["load"]
        return Delivery(
            total=Cost(
                (run.updated_at - arrived_at).total_seconds(),
                peak_mib=max(ingest.peak_mib, load.peak_mib),
            ),
            ingest=Cost(ingest.duration_s, peak_mib=ingest.peak_mib),
            load=Cost(load.duration_s, peak_mib=load.peak_mib),
            rows=run.receipt.rows_loaded,
            rejected=run.receipt.rows_rejected,
        )

    def _delete_objects(self, table: str) -> None:
        storage, settings = self.services.storage, self.services.settings
        for zone in ("landing", "raw", "staging"):
            bucket = settings.bucket(zone)
            for info in storage.list(bucket, naming.zone_prefix(zone, table)):
                storage.delete(bucket, info.name, info.generation)

    def _known(self, table: str) -> set[str]:
        """List the runs of a table; to read their records would slow down what is timed."""
        bucket = self.services.settings.bucket("state")
        listed = self.services.storage.list(bucket, naming.runs_prefix(table))
        return {naming.run_of(info.name.removeprefix(naming.LEDGER))[1] for info in listed}

    def _ended(self, table: str, known: set[str]) -> Run:
        """Wait for the run that is not known yet, and for its end."""
        deadline_s = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline_s:
            for run_id in self._known(table) - known:
                return self.await_end(table, run_id)
            time.sleep(POLL_S)
        raise TimeoutError(f"no run of {table} began within {TIMEOUT_S:g} s")

    def await_end(self, table: str, run_id: str) -> Run:
        """Wait for the end of a run, which its record dates."""
        deadline_s = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline_s:
            run = self.services.ledger.find(table, run_id)
            if run and run.is_terminal:
                return run
            time.sleep(POLL_S)
        raise TimeoutError(f"run {run_id} of {table} did not end within {TIMEOUT_S:g} s")


def _ask(url: str) -> None:
    """Ask a function with a method that it refuses, once all is imported."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S):  # noqa: S310
            return
    except urllib.error.HTTPError as refused:
        refused.close()


def _from_snowflake(name: str, table: str, **more: str) -> dict[str, Any]:
    return {
        "name": name,
        "snowflake": {"database": "BENCH", "schema": "PUBLIC", "table": table},
        "postgres": {"schema": "public", "table": name},
        "primary_key": ["id"],
        **more,
    }


def _config(folder: Path) -> Path:
    """Write the tables of the benchmark, and the laptop's connections."""
    tables = [
        {
            "name": name,
            "csv": {"on_duplicate": "load"},
            "postgres": {"schema": "public", "table": name},
            "sync_mode": _MODES.get(name, "append"),
            "encryption": name == "orders_encrypted",
            **({"primary_key": ["id"]} if name == "orders_merge" else {}),
        }
        for name in (*TABLES, *WARM_TABLES)
    ]
    tables += [
        {"name": name, "csv": {"on_duplicate": "load"}, "sync_mode": "append", **place}
        for name, place in ELSEWHERE.items()
    ]
    tables += [
        _from_snowflake("orders_source_full", "ORDERS", sync_mode="full"),
        _from_snowflake(
            "orders_source_merge",
            "ORDERS",
            sync_mode="incremental",
            incremental_column="updated_at",
            lag="0s",  # as dlt has none
        ),
        *(_from_snowflake(name, "IDLE", schedule=YEARLY) for name in IDLE_TABLES),
    ]
    connections = yaml.safe_load(Path("config/environments/local.yaml").read_text())["connections"]
    (folder / "environments").mkdir(parents=True, exist_ok=True)
    (folder / "tables.yaml").write_text(yaml.safe_dump({"tables": tables}))
    environment = {"connections": connections}
    (folder / "environments" / "local.yaml").write_text(yaml.safe_dump(environment))
    return folder
