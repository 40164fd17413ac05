"""The command line of the benchmark."""

import argparse
import time
from pathlib import Path

from local.bench import databases, encrypted, from_snowflake, idle, programs, report, startup
from local.bench.jobs import Bench, Job, Tell
from local.bench.sluice import Cloud
from local.bench.tables import Table
from shared.cli import render

QUICK_ROWS, ROWS, MANY_ROWS = 400_000, 1_000_000, 8_000_000
QUICK_ROUNDS, ROUNDS, LARGE_ROUNDS = 2, 5, 2
QUICK_IDLE_RUNS, IDLE_RUNS = 250, 1_000


def main() -> None:
    """Read the command line, run all jobs, write the page."""
    parser = argparse.ArgumentParser(prog="python -m local.bench", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(".sluice/bench"))
    parser.add_argument("--page", type=Path, default=Path("docs/benchmarks.md"))
    parser.add_argument("--quick", action="store_true", help="fewer rows, two rounds")
    parser.add_argument("--intake", action="store_true", help="only what reads CSV into Parquet")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    tell = _teller()
    tell("setting up the peers")
    places = given.folder / "environments"
    peers = (*programs.INTAKE, *(() if given.intake else programs.LOAD))
    versions = {p.name: programs.version(p, places) for p in peers}
    tell("starting the cloud")
    with Cloud(given.folder) as cloud:
        jobs, dirty, tables = _measure(given, cloud, tell)
    if not given.intake:
        tell("starting each function")
        tables.append(startup.table())
    report.write(given.page, jobs, dirty, versions, tables)
    tell(f"{given.page} is written")


def _measure(
    given: argparse.Namespace, cloud: Cloud, tell: Tell
) -> tuple[list[Job], list[Job], list[Table]]:
    """Do all jobs that need the cloud: those of one size, then the large ones."""
    rows, rounds = (QUICK_ROWS, QUICK_ROUNDS) if given.quick else (ROWS, ROUNDS)
    tables: list[Table] = []
    small = Bench(given.folder, cloud, rows, rounds, tell)
    jobs = [small.intake()]
    dirty = list(small.dirty())
    if not given.intake:
        jobs.append(small.load())
        jobs += from_snowflake.jobs(small)
        tables.append(encrypted.table(small, rounds + 1))
        tell("runs of unchanged tables")
        tables.append(idle.table(cloud, QUICK_IDLE_RUNS if given.quick else IDLE_RUNS))
    if not given.quick:
        jobs += [] if given.intake else databases.jobs(small)
        large = Bench(given.folder, cloud, MANY_ROWS, LARGE_ROUNDS, tell, is_large=True)
        jobs.append(large.intake())
        if not given.intake:
            jobs.append(large.load())
    return jobs, dirty, tables


def _teller() -> Tell:
    """Return what prints each step with the seconds since the start."""
    started_s = time.monotonic()

    def tell(text: str) -> None:
        render.console.print(f"{time.monotonic() - started_s:5.0f} s  {text}", highlight=False)

    return tell


if __name__ == "__main__":
    main()
