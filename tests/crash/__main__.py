"""The whole matrix, in several processes: ``python -m tests.crash``. Exits 1 unless all is well.

Writes ``docs/crash-matrix.md`` when nothing was left out.
"""

import argparse
import multiprocessing
import random
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from tests.crash import report, workers
from tests.crash.lanes import LANES, find
from tests.crash.matrix import Case, Verdict, cases

DOCUMENT = Path(__file__).parents[2] / "docs" / "crash-matrix.md"
CASES_PER_TASK = 30


def main() -> None:
    """Read the command line, play all cases, print and write what came out."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--workers", type=int, default=2, help="worlds side by side")
    parser.add_argument("--lane", action="append", choices=[lane.name for lane in LANES])
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only each Nth case")
    given = parser.parse_args()
    lanes = given.lane or [lane.name for lane in LANES]
    started_s = time.monotonic()
    with ProcessPoolExecutor(
        given.workers, multiprocessing.get_context("spawn"), initializer=workers.begin
    ) as pool:
        recorded = dict(zip(lanes, pool.map(workers.record, lanes), strict=True))
        wanted = [
            c for lane in lanes for c in list(cases(find(lane), recorded[lane]))[:: given.every]
        ]
        futures = [pool.submit(workers.play, task) for task in _tasks(wanted)]
        verdicts = list(_watched(futures, len(wanted)))
    points = len({(s.point.step, str(s.point)) for seen in recorded.values() for s in seen})
    print(f"{report.totals(verdicts, points)}; {time.monotonic() - started_s:.0f} s")  # noqa: T201
    if given.every == 1 and not given.lane:
        verdicts.sort(key=lambda v: str(v.case))
        DOCUMENT.write_text(report.document(recorded, verdicts))
    sys.exit(any(v.troubles for v in verdicts))


def _tasks(wanted: list[Case]) -> list[list[Case]]:
    """Cut into tasks of one lane each, in an order that keeps all workers busy to the end."""
    tasks = []
    for lane in dict.fromkeys(case.lane for case in wanted):
        mine = [case for case in wanted if case.lane == lane]
        tasks += [mine[i : i + CASES_PER_TASK] for i in range(0, len(mine), CASES_PER_TASK)]
    random.Random(0).shuffle(tasks)
    return tasks


def _watched(futures: list, number: int) -> Iterator[Verdict]:  # type: ignore[type-arg]
    done = 0
    for future in as_completed(futures):
        for verdict in future.result():
            done += 1
            if verdict.troubles:
                print(f"{verdict.case}\n    {verdict.troubles}", flush=True)  # noqa: T201
            yield verdict
        print(f"\r{done:,} of {number:,} ", end="", file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
