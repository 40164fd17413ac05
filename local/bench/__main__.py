"""The command line of the benchmark."""

import argparse
import time
from pathlib import Path

from local.bench import databases, from_snowflake, idle, programs, report, startup
from local.bench.jobs import Bench, Job
from local.bench.sluice import Cloud
from shared.cli import render

QUICK_ROWS = 1_000_000
ROWS = 8_000_000


def main() -> None:
    """Read the command line, run all jobs, write the page."""
    parser = argparse.ArgumentParser(prog="python -m local.bench", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(".sluice/bench"))
    parser.add_argument("--page", type=Path, default=Path("docs/benchmarks.md"))
    parser.add_argument("--quick", action="store_true", help="1 million rows only, two rounds")
    parser.add_argument("--intake", action="store_true", help="only what reads CSV into Parquet")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    started_s = time.monotonic()
    peers = (*programs.INTAKE, *(() if given.intake else programs.LOAD))
    with render.console.status("setting up the peers") as status:
        places = given.folder / "environments"
        versions = {p.name: programs.version(p, places) for p in peers}
        status.update("starting the cloud")
        with Cloud(given.folder) as cloud:
            jobs: list[Job] = []
            tables: list[report.Table] = []
            small = Bench(given.folder, cloud, QUICK_ROWS, 2 if given.quick else 5, status.update)
            jobs.append(small.intake())
            dirty = list(small.dirty())
            if not given.intake:
                jobs.append(small.load())
                jobs += from_snowflake.jobs(small)
                jobs += databases.jobs(small)
                status.update("runs of unchanged tables")
                tables.append(idle.table(cloud))
            if not given.quick:
                large = Bench(given.folder, cloud, ROWS, 3, status.update)
                jobs.append(large.intake())
                if not given.intake:
                    jobs.append(large.load())
        if not given.intake:
            status.update("starting each function")
            tables.append(startup.table())
    report.write(given.page, jobs, dirty, versions, tables)
    render.console.print(f"{given.page} is written after {time.monotonic() - started_s:.0f} s")


if __name__ == "__main__":
    main()
