"""What the receipt costs: runs with and without it, in turn: `python -m local.bench.receipt`.

The steps run in this process, against the local cloud's servers, so that nothing but the run is
timed. Without the receipt no row is hashed or summed up: rows are counted, as they always were.
What else the machine does blurs the difference of two runs; so the runs with a receipt also say
how much of their own time went into its three measurements.
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
from shared.core.deliveries import Delivery
from shared.core.messages import ExtractRequest, IngestRequest, LoadRequest
from shared.core.receipts import Point
from shared.core.runs import RunState
from shared.core.schemas import TableSchema
from shared.sources.snowflake.source import SnowflakeSource
from shared.stage.fingerprints import Fold
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
    measured_wall_s: float = 0.0
    """Of it, for the facts of the receipt."""
    measured_cpu_s: float = 0.0


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
        self._measured = [0.0, 0.0]
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
        self._measured = [0.0, 0.0]
        begin()
        for message in self._tray.messages:
            delivery = Delivery(message_id="1", published_at=self._services.now(), data=message)
            load(LoadRequest.decode(delivery), self._services)
        spent = Spent(time.monotonic() - started_s, self._cpu_s() - before_s, *self._measured)
        self._tray.messages.clear()
        self._require_loaded(table)
        return spent

    def _require_loaded(self, table: str) -> None:
        run = max(self._services.ledger.runs(table), key=lambda each: each.created_at)
        if run.state is not RunState.COMMITTED or not run.receipt:
            raise RuntimeError(f"{table}: the run is {run.state}: {run.reason or run.failure}")

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Note what the measurements of receipts take."""
        measurements = ((Fold, "add"), (SnowflakeSource, "measure"), (Arrival, "prove"))
        with replaced(*((owner, n, self._watched(getattr(owner, n))) for owner, n in measurements)):
            yield

    def _watched(self, measure: Callable[..., Any]) -> Callable[..., Any]:
        # While rows are hashed another thread reads; while databases are asked, nobody works.
        is_here = measure is Fold.add

        def timed(*given: Any) -> Any:
            spent_s = time.thread_time if is_here else self._cpu_s
            started_s, before_s = time.monotonic(), spent_s()
            try:
                return measure(*given)
            finally:
                self._measured[0] += time.monotonic() - started_s
                self._measured[1] += spent_s() - before_s

        return timed

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
def replaced(*members: tuple[Any, str, Any]) -> Iterator[None]:
    """Put values in the place of members of modules and classes for a while."""
    with ExitStack() as stack:
        for owner, name, value in members:
            stack.callback(setattr, owner, name, getattr(owner, name))
            setattr(owner, name, value)
        yield


WITHOUT: tuple[tuple[Any, str, Any], ...] = (
    (units, "Fold", Counted),
    (ingest, "Fold", Counted),
    (SnowflakeSource, "measure", lambda *_: None),
    (Arrival, "prove", lambda _: Proof(gap="not measured")),
)
"""Nothing is measured but counts, at all three points."""


def compare(title: str, bench: Bench, run: Callable[[], Spent], rounds: int) -> None:
    """Do a run with and without its receipt, in turn, and print what each took."""
    whole: list[Spent] = []
    bare: list[Spent] = []
    run()  # whoever is first pays for imports and caches
    for number in range(2 * rounds):
        if number % 4 in (1, 2):
            with bench.watching():
                whole.append(run())
        else:
            with replaced(*WITHOUT):
                bare.append(run())
    for kind in ("wall", "cpu"):
        took, without = ([getattr(s, f"{kind}_s") for s in runs] for runs in (whole, bare))
        own = [getattr(s, f"measured_{kind}_s") / getattr(s, f"{kind}_s") for s in whole]
        more = 1 - statistics.median(without) / statistics.median(took)
        render.plain(
            f"{title}, seconds of {kind}: {statistics.median(took):.2f} with, "
            f"{statistics.median(without):.2f} without ({min(without):.2f} to {max(without):.2f}): "
            f"{more:.1%}; measuring itself {statistics.median(own):.1%} "
            f"({min(own):.1%} to {max(own):.1%})"
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
        compare("CSV to PostgreSQL", bench, bench.from_file, given.rounds)
        compare("Snowflake to PostgreSQL", bench, bench.from_snowflake, given.rounds)


if __name__ == "__main__":
    main()
