"""The command line of the benchmark."""

import argparse
import shutil
import time
from pathlib import Path

from local.bench import databases, encrypted, from_snowflake, idle, programs, report, startup, units
from local.bench.jobs import Bench, Tell
from local.bench.sluice import Cloud
from shared.cli import render

QUICK_ROWS, ROWS, MANY_ROWS = 400_000, 1_000_000, 8_000_000
QUICK_ROUNDS, ROUNDS, LARGE_ROUNDS = 2, 5, 2
QUICK_IDLE_RUNS, IDLE_RUNS = 250, 1_000
QUICK_DISK_BYTES, DISK_BYTES = 8 * 2**30, 20 * 2**30


def main() -> None:
    """Read the command line, run all jobs, write the page."""
    parser = argparse.ArgumentParser(prog="python -m local.bench", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(".sluice/bench"))
    parser.add_argument("--page", type=Path, default=Path("docs/benchmarks.md"))
    parser.add_argument("--quick", action="store_true", help="fewer rows, two rounds")
    parser.add_argument("--intake", action="store_true", help="only what reads CSV into Parquet")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    _require_room(given.folder, is_quick=given.quick)
    tell = _teller()
    tell("setting up the peers")
    places = given.folder / "environments"
    peers = (*programs.INTAKE, *(() if given.intake else programs.LOAD))
    versions = {p.name: programs.version(p, places) for p in peers}
    page = report.Page(given.page, versions)
    tell("starting the cloud")
    with Cloud(given.folder) as cloud:
        _measure(given, cloud, page, tell)
    if not given.intake:
        unit_rows = QUICK_ROWS if given.quick else ROWS
        page.add_table(units.table(given.folder, unit_rows, QUICK_ROUNDS, tell))
        tell("starting each function")
        page.add_table(startup.table())
    tell(f"{given.page} is written")


def _measure(given: argparse.Namespace, cloud: Cloud, page: report.Page, tell: Tell) -> None:
    """Do all jobs that need the cloud: those of one size, then the large ones."""
    rows, rounds = (QUICK_ROWS, QUICK_ROUNDS) if given.quick else (ROWS, ROUNDS)
    small = Bench(given.folder, cloud, rows, rounds, tell)
    page.add(small.intake())
    page.add_dirty(*small.dirty())
    if not given.intake:
        page.add(small.load())
        page.add(*from_snowflake.jobs(small))
        page.add_table(encrypted.table(small, rounds + 1))
        tell("runs of unchanged tables")
        page.add_table(idle.table(cloud, QUICK_IDLE_RUNS if given.quick else IDLE_RUNS))
    if given.quick:
        return
    if not given.intake:
        page.add(*databases.jobs(small))
    large = Bench(given.folder, cloud, MANY_ROWS, LARGE_ROUNDS, tell, is_large=True)
    page.add(large.intake())
    if not given.intake:
        page.add(large.load())


def _require_room(folder: Path, *, is_quick: bool) -> None:
    """Make sure that the disk does not fill up after a quarter of an hour.

    Raises:
        SystemExit: it would.
    """
    needed = QUICK_DISK_BYTES if is_quick else DISK_BYTES
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise SystemExit(
            f"{folder.resolve()} has {free / 2**30:.0f} GiB of disk left, and the benchmark takes "
            f"up to {needed / 2**30:.0f}; make room, or name another place with --folder"
        )


def _teller() -> Tell:
    """Return what prints each step with the seconds since the start."""
    started_s = time.monotonic()

    def tell(text: str) -> None:
        render.console.print(f"{time.monotonic() - started_s:5.0f} s  {text}")

    return tell


if __name__ == "__main__":
    main()
