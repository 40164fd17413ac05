"""A cloud in memory with something of everything that the status page shows."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared.contracts import FrozenContract
from shared.core import naming
from shared.core.audit import Event
from shared.core.dead_letters import DeadLetter
from shared.core.manifests import FileOrigin
from shared.core.modes import SyncMode
from shared.core.plans import Unit
from shared.core.receipts import ColumnFacts, Point, Verdict
from shared.core.runs import Attempt, Failure, Run, RunState, StepStats, Trigger, run_id
from shared.core.sweeps import Found, StaleTable, SweepReport
from shared.csv import Contract, Dialect
from shared.operations import tables
from shared.storage import ABSENT
from shared.wire import to_json
from tests.builders import a_manifest, a_plan, a_receipt, a_run, a_schema, table_data
from tests.unit.api.world import NOW, World

LETTER_ID = "20240131T030000Z-0123456789ab"
COLUMNS = ("id", "name", "rating", "visited_on")
HEADER = "id,name,rating,visited_on"
BAD_ROWS = (
    ("17,Ann,five,2024-01-03", "rating", "not_int64", "'five' is no whole number"),
    ("18,Bob,4,2024-02-31", "visited_on", "not_date", "there is no 31 February"),
    ("19,Cleo,3", None, "wrong_width", "3 fields where the header has 4"),
)
JAPANESE = ("20,\u6771\u4eac\u301c,five,2024-01-03", "rating", "not_int64", "it is no number")
"""The wave dash is another character where browsers decode Shift JIS."""
UNITS, UNITS_DONE = 8, 5
LONG = f"{'notes_of_all_visitors_' * 5}2024.csv"
"""A name that nothing breaks and that is wider than a phone."""
NEVER_LOADED = "customs"
MISSED = 60
"""So many hours ago nothing was moved."""


def fill(world: World) -> None:
    """Put tables, runs, rejected rows, a dead letter and events into a world."""
    _configure(world)
    for hours in (*range(1, 48), *range(48, 28 * 24, 3)):
        if hours != MISSED:
            world.record(_flights(timedelta(hours=hours)))
    world.record(_failed(timedelta(hours=5, minutes=20)))
    world.record(_running(world))
    for days in range(30):
        world.record(_weather(timedelta(days=days, hours=9, minutes=30)))
    world.record(_loaded("bookings", timedelta(hours=11), rows=410))
    world.record(_rejecting(world))
    world.record(_refused())
    for minutes in (80, 20):
        world.record(_failed(timedelta(minutes=minutes), NEVER_LOADED))
    _letter(world)
    _events(world)
    _sweep(world)


def rejecting_run() -> Run:
    """Return the run whose rows are in quarantine."""
    return _file_run(timedelta(minutes=50), "january.csv", state=RunState.COMMITTED)


def running_run() -> Run:
    """Return the run that has not ended."""
    return _based("flights", timedelta(minutes=2), state=RunState.EXTRACTING, progress_rows=51_200)


def newest_flights() -> Run:
    """Return the newest run of flights that committed."""
    return _flights(timedelta(hours=1))


def _configure(world: World) -> None:
    world.configure(
        "flights",
        schedule="hourly",
        sync_mode="incremental",
        incremental_column="UPDATED_AT",
        primary_key=["id"],
        freshness={"max_age": "4h", "objective_percent": 99},
    )
    world.configure("weather", schedule="daily")
    world.configure("bookings", schedule="hourly")
    world.configure("currencies", kind="reference", postgres={"table": "currencies"})
    world.configure("feedback", snowflake=None, csv={}, sync_mode="append")
    tables.put(world.services, table_data(name="orders", postgres={"table": "orders"}), "ann")
    world.found_at(NOW - timedelta(minutes=85))
    world.configure(NEVER_LOADED, schedule="hourly")


def _based(table: str, age: timedelta, **changes: Any) -> Run:
    at = NOW - age
    key = at.isoformat()
    given: dict[str, Any] = {
        "run_id": run_id(table, Trigger.SCHEDULE, key, at),
        "table": table,
        "trigger_key": key,
        "created_at": at,
        "updated_at": at + timedelta(seconds=9),
        "attempts": (Attempt(id="a" * 12, step="extract", started_at=at + timedelta(seconds=1)),),
        "attempt_count": 1,
    }
    return a_run(**given | changes)


def _loaded(table: str, age: timedelta, rows: int, **changes: Any) -> Run:
    at = NOW - age
    receipt = a_receipt(
        rows_source=rows,
        rows_staged=rows,
        rows_loaded=rows,
        rows_rejected=0,
        rows_inserted=rows // 3,
        rows_updated=rows - rows // 3,
        verdict=Verdict.VERIFIED,
        reason="",
        **{point: _point(rows) for point in ("source", "staged", "target")},
    )
    attempts = (
        _attempt("extract", at, 0.8, 4.6, "staged"),
        _attempt("load", at, 5.9, 9.0, "committed"),
    )
    steps = {
        "extract": StepStats(
            duration_s=3.8, rows=rows, bytes=rows * 57, peak_mib=212, source_s=2.1
        ),
        "load": StepStats(duration_s=3.1, rows=rows, bytes=rows * 57, peak_mib=164),
    }
    given = {
        "state": RunState.COMMITTED,
        "receipt": receipt,
        "attempts": attempts,
        "attempt_count": 2,
        "steps": steps,
    }
    return _based(table, age, **given | changes)


def _attempt(step: str, at: Any, begin_s: float, end_s: float, outcome: str) -> Attempt:
    return Attempt(
        id=f"{step:a<12}"[:12],
        step=step,
        started_at=at + timedelta(seconds=begin_s),
        ended_at=at + timedelta(seconds=end_s),
        outcome=outcome,
    )


def _point(rows: int) -> Point:
    facts = [
        ColumnFacts(name=name, nulls=rows // 100 * at, fingerprint=f"{rows * (at + 7):016x}")
        for at, name in enumerate(("id", "carrier", "departed_at"))
    ]
    return Point(rows=rows, columns=tuple(facts), fingerprint=f"{rows:016x}")


def _flights(age: timedelta) -> Run:
    hour = (NOW - age).hour
    return _loaded("flights", age, rows=40_000 + 3_500 * (12 - abs(hour - 12)))


def _weather(age: timedelta) -> Run:
    return _loaded("weather", age, rows=9_000 + age.days % 7 * 400, mode=SyncMode.FULL)


def _failed(age: timedelta, table: str = "flights") -> Run:
    at = NOW - age
    message = "400: SQL compilation error: invalid identifier 'UPDATED_AT'; ask for a column"
    return _based(
        table,
        age,
        state=RunState.FAILED,
        failure=Failure(error="SourceRefusedError", message=message),
        attempts=(_attempt("extract", at, 1, 2.5, "SourceRefusedError"),),
    )


def _running(world: World) -> Run:
    run = running_run()
    manifest = a_manifest(run_id=run.run_id, parts=(), rows_source=0)
    world.services.manifests.create_plan(replace(a_plan(UNITS), manifest=manifest))
    for number in range(UNITS_DONE):
        unit = Unit(rows_source=10_240)
        world.services.manifests.create_unit("flights", run.run_id, str(number), unit)
    at = run.created_at
    attempts = (
        _attempt("extract", at, 1, 3, "planned"),
        Attempt(id="b" * 12, step="extract 0006", started_at=at + timedelta(seconds=60)),
    )
    return a_run(
        **{name: getattr(run, name) for name in ("run_id", "table", "trigger_key", "state")},
        created_at=at,
        updated_at=NOW - timedelta(seconds=4),
        progress_rows=51_200,
        attempts=attempts,
        attempt_count=2,
    )


def _file_run(age: timedelta, name: str, **changes: Any) -> Run:
    at = NOW - age
    key = f"gs://acme-landing/feedback/{name}#{int(at.timestamp() * 1e6)}"
    given: dict[str, Any] = {
        "run_id": run_id("feedback", Trigger.FILE, key, at),
        "table": "feedback",
        "trigger": Trigger.FILE,
        "trigger_key": key,
        "mode": SyncMode.APPEND,
        "created_at": at,
        "updated_at": at + timedelta(seconds=4),
        "attempts": (_attempt("ingest", at, 0.4, 2.2, "staged"),),
        "attempt_count": 1,
    }
    return a_run(**given | changes)


def rejecting_in_japanese(world: World) -> Run:
    """Record a run that rejected a row of a file in Shift JIS, whose lines end in CR LF."""
    run = _file_run(timedelta(minutes=40), "february.csv", state=RunState.COMMITTED)
    _put_rejects(world, run, "february.csv", (JAPANESE,), encoding="shift_jis", end="\r\n")
    return world.record(replace(run, receipt=a_receipt(rows_rejected=1)))


def _rejecting(world: World) -> Run:
    run = rejecting_run()
    rows = len(BAD_ROWS)
    world.services.contracts.freeze(
        FrozenContract(
            table="feedback",
            contract=Contract(dialect=Dialect(), columns=COLUMNS),
            file=run.trigger_key,
            run_id=run.run_id,
            frozen_at=run.created_at,
            config_generation=1,
        )
    )
    _put_rejects(world, run, "january.csv", BAD_ROWS)
    receipt = a_receipt(
        rows_source=1_203,
        rows_staged=1_200,
        rows_loaded=1_200,
        rows_rejected=rows,
        rows_inserted=1_200,
        notes=(f"{rows} rejected rows: `sluice quarantine show {run.run_id}`",),
        evidence=("delimiter ',': 4 fields in each of 1,203 records",),
    )
    steps = {"ingest": StepStats(duration_s=1.8, rows=1_203, bytes=48_120, peak_mib=131)}
    changes = {"receipt": receipt, "steps": steps}
    return _file_run(timedelta(minutes=50), "january.csv", state=RunState.COMMITTED, **changes)


def _put_rejects(
    world: World,
    run: Run,
    name: str,
    rows: tuple[Any, ...],
    *,
    encoding: str = "utf-8",
    end: str = "\n",
) -> None:
    """Keep a file, its manifest and its rejected rows."""
    original = naming.raw_object("feedback", run.run_id, run.created_at, name)
    lines = [text.encode(encoding) for text in (HEADER, *(raw for raw, *_ in rows))]
    content = b"".join(line + end.encode() for line in lines)
    world.storage.put("acme-raw", original, content, ABSENT)
    attempt = run.attempts[0].id
    file = FileOrigin(
        bucket="acme-landing",
        name=f"feedback/{name}",
        generation=1,
        size_bytes=len(content),
        sha256="cd" * 32,
        original=original,
        dialect=Dialect(encoding=encoding).to_dict(),
    )
    world.services.manifests.create(
        a_manifest(
            run_id=run.run_id,
            table="feedback",
            attempt=attempt,
            mode=SyncMode.APPEND,
            schema=a_schema(key=(), **dict.fromkeys(COLUMNS, "text")),
            rows_rejected=len(rows),
            file=file,
        )
    )
    rejects = naming.rejects_object("feedback", run.run_id, attempt)
    offset, facts = len(lines[0]) + len(end), list[bytes]()
    for number, (row, line) in enumerate(zip(rows, lines[1:], strict=True)):
        told = _reject(row, number + 2, name) | {"byte_offset": offset, "byte_count": len(line)}
        facts.append(json.dumps(told).encode() + b"\n")
        offset += len(line) + len(end)
    world.storage.put("acme-quarantine", rejects, b"".join(facts), ABSENT)


def _reject(row: tuple[str, str | None, str, str], line: int, name: str) -> dict[str, Any]:
    raw, column, rule, reason = row
    return {
        "file": f"gs://acme-landing/feedback/{name}",
        "line": line,
        "column": column,
        "raw": raw,
        "is_truncated": False,
        "rule": rule,
        "reason": reason,
    }


def _refused() -> Run:
    message = f"gs://acme-landing/feedback/{LONG} is no file of this drop path: it has 2 columns"
    return _file_run(
        timedelta(minutes=25),
        LONG,
        state=RunState.QUARANTINED,
        failure=Failure(error="InvalidFileError", message=message),
    )


def _letter(world: World) -> None:
    world.services.dead_letters.record(
        DeadLetter(
            letter_id=LETTER_ID,
            topic="load",
            data="e30=",
            published_at=NOW - timedelta(hours=9),
            died_at=NOW - timedelta(hours=8),
            deliveries=5,
            table="weather",
            run_id=_weather(timedelta(hours=9, minutes=30)).run_id,
            reason="TargetUnavailableError: the target does not answer",
        )
    )


def _events(world: World) -> None:
    for hours in (5, 3, 1):
        run = _flights(timedelta(hours=hours))
        world.services.audit.append(
            Event(
                table="flights",
                event_id=f"run/{run.run_id}/committed",
                kind="run.committed",
                at=run.updated_at,
                by="scheduler",
                run_id=run.run_id,
                action="load",
                detail=json.dumps({"rows_loaded": 40_000}),
            )
        )


def _sweep(world: World) -> None:
    run = running_run()
    stray = f"gs://acme-landing/fedback/march.csv#{1_706_600_000_000_000}"
    report = replace(
        a_report(NOW - timedelta(minutes=3)),
        nudged=Found(count=1, names=(f"flights/{run.run_id}",)),
        strays=Found(count=1, names=(stray,)),
        dead_letters=Found(count=1, names=(LETTER_ID,)),
        deleted=Found(count=31, names=tuple(f"gs://acme-staging/parts/{n}" for n in range(20))),
        stale=(
            StaleTable(
                table="bookings",
                due_since=NOW - timedelta(hours=10),
                last_success=NOW - timedelta(hours=11),
            ),
        ),
        problems=("flights: the target does not answer",),
    )
    swept(world, report)


def a_report(swept_at: datetime) -> SweepReport:
    """Return what a sweep says that found nothing."""
    return SweepReport(
        swept_at=swept_at,
        duration_s=2.4,
        open_runs=1,
        **{name: Found() for name in ("nudged", "given_up", "announced", "strays")},
        **{name: Found() for name in ("dead_letters", "deleted", "dropped")},
        stale=(),
        problems=(),
        collected_at=None,
        collected_upto="",
    )


def swept(world: World, report: SweepReport) -> None:
    """Write down what a sweep found."""
    before = world.storage.info("acme-state", naming.SWEEP_REPORT)
    generation = before.generation if before else ABSENT
    world.storage.put("acme-state", naming.SWEEP_REPORT, to_json(report), generation)
