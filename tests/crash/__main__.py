"""The whole matrix, in several worlds: ``python -m tests.crash``. Exits 1 unless all is well.

Then the real processes are killed. Writes ``docs/crash-matrix.md`` when nothing was left out.
``--resume`` goes on with a matrix that was interrupted, with what ended well left out.
"""

import argparse
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import chain
from pathlib import Path

from tests.crash import processes, report, workers
from tests.crash.journal import Journal
from tests.crash.lanes import LANES
from tests.crash.matrix import Case, Verdict, matrix

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "crash-matrix.md"
JOURNAL = ROOT / ".sluice" / "crash-matrix.ndjson"
CASES_PER_TASK = 30


def main() -> None:
    """Read the command line, play all cases, print and write what came out."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    default = (os.cpu_count() or 1) + 1
    parser.add_argument("--workers", type=int, default=default, help="worlds side by side")
    parser.add_argument("--lane", action="append", choices=[lane.name for lane in LANES])
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only each Nth case")
    parser.add_argument("--resume", action="store_true", help="leave out what ended well before")
    given = parser.parse_args()
    journal = Journal(JOURNAL)
    if not given.resume:
        journal.clear()
    lanes = given.lane or [lane.name for lane in LANES]
    started_s = time.monotonic()
    with ProcessPoolExecutor(
        given.workers, multiprocessing.get_context("spawn"), initializer=workers.begin
    ) as pool:
        recorded = dict(zip(lanes, pool.map(workers.record, lanes), strict=True))
        wanted = list(matrix(recorded))[:: given.every]
        verdicts = journal.read(wanted)
        known = {verdict.case for verdict in verdicts}
        left = [case for case in wanted if case not in known]
        futures = [pool.submit(workers.play, task) for task in _tasks(left)]
        played = chain.from_iterable(future.result() for future in as_completed(futures))
        verdicts += _told(journal.written(played), f"of {len(left):,} cases")
    with tempfile.TemporaryDirectory(prefix="sluice-crash-") as folder:
        Path(folder).chmod(0o755)
        deaths = processes.kill_everywhere(Path(folder), given.every)
        killed = list(_told(deaths, "real processes killed"))
    sys.stdout.write(report.summary(recorded, verdicts, killed))
    sys.stdout.write(f"{time.monotonic() - started_s:.0f} s\n")
    if given.every == 1 and not given.lane:
        verdicts.sort(key=lambda v: str(v.case))
        DOCUMENT.write_text(report.document(recorded, verdicts, killed))
    sys.exit(any(v.troubles for v in [*verdicts, *killed]))


def _tasks(wanted: list[Case]) -> list[list[Case]]:
    """Cut into tasks of one lane each, in an order that keeps all workers busy to the end."""
    tasks = []
    for lane in dict.fromkeys(case.lane for case in wanted):
        mine = [case for case in wanted if case.lane == lane]
        tasks += [mine[i : i + CASES_PER_TASK] for i in range(0, len(mine), CASES_PER_TASK)]
    random.Random(0).shuffle(tasks)
    return tasks


def _told(verdicts: Iterator[Verdict], of_what: str) -> Iterator[Verdict]:
    """Say how far it is, and print what is not well, in full."""
    for done, verdict in enumerate(verdicts, 1):
        for trouble, what in verdict.troubles.items():
            sys.stdout.write(f"{verdict.case}\n    {trouble}: {what}\n")
            sys.stdout.flush()
        sys.stderr.write(f"\r{done:,} {of_what}")
        sys.stderr.flush()
        yield verdict
    sys.stderr.write("\n")


if __name__ == "__main__":
    main()
