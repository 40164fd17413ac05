"""What encrypted parts cost: the same file with and without, in pairs, one right after the other.

Part of ``make bench``; alone by ``python -m local.bench.encrypted``. A ratio is that of one pair,
so that a machine that grows slower or faster meanwhile does not count. What the two directions take
of the processor is measured by itself too, since it is less than such ratios scatter.
"""

import argparse
import io
import random
import statistics
import time
from pathlib import Path

from local.bench import data
from local.bench.jobs import Bench
from local.bench.sluice import Cloud, Delivery
from local.bench.tables import Table
from shared.cli import render
from shared.stage.sealing import Sealer, unseal

PLAIN, ENCRYPTED = "orders", "orders_encrypted"
_WRITE_BYTES = 100_000
"""About what Parquet's writer hands over at once."""

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


def alone(size_bytes: int = 64 * 2**20, rounds: int = 5) -> str:
    """Say how much of the processor it takes to encrypt and to decrypt so many bytes."""
    key, plain = bytes(32), random.Random(1).randbytes(size_bytes)  # noqa: S311 - not a secret
    seal_s, open_s = [], []
    for _ in range(rounds):
        sink = io.BytesIO()
        begin_s = time.process_time()
        sealer = Sealer(key, "part", sink)
        for start in range(0, size_bytes, _WRITE_BYTES):
            sealer.write(plain[start : start + _WRITE_BYTES])
        sealer.finish()
        middle_s = time.process_time()
        unseal(sink.getvalue(), key, "part")
        seal_s.append(middle_s - begin_s)
        open_s.append(time.process_time() - middle_s)
    encrypt_s, decrypt_s = statistics.median(seal_s), statistics.median(open_s)
    return (
        f"{size_bytes / 2**20:.0f} MiB: {encrypt_s:.3f} s of CPU to encrypt, {decrypt_s:.3f} s to "
        f"decrypt (median of {rounds}; {min(seal_s):.3f} to {max(seal_s):.3f}, "
        f"{min(open_s):.3f} to {max(open_s):.3f})"
    )


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
    parser.add_argument("--pairs", type=int, default=9, help="0: only what the cipher takes")
    given = parser.parse_args()
    render.plain(alone())
    if not given.pairs:
        return
    given.folder.mkdir(parents=True, exist_ok=True)
    with Cloud(given.folder) as cloud:
        bench = Bench(given.folder, cloud, given.rows, given.pairs, render.plain)
        render.plain(table(bench, given.pairs).markdown())


if __name__ == "__main__":
    main()
