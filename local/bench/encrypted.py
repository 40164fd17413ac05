"""What encrypted parts cost: the same file with and without, in pairs, one right after the other.

Part of ``make bench``; alone by ``python -m local.bench.encrypted``. A ratio is that of one pair,
so that a machine that grows slower or faster meanwhile does not count.
"""

import argparse
import statistics
from pathlib import Path

from local.bench import data
from local.bench.jobs import Bench
from local.bench.sluice import Cloud, Delivery
from local.bench.tables import Table
from shared.cli import render

PLAIN, ENCRYPTED = "orders", "orders_encrypted"
SHARES = {
    "drop to commit": "total",
    "of which ingest, which encrypts": "ingest",
    "of which load, which decrypts": "load",
}


def table(bench: Bench, pairs: int) -> Table:
    """Move the file so many times each way, in turn, and compare pair by pair."""
    file = data.clean(bench.folder, bench.rows)
    for name in (PLAIN, ENCRYPTED):
        bench.cloud.empty(name)
        bench.cloud.drop(name, file)
    found = []
    for number in range(pairs):
        bench.tell(f"encrypted parts, pair {number + 1}")
        names = (PLAIN, ENCRYPTED) if number % 2 else (ENCRYPTED, PLAIN)
        found.append({name: _moved(bench, name) for name in names})
    about = (
        f"The file of {bench.rows:,} rows into PostgreSQL, with `encryption: true` and without, "
        f"{pairs} pairs in turn. The last columns are those of the pairs: the median of their "
        "ratios, the least and the greatest."
    )
    heads = ("", "plain s", "encrypted s", "ratio", "of the pairs")
    rows = tuple(_row(title, share, found) for title, share in SHARES.items())
    return Table("Encrypted parts", about, heads, rows)


def _moved(bench: Bench, name: str) -> Delivery:
    bench.cloud.empty(name)
    return bench.cloud.drop(name, data.clean(bench.folder, bench.rows))


def _row(title: str, share: str, pairs: list[dict[str, Delivery]]) -> tuple[str, ...]:
    plain = [getattr(pair[PLAIN], share).wall_s for pair in pairs]
    encrypted = [getattr(pair[ENCRYPTED], share).wall_s for pair in pairs]
    ratios = [b / a for a, b in zip(plain, encrypted, strict=True)]
    return (
        title,
        f"{statistics.median(plain):.2f}",
        f"{statistics.median(encrypted):.2f}",
        f"{statistics.median(ratios):.3f}",
        f"{min(ratios):.2f} to {max(ratios):.2f}",
    )


def main() -> None:
    """Read the command line, measure, print the table."""
    parser = argparse.ArgumentParser(prog="python -m local.bench.encrypted", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(".sluice/bench"))
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--pairs", type=int, default=9)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    with Cloud(given.folder) as cloud:
        bench = Bench(given.folder, cloud, given.rows, given.pairs, render.plain)
        render.plain(table(bench, given.pairs).markdown())


if __name__ == "__main__":
    main()
