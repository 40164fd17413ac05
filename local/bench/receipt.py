"""What the receipt costs: runs with and without it, in turn: `python -m local.bench.receipt`.

The steps run in this process, against the local cloud's servers, so that nothing but the run is
timed. Without the receipt no row is hashed or summed up: rows are counted, as they always were.
"""

import argparse
import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa

from local.bench import data
from local.bench.sluice import Cloud
from local.bench.source import Source
from shared.bus import Bus
from shared.cli import render
from shared.core.messages import Delivery, ExtractRequest, IngestRequest, LoadRequest
from shared.core.receipts import Point
from shared.core.runs import RunState
from shared.core.schemas import TableSchema
from shared.sources.snowflake.source import SnowflakeSource
from shared.steps import ingest, units
from shared.steps.extract import extract
from shared.steps.load import load
from shared.targets.postgres.arrivals import Arrival
from shared.targets.proofs import Proof

ROWS, ROUNDS = 500_000, 5


@dataclass(frozen=True, slots=True)
class Spent:
    """What one run took; CPU is that of this process and of all servers."""

    wall_s: float
    cpu_s: float


class Tray(Bus):
    """A bus whose messages are taken out by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[bytes] = []

    def publish(self, topic: str, data: bytes, attributes: Any = None) -> str:  # noqa: ARG002
        """Keep a message."""
        self.messages.append(data)
        return str(len(self.messages))


class Bench:
    """A cloud, and runs in it that this process does."""

    def __init__(self, cloud: Cloud, folder: Path, rows: int) -> None:
        self._cloud = cloud
        self._tray = Tray()
        self._services = replace(cloud.services, bus=self._tray)
        self._servers = psutil.Process(cloud.pid)
        self._file = data.clean(folder, rows)
        Source(cloud).fill(self._file)

    def from_file(self) -> Spent:
        """Take the file in, and load it into an empty table."""
        # Nobody is told of what lies in this bucket, so no function takes the file in as well.
        bucket, name = self._services.settings.bucket("staging"), f"orders/{uuid.uuid4().hex}.csv"
        with self._services.storage.create(bucket, name, "text/csv") as stream:
            stream.write(self._file.path.read_bytes())
        request = IngestRequest(bucket=bucket, name=name, generation=stream.generation)
        return self._timed("orders", lambda: ingest.ingest(request, self._services))

    def from_snowflake(self) -> Spent:
        """Read the table at the source, and load it into an empty one."""
        request = ExtractRequest(
            table="orders_source_full",
            published_at=self._services.now(),
            request_id=uuid.uuid4().hex,
        )
        return self._timed("orders_source_full", lambda: extract(request, self._services))

    def _timed(self, table: str, begin: Callable[[], None]) -> Spent:
        self._cloud.sql(f"DROP TABLE IF EXISTS public.{table}")
        self._cloud.sql("CHECKPOINT")
        started_s, before_s = time.monotonic(), self._cpu_s()
        begin()
        for message in self._tray.messages:
            delivery = Delivery(message_id="1", published_at=self._services.now(), data=message)
            load(LoadRequest.decode(delivery), self._services)
        spent = Spent(time.monotonic() - started_s, self._cpu_s() - before_s)
        self._tray.messages.clear()
        self._require_loaded(table)
        return spent

    def _require_loaded(self, table: str) -> None:
        run = max(self._services.ledger.runs(table), key=lambda each: each.created_at)
        if run.state is not RunState.COMMITTED or not run.receipt:
            raise RuntimeError(f"{table}: the run is {run.state}: {run.reason or run.failure}")

    def _cpu_s(self) -> float:
        family = [self._servers, *self._servers.children(recursive=True)]
        # What has ended, as a database's session does, is counted by whoever waited for it.
        return time.process_time() + sum(map(_spent_s, family))


def _spent_s(process: psutil.Process) -> float:
    try:
        return float(sum(process.cpu_times()[:4]))
    except psutil.NoSuchProcess:
        return 0.0


class Counted:
    """Counts rows, in the place of what hashes them and adds them up."""

    def __init__(self, schema: TableSchema) -> None:  # noqa: ARG002
        self._rows = 0

    def add(self, rows: pa.RecordBatch | pa.Table) -> None:
        """Take rows in."""
        self._rows += rows.num_rows

    @property
    def point(self) -> Point:
        """What is known now."""
        return Point(rows=self._rows)


@contextmanager
def without_receipt() -> Iterator[None]:
    """Measure nothing but counts, at all three points."""
    replaced: tuple[tuple[Any, str, Any], ...] = (
        (units, "Fold", Counted),
        (ingest, "Fold", Counted),
        (SnowflakeSource, "measure", lambda *_: None),
        (Arrival, "prove", lambda _: Proof(gap="not measured")),
    )
    with ExitStack() as stack:
        for owner, name, value in replaced:
            stack.callback(setattr, owner, name, getattr(owner, name))
            setattr(owner, name, value)
        yield


def compare(title: str, run: Callable[[], Spent], rounds: int) -> None:
    """Do a run with and without its receipt, in turn, and print what each took."""
    spent: dict[bool, list[Spent]] = {True: [], False: []}
    run()  # whoever is first pays for imports and caches
    for number in range(rounds):
        for has_receipt in (True, False) if number % 2 else (False, True):
            with ExitStack() as stack:
                if not has_receipt:
                    stack.enter_context(without_receipt())
                spent[has_receipt].append(run())
    for what in ("wall_s", "cpu_s"):
        whole, bare = ([getattr(s, what) for s in spent[has]] for has in (True, False))
        shares = [100 * (w - b) / w for w, b in zip(whole, bare, strict=True)]
        render.plain(
            f"{title}, {what}: {statistics.median(whole):.2f} with, "
            f"{statistics.median(bare):.2f} without, share {statistics.median(shares):.1f} % "
            f"({min(shares):.0f} to {max(shares):.0f})"
        )


def main() -> None:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(prog="python -m local.bench.receipt", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(".sluice/bench"))
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    with Cloud(given.folder) as cloud:
        bench = Bench(cloud, given.folder, given.rows)
        compare("CSV to PostgreSQL", bench.from_file, given.rounds)
        compare("Snowflake to PostgreSQL", bench.from_snowflake, given.rounds)


if __name__ == "__main__":
    main()
