"""The smoke run: one table moved by what was just deployed, through every part of the path.

A table of Snowflake is asked for as `sluice run` does. For a table of files, a file with a header
and no rows is dropped: it takes the whole way and leaves the table's rows alone. The second one of
the same content is recognised at the end of that way, and its run is skipped.
"""

import secrets
import time
from collections.abc import Callable

from shared.config.tables import ResolvedTable
from shared.core import runs
from shared.core.messages import ExtractRequest, IngestRequest
from shared.core.modes import SyncMode
from shared.core.runs import Run, Trigger
from shared.csv import Contract
from shared.errors import DeploymentError
from shared.storage import ABSENT
from shared.wiring import Services

POLL_S = 0.2
TIMEOUT_S = 600.0

_PREFIX = "smoke-"
"""How the name of a dropped file begins."""

Find = Callable[[], Run | None]


def move(services: Services, table: str, timeout_s: float = TIMEOUT_S) -> Run:
    """Move a table and return its run, however it ended.

    Raises:
        DeploymentError: the run has not ended in time, or a run of this table would do more than
            prove that it works.
        UnknownTableError: no such table.
    """
    resolved, _ = services.config.get(table)
    if not resolved.table.is_of_files:
        return _wait(_request(services, table), table, timeout_s)
    before = services.contracts.find(table)
    try:
        find = _drop(services, resolved, before.contract if before else None)
        return _wait(find, table, timeout_s)
    finally:
        after = services.contracts.find(table)
        if after and _PREFIX in after.file:
            services.contracts.lift(table)  # how files are written is for the first real one to say


def _wait(find: Find, table: str, timeout_s: float) -> Run:
    deadline_s = time.monotonic() + timeout_s
    found = None
    while time.monotonic() < deadline_s:
        found = find()
        if found and found.is_terminal:
            return found
        time.sleep(POLL_S)
    state = f"it is {found.state}" if found else "it never began: look at the function's log"
    raise DeploymentError(f"the smoke run of {table} has not ended after {timeout_s:g} s; {state}")


def _request(services: Services, table: str) -> Find:
    key, at = secrets.token_hex(8), services.now()
    request = ExtractRequest(table=table, published_at=at, request_id=key)
    services.bus.publish(services.settings.topic("extract"), request.encode())
    run_id = runs.run_id(table, Trigger.REQUEST, key, at)
    return lambda: services.ledger.find(table, run_id)


def _drop(services: Services, resolved: ResolvedTable, contract: Contract | None) -> Find:
    table, files = resolved.table, resolved.table.csv
    is_plain = files and files.kind == "csv" and not files.trailer
    columns = files.columns if files and is_plain else None
    if not (files and columns) or table.sync_mode is SyncMode.FULL or files.on_duplicate == "fail":
        raise DeploymentError(
            f"{table.name} is no table for a smoke run: a table of files needs csv.columns, "
            "kind csv without a trailer, a sync_mode other than full, and on_duplicate other than "
            "fail; or name a table of Snowflake with SMOKE="
        )
    delimiter = contract.dialect.delimiter if contract else files.delimiter or ","
    header = delimiter.join(contract.columns if contract else columns) + "\n"
    bucket = services.settings.bucket("landing")
    name = f"{table.name}/{_PREFIX}{secrets.token_hex(8)}.csv"
    generation = services.storage.write(
        bucket, name, header.encode(), generation=ABSENT, content_type="text/csv"
    )
    key = IngestRequest(bucket=bucket, name=name, generation=generation).key
    return lambda: next((r for r in services.ledger.runs(table.name) if r.trigger_key == key), None)
