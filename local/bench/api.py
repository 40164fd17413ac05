"""How the API answers in front of a large ledger: `python -m local.bench.api`.

The ledger is in the stand-in for Cloud Storage, a process of its own; the API is another one, as
the function serves it. Several clients ask for the same call one after the other, on connections
that stay open. What one call costs at Google besides is the time of a listing or a read there.
"""

import argparse
import http.client
import json
import multiprocessing
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from typing import Any, cast

from local.gcs.buckets import Buckets
from local.gcs.contents import Contents
from local.gcs.database import Database
from local.gcs.objects import Objects
from local.gcs.records import Address
from local.gcs.server import GcsServer
from local.ports import free_port
from shared.cli import render
from shared.core import naming
from shared.core.access import AccessKey, AccessList, Role, digest, key_id, new_token
from shared.core.modes import SyncMode
from shared.core.receipts import Receipt
from shared.core.runs import Attempt, Run, RunState, StepStats, Trigger, run_id
from shared.core.tallies import Tally
from shared.ledger import WRITTEN_AT
from shared.wire import to_json

PREFIX, TABLES = "bench", 20

FILLED = "filled"
"""File in the folder of a ledger that is whole."""

CALLS = {
    "page of runs": "/api/v1/runs?limit=50",
    "the next page, half a year back": "/api/v1/runs?limit=50&cursor={deep}",
    "runs of one table": "/api/v1/runs?limit=50&table=table_07",
    "failed runs": "/api/v1/runs?limit=50&state=failed",
    "runs that have not ended": "/api/v1/runs?limit=50&state=extracting&state=loading",
    "rows and bytes of 24 hours": "/api/v1/runs/statistics",
    "rows and bytes of 30 days": "/api/v1/runs/statistics?by=day&number=30",
    "costs of 30 days": "/api/v1/costs?days=30",
    "one run": "/api/v1/runs/table_07/{run_id}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """How one call was answered."""

    first_s: float
    """By an instance that knows nothing yet of what this call is about."""
    per_s: float
    p50_s: float
    p99_s: float


def main() -> None:
    """Read the command line, make a ledger, ask."""
    parser = argparse.ArgumentParser(prog="python -m local.bench.api", description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each call")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--state", type=Path, help="folder of a ledger to make, or to use again")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        state = given.state or Path(folder)
        if not (state / FILLED).exists():
            fill(state, given.runs)
        _ask(state, given)


def _ask(state: Path, given: argparse.Namespace) -> None:
    newest = datetime.fromisoformat((state / FILLED).read_text())
    token = new_token()
    storage = _start(_serve_storage, str(state))
    api = _start(_serve_api, storage.port, token)
    try:
        rows = [_row(name, found) for name, found in ask_all(api.port, token, newest, given)]
    finally:
        for server in (api, storage):
            server.process.terminate()
            server.process.join()
    render.listing(("CALL", "FIRST>", "A SECOND>", "P50>", "P99>"), rows)


def fill(folder: Path, count: int) -> None:
    """Write a ledger of so many runs, one an hour of each table, and when the newest began."""
    folder.mkdir(parents=True, exist_ok=True)
    database = Database(folder / "catalogue.sqlite3")
    contents = Contents(folder / "contents")
    buckets = Buckets(database)
    for zone in ("state", "config", "staging", "audit"):
        buckets.create({"name": f"{PREFIX}-{zone}"})
    objects = Objects(database, contents, lambda _: None)
    newest = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    with database.transaction():
        for number in range(count):
            at = newest - timedelta(hours=number // TABLES, minutes=number % TABLES)
            _put(objects, contents, a_run(f"table_{number % TABLES:02d}", at, number))
    (folder / FILLED).write_text(newest.isoformat())


def a_run(table: str, at: datetime, number: int) -> Run:
    """Return a run that ended, one in a hundred by failing."""
    key = at.isoformat()
    ended_at = at + timedelta(seconds=9)
    rows = 10_000 + number % 977
    stats = StepStats(duration_s=3.5, rows=rows, bytes=rows * 60, peak_mib=190, source_s=2.0)
    attempts = tuple(
        Attempt(id=step * 3, step=step, started_at=at, ended_at=ended_at, outcome="done")
        for step in ("extract", "load")
    )
    return Run(
        run_id=run_id(table, Trigger.SCHEDULE, key, at),
        table=table,
        trigger=Trigger.SCHEDULE,
        trigger_key=key,
        mode=SyncMode.INCREMENTAL,
        state=RunState.FAILED if number % 100 == 99 else RunState.COMMITTED,
        created_at=at,
        updated_at=ended_at,
        attempts=attempts,
        attempt_count=2,
        steps={"extract": stats, "load": stats},
        receipt=Receipt(
            rows_source=rows,
            rows_staged=rows,
            rows_loaded=rows,
            rows_rejected=0,
            rows_inserted=rows,
            rows_updated=0,
            rows_deleted=0,
            snapshot=key,
            is_pinned=True,
            low=None,
            high=key,
        ),
    )


def ask_all(
    port: int, token: str, newest: datetime, given: argparse.Namespace
) -> list[tuple[str, Measured]]:
    """Ask for each call in turn, by several clients at once."""
    first = json.loads(_get(_connect(port), CALLS["page of runs"], token))
    deep = f"{newest - timedelta(days=180):%Y%m%dT%H%M%SZ}-ffffffffffff"
    places = {"deep": _cursor(deep, "table_00"), "run_id": _run_of(first, "table_07")}
    return [
        (name, measure(port, path.format(**places), token, given)) for name, path in CALLS.items()
    ]


def measure(port: int, path: str, token: str, given: argparse.Namespace) -> Measured:
    """Ask for one call for some seconds."""
    with closing(_connect(port)) as connection:
        first_s = _timed(connection, path, token)
    end_s = time.monotonic() + given.seconds

    def ask(_: int) -> list[float]:
        with closing(_connect(port)) as connection:
            taken = []
            while time.monotonic() < end_s:
                taken.append(_timed(connection, path, token))
            return taken

    with ThreadPoolExecutor(given.clients) as pool:
        taken = sorted(each for some in pool.map(ask, range(given.clients)) for each in some)
    return Measured(
        first_s=first_s,
        per_s=len(taken) / given.seconds,
        p50_s=statistics.median(taken),
        p99_s=taken[int(len(taken) * 0.99)],
    )


@dataclass(frozen=True, slots=True)
class _Server:
    process: Any
    port: int


def _start(serve: Any, *arguments: Any) -> _Server:
    """Start a server in a process of its own and wait for its port."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, *arguments), daemon=True)
    process.start()
    return _Server(process, ours.recv())


def _serve_storage(ready: Connection, folder: str) -> None:
    server = GcsServer(Path(folder), 0)
    ready.send(server.server_address[1])
    server.serve_forever()


def _serve_api(ready: Connection, storage_port: int, token: str) -> None:
    import uvicorn

    from shared import settings as environment
    from shared.api.app import build
    from shared.api.context import Context
    from shared.api.limits import RateLimit
    from shared.callers import Callers
    from shared.secrets import Secrets
    from shared.settings import ApiSettings, Settings
    from shared.wiring import Services

    endpoint = f"http://127.0.0.1:{storage_port}"
    environment.adopt({"STORAGE_EMULATOR_HOST": endpoint})
    settings = Settings(project="bench", prefix=PREFIX, storage_emulator=endpoint)
    context = Context.build(ApiSettings(), lambda: Services.build(settings))
    callers = Callers(cast(Secrets, _OneKey(token)))
    unlimited = RateLimit(per_second=1e9, burst=10**9)
    app = build(ApiSettings(), replace(context, callers=callers, calls=unlimited))
    # The server binds the port itself: only then are answers sent at once (TCP_NODELAY).
    server = uvicorn.Server(uvicorn.Config(app, port=free_port(), log_level="error"))
    Thread(target=_tell, args=(server, ready), daemon=True).start()
    server.run()


def _tell(server: Any, ready: Connection) -> None:
    """Say on which port a server listens, once it does."""
    while not server.started:
        time.sleep(0.01)
    ready.send(server.config.port)


class _OneKey:
    """Secret Manager with one secret: the list of one key."""

    def __init__(self, token: str) -> None:
        at = datetime.now(UTC)
        key = AccessKey(id=key_id(token), role=Role.READ, sha256=digest(token), created_at=at)
        self._listed = to_json(AccessList(keys=(key,)))

    def newest(self, name: str, version: str = "latest") -> tuple[bytes, int]:  # noqa: ARG002
        """Return the list."""
        return self._listed, 1


def _put(objects: Objects, contents: Contents, run: Run) -> None:
    with contents.spool() as spool:
        spool.write(to_json(run))
        listed = {
            "state": run.state.value,
            "tally": str(Tally.of(run)),
            WRITTEN_AT: run.updated_at.isoformat(),
        }
        attributes = {"contentType": "application/json", "metadata": listed}
        address = Address(bucket=f"{PREFIX}-state", name=naming.run_object(run.table, run.run_id))
        objects.put(address, spool.content(), attributes)
        spool.keep()


def _connect(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=300)


def _timed(connection: http.client.HTTPConnection, path: str, token: str) -> float:
    started_s = time.perf_counter()
    _get(connection, path, token)
    return time.perf_counter() - started_s


def _get(connection: http.client.HTTPConnection, path: str, token: str) -> bytes:
    connection.request("GET", path, headers={"X-API-Key": token})
    reply = connection.getresponse()
    body = reply.read()
    if reply.status != 200:
        raise SystemExit(f"{path}: {reply.status} {body.decode()}")
    return body


def _cursor(*parts: str) -> str:
    from shared.api.paging import cursor_of

    return cursor_of(*parts)


def _run_of(page: dict[str, Any], table: str) -> str:
    return str(next(run["run_id"] for run in page["items"] if run["table"] == table))


def _row(name: str, found: Measured) -> render.Listed:
    times = (f"{1000 * each:,.0f} ms" for each in (found.p50_s, found.p99_s))
    return render.Listed((name, f"{found.first_s:,.2f} s", f"{found.per_s:,.0f}", *times))


if __name__ == "__main__":
    main()
