"""What more instances bring: one table, cut into units, moved by 1, 2 and 4 of each function.

Part of ``make bench``; alone by ``python -m local.bench.units``. Each number of instances has a
cloud of its own. All of them share the processors with both databases, so what a laptop can show
is how far waiting is done side by side: each unit's query waits for as long as a warehouse takes.
"""

import argparse
import json
import os
import statistics
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from local.bench import data
from local.bench.jobs import Tell
from local.bench.measuring import Cost
from local.bench.sluice import TIMEOUT_S, Cloud
from local.bench.source import Movement, Source
from local.bench.tables import Table
from local.topology import INSTANCES_VARIABLE
from shared.cli import render

INSTANCES = (1, 2, 4)
UNITS = 8
WAIT_S = 2.0
"""How long the query of a unit waits before it runs, as in a warehouse's queue and compilation."""

UNIT_QUERY = '^SELECT "ID"'
"""How the query begins that reads a unit's rows; those that count and measure do not wait."""

TITLE = "Units over 1, 2 and 4 instances"
SHARES = {"extract": "extract", "load": "load", "request to commit": "total"}


def table(folder: Path, rows: int, rounds: int, tell: Tell) -> Table:
    """Move a table of so many rows by each number of instances, some rounds each."""
    found = {number: _moved(folder, rows, rounds, number, tell) for number in INSTANCES}
    about = (
        f"A table of {rows:,} rows of Snowflake's stand-in into PostgreSQL, cut into {UNITS} "
        "units by its key and loaded part by part; medians of "
        f"{rounds} rounds, and how many times faster than one instance. The query of each unit "
        f"waits {WAIT_S:g} s in the stand-in, as for a warehouse: that is what instances do side "
        "by side here. Functions, stand-ins and PostgreSQL share the processors of one machine, so "
        "work that needs a processor gets no faster by instances beyond their number. On the "
        "platform each instance has a processor of its own, and Snowflake and the target theirs; "
        "[scale](scale.md) simulates that."
    )
    heads = ("instances of each function", *(h for name in SHARES for h in (f"{name} s", "faster")))
    first = found[INSTANCES[0]]
    return Table(TITLE, about, heads, tuple(_row(n, found[n], first) for n in INSTANCES))


def _moved(folder: Path, rows: int, rounds: int, instances: int, tell: Tell) -> Sequence[Movement]:
    file = data.clean(folder, rows)
    with _environment(rows, instances), Cloud(folder / f"units-{instances}") as cloud:
        source = Source(cloud)
        source.fill(file)
        source.warm_up()
        source.move("orders_source_full")
        _let_wait(str(cloud.described["snowflake"]))
        movements = []
        for number in range(rounds):
            tell(f"units, {instances} instances, round {number + 1}")
            # Without rows in the target all of them come to it anew, each round alike.
            cloud.sql("TRUNCATE public.orders_source_full")
            movements.append(source.move("orders_source_full"))
        return movements


@contextmanager
def _environment(rows: int, instances: int) -> Iterator[None]:
    """Give a cloud's functions their number, and make every run one of many units and parts."""
    variables = {
        INSTANCES_VARIABLE: str(instances),
        "SLUICE_UNIT_ROWS": str(-(-rows // UNITS)),
        "SLUICE_UNIT_PARTS": "2",
        "SLUICE_DIRECT_BYTES": "1",
    }
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _let_wait(endpoint: str) -> None:
    rule = {"kind": "slow", "sql_regex": UNIT_QUERY, "delay_s": WAIT_S, "count": 1_000_000}
    request = urllib.request.Request(f"{endpoint}/_faults", json.dumps([rule]).encode())  # noqa: S310
    with urllib.request.urlopen(request, timeout=TIMEOUT_S):  # noqa: S310
        return


def _row(
    instances: int, movements: Sequence[Movement], first: Sequence[Movement]
) -> tuple[str, ...]:
    cells = [str(instances)]
    for share in SHARES.values():
        mine, alone = (_median(each, share) for each in (movements, first))
        cells += [f"{mine:.1f}", f"{alone / mine:.2f}"]
    return tuple(cells)


def _median(movements: Sequence[Movement], share: str) -> float:
    costs: list[Cost] = [getattr(each, share) for each in movements]
    return statistics.median(cost.wall_s for cost in costs)


def main() -> None:
    """Read the command line, measure, print the table."""
    parser = argparse.ArgumentParser(prog="python -m local.bench.units", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(".sluice/bench"))
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    render.plain(table(given.folder, given.rows, given.rounds, render.plain).markdown())


if __name__ == "__main__":
    main()
