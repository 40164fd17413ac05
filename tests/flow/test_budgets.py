"""The performance gate: what a run may ask of the services around it, and how much memory it takes.

Counts and ratios, which are the same on every machine; a budget is what is needed now. A line that
fails either found something that crept in, or is changed together with its reason.
"""

import itertools
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from local.bench import measuring
from shared.core.messages import ExtractRequest, IngestRequest
from shared.core.runs import RunState
from shared.settings import FUNCTION_ENVIRONMENT
from shared.storage import ABSENT
from tests.flow.cloud import Cloud
from tests.flow.counting import Asked, Counter, delivery

ROWS = 20_000


@dataclass(frozen=True, slots=True)
class Budget:
    """At most so much of something for one run, and what it is needed for."""

    work: str
    what: str
    most: float
    why: str


BUDGETS = (
    Budget("unchanged", "storage calls", 3, "configuration; record created; record ended"),
    Budget("unchanged", "ledger writes", 2, "both of the record: about one a second is allowed"),
    Budget("unchanged", "messages", 1, "the schedule's own"),
    Budget("unchanged", "source calls", 4, "login; columns with facts; last change; logout"),
    Budget("unchanged", "all calls", 8, "what a thousand idle tables cost every hour"),
    Budget(
        "full", "storage calls", 16, "extract 7, of them 3 for the part; load 9, of them 2 to audit"
    ),
    Budget("full", "ledger writes", 4, "begun and ended, by extract and by load"),
    Budget("full", "messages", 2, "the request; the load's"),
    Budget("full", "source calls", 9, "unchanged's; key; clock; pin; count; rows"),
    Budget("full", "part bytes uploaded", 1.01, "each byte once, with the upload's own document"),
    Budget("full", "part bytes downloaded", 1.0, "each byte once"),
    Budget("merge", "storage calls", 16, "as a full run"),
    Budget("merge", "ledger writes", 4, "as a full run"),
    Budget("merge", "messages", 2, "as a full run"),
    Budget("merge", "source calls", 10, "as a full run; what lies ahead"),
    Budget("file", "storage calls", 22, "ingest 13: head, contract twice, copy to raw; load 9"),
    Budget("file", "ledger writes", 4, "begun and ended, by ingest and by load"),
    Budget("file", "messages", 2, "the notification; the load's"),
    Budget("file", "source calls", 0, "its source is the bucket"),
    Budget("file", "part bytes uploaded", 1.01, "each byte once"),
    Budget("file", "part bytes downloaded", 1.0, "each byte once"),
    Budget("file", "file bytes downloaded", 2.0, "once for its rows; at most once for its head"),
)

MEASURES: dict[str, Callable[[Asked], float]] = {
    "storage calls": lambda a: a.storage_calls,
    "ledger writes": lambda a: a.ledger_writes,
    "messages": lambda a: a.message_count,
    "source calls": lambda a: a.source_calls,
    "all calls": lambda a: a.storage_calls + a.message_count + a.source_calls,
    "part bytes uploaded": lambda a: a.received("staging", "parts/") / a.part_bytes,
    "part bytes downloaded": lambda a: a.sent("staging", "parts/") / a.part_bytes,
    "file bytes downloaded": lambda a: a.sent("quarantine") / a.file_bytes,
}

HOURLY = {"schedule": "hourly", "primary_key": ["id"]}
MERGED = {**HOURLY, "sync_mode": "incremental", "incremental_column": "at"}

PEAK_RATIO = 1.3
"""Eight times the rows may take so much more memory: what is allocated comes in large pieces."""

PEAK_ROWS = (40_000, 320_000)
PEAK_TIMEOUT_S = 200.0

slots = itertools.count()


@pytest.fixture(scope="module")
def asked(cloud: Cloud) -> dict[str, Asked]:
    """Do each work once and return what it asked for."""
    counter = Counter(cloud)
    cloud.source(
        "CREATE TABLE {db}.COUNTED AS SELECT SEQ4()::NUMBER(9,0) AS ID, 'some text' AS NAME, "
        f"'2024-01-01'::TIMESTAMP_NTZ(6) AS AT FROM TABLE(GENERATOR(ROWCOUNT => {ROWS}))"
    )
    cloud.configure("counted", **HOURLY)
    return {
        "full": _slot(counter, RunState.COMMITTED),
        "unchanged": _unchanged(counter),
        "merge": _merge(counter),
        "file": _file(counter),
    }


def _slot(counter: Counter, state: RunState | None = None) -> Asked:
    at = datetime(2030, 1, 1, tzinfo=UTC) + timedelta(hours=next(slots))
    request = ExtractRequest(table="counted", published_at=at)
    found = counter.run("counted", "extract", delivery(request.encode(), at))
    assert state is None or counter.cloud.runs("counted")[-1].state is state
    return found


def _unchanged(counter: Counter) -> Asked:
    """Do slots until one is skipped, since a change that is only moments old proves nothing."""
    counter.cloud.await_value(
        lambda: _slot(counter).messages == ("extract",), "no slot of the table was skipped"
    )
    return _slot(counter, RunState.SKIPPED)


def _merge(counter: Counter) -> Asked:
    cloud = counter.cloud
    cloud.configure("counted", **MERGED)
    _slot(counter, RunState.COMMITTED)
    cloud.source(f"INSERT INTO {{db}}.COUNTED SELECT {ROWS}, 'new', SYSDATE()")
    found = _slot(counter, RunState.COMMITTED)
    receipt = cloud.runs("counted")[-1].receipt
    assert receipt
    assert receipt.rows_inserted == 1
    return found


def _file(counter: Counter) -> Asked:
    """Take in the second file of a table, from a bucket that announces nothing by itself."""
    cloud = counter.cloud
    cloud.configure("counted_file", csv={}, sync_mode="append")
    bucket = cloud.services.settings.bucket("quarantine")
    content = "".join(f"{number},{number * number}\n" for number in range(ROWS))
    for number in range(2):
        name, data = f"counted_file/{number}.csv", f"id,square\n{number},0\n{content}".encode()
        generation = cloud.services.storage.write(
            bucket, name, data, generation=ABSENT, content_type="text/csv"
        )
        request = IngestRequest(bucket=bucket, name=name, generation=generation)
        found = counter.run("counted_file", "ingest", delivery(**request.attributes()))
    assert [r.state for r in cloud.runs("counted_file")] == [RunState.COMMITTED] * 2
    return replace(found, file_bytes=len(data))


@pytest.mark.parametrize("budget", BUDGETS, ids=lambda b: f"{b.work}: {b.what}")
def test_run_asks_for_no_more_than_its_budget(asked: dict[str, Asked], budget: Budget) -> None:
    found = MEASURES[budget.what](asked[budget.work])

    assert found <= budget.most, f"{found:.2f}, but needed is: {budget.why}"


@pytest.mark.timeout(500)
@pytest.mark.parametrize("kind", ["file", "table"])
def test_eight_times_the_rows_take_the_memory_of_once(cloud: Cloud, kind: str) -> None:
    peaks = [_peak_mib(cloud, kind, rows) for rows in PEAK_ROWS]

    assert peaks[1] <= PEAK_RATIO * peaks[0], peaks


def _peak_mib(cloud: Cloud, kind: str, rows: int) -> float:
    """Move rows in a process of their own and return the most memory that it held."""
    table = f"peak_{kind}_{rows}"
    if kind == "file":
        cloud.configure(table, csv={"columns": {"id": "int64", "name": "text"}}, sync_mode="append")
    else:
        cloud.source(
            f"CREATE TABLE {{db}}.{table} AS SELECT SEQ4()::NUMBER(9,0) AS ID, "
            f"'row of a table' AS NAME FROM TABLE(GENERATOR(ROWCOUNT => {rows}))"
        )
        cloud.configure(table, primary_key=["id"])
    command = (sys.executable, "-m", "tests.flow.peak", kind, table, str(rows))
    cost = measuring.run(command, timeout_s=PEAK_TIMEOUT_S, environment=FUNCTION_ENVIRONMENT)
    assert cost.peak_mib
    return cost.peak_mib
