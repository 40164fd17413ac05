"""Whether one audit chain survives many writers at once: `python -m local.bench.chain`.

Each writer is a process with a client of its own, all at one emulator of Cloud Storage, and every
event is told by two of them; then the chain is read and judged. A table has far fewer of both.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from threading import Thread

from local.gcs.server import GcsServer
from shared import settings
from shared.audit import AuditLog
from shared.cli import render
from shared.core import audit as judging
from shared.core.audit import Event
from shared.storage import Storage

BUCKET, TABLE = "bench-audit", "contended"


def main() -> None:
    """Read the command line, write, judge; exit 1 when the chain is not whole."""
    parser = argparse.ArgumentParser(prog="python -m local.bench.chain", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--writers", type=int, default=8)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, _emulator(Path(folder)) as endpoint:
        took_s = write(endpoint, given.events, given.writers)
        flaws = judge(endpoint, given.events)
    rate = f"{given.events / took_s:,.0f} a second"
    render.plain(f"{given.events:,} events, {given.writers} writers: {took_s:.0f} s, {rate}")
    for flaw in flaws:
        render.plain(flaw)
    sys.exit(1 if flaws else 0)


def write(endpoint: str, events: int, writers: int) -> float:
    """Let all writers tell at once; return how long that took, in seconds."""
    started_s = time.monotonic()
    with ProcessPoolExecutor(writers, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(_tell, endpoint, n, events, writers) for n in range(writers)]
        for job in jobs:
            job.result()
    return time.monotonic() - started_s


def judge(endpoint: str, events: int) -> list[str]:
    """Return what is wrong with the chain."""
    seen = AuditLog(Storage("bench", endpoint), BUCKET).chain(TABLE)
    found = [f.what for f in judging.findings(TABLE, seen, now=datetime.now(UTC))]
    if len(seen) != events:
        found.append(f"{len(seen):,} events in the chain")
    return found


def _tell(endpoint: str, writer: int, events: int, writers: int) -> None:
    """Tell this writer's share of the events, and the next one's, which that one tells too."""
    log = AuditLog(Storage("bench", endpoint), BUCKET)
    for number in range(events):
        if (number - writer) % writers < 2:
            log.append(
                Event(
                    table=TABLE,
                    event_id=f"bench/{number}",
                    kind="bench.told",
                    at=datetime.now(UTC),
                    by=f"writer {writer}",
                )
            )


@contextmanager
def _emulator(folder: Path) -> Iterator[str]:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.storage import Client

    server = GcsServer(folder, 0)
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    settings.adopt({"STORAGE_EMULATOR_HOST": endpoint})  # for the writers as well
    options = {"api_endpoint": endpoint}
    client = Client(project="bench", credentials=AnonymousCredentials(), client_options=options)
    client.create_bucket(BUCKET)
    yield endpoint
    server.shutdown()
    server.server_close()
    thread.join()


if __name__ == "__main__":
    main()
