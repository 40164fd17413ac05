"""Runs: a page of them, all about one, one as it happens, and what was moved over time."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from shared.api import examples
from shared.api.access import Reader
from shared.api.bodies import RunDetail, Running, RunRecord, RunSummary
from shared.api.context import Context, Lent, Shared
from shared.api.paging import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    Page,
    cursor_of,
    invalid_cursor,
    parts_of,
)
from shared.api.problems import Refusal
from shared.core import naming
from shared.core.runs import Run, RunState
from shared.operations import statistics as counting
from shared.operations.history import OPEN, Position
from shared.operations.progress import progress
from shared.wiring import Services

router = APIRouter(prefix="/api/v1/runs", tags=["runs"])

POLL_S = 0.5
"""How often a run is looked at while somebody watches it."""

LIVE_S, IDLE_S = 2.0, 5.0
"""How often all runs are looked at while somebody watches, and while none runs. Those who watch
share one listing for each table, which costs as much as a write.
"""

BEAT_S = 15.0
"""A line that means nothing is sent so often, so that no proxy takes the silence for an end."""

WATCH_S = 300.0
"""A stream ends after so long; whoever still watches asks again, with ``Last-Event-ID``."""

STRETCHES = {"hour": timedelta(hours=1), "day": timedelta(days=1)}

TableName = Annotated[
    str,
    Path(
        pattern=rf"^({naming.TABLE_NAME.pattern}|{naming.NO_TABLE})$",
        description="Name of a table; `-` for messages that belong to none.",
        examples=["flights"],
    ),
]
RunId = Annotated[
    str,
    Path(
        pattern=rf"^{naming.RUN_ID.pattern}$",
        description="Id of a run.",
        examples=["20240131T030000Z-0123456789ab"],
    ),
]
OfTable = Annotated[
    str | None, Query(pattern=rf"^({naming.TABLE_NAME.pattern}|{naming.NO_TABLE})$")
]
InStates = Annotated[list[RunState] | None, Query(description="Only runs in one of these states.")]
SSE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events `run`, each with all about the run as its data; then `end`.",
        "content": {"text/event-stream": {}},
    }
}


LIVE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events `now`, each with what runs as its data, sent when any run changed.",
        "content": {"text/event-stream": {}},
    }
}

SHOWN = 50
"""So many runs that have not ended are told, and so many of the newest are watched."""


class Now(BaseModel):
    """What runs."""

    running: list[Running]


class StretchModel(BaseModel):
    """What ended in one stretch of time."""

    start: datetime
    runs: int
    failed: int
    rows_loaded: int
    rows_rejected: int
    bytes_staged: int
    worked_s: float


class StatisticsModel(BaseModel):
    """What was moved over time."""

    model_config = examples.shown(
        {"stretch_s": 3600, "stretches": [examples.STRETCH], "is_complete": True}
    )

    stretch_s: int
    stretches: list[StretchModel]
    is_complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which runs of a list are wanted, and from where on."""

    limit: Limit = DEFAULT_LIMIT
    cursor: Cursor = None
    table: OfTable = None
    state: InStates = None


@router.get("")
def list_runs(context: Shared, _: Reader, wanted: Annotated[Wanted, Depends()]) -> Page[RunSummary]:
    """List runs by the moment that they are for, which their ids begin with, the latest first.

    A run that was asked for ahead of its time is above others that changed after it.
    """
    found, following = _newest(context, wanted)
    return Page(items=[RunSummary.of(run) for run in found], next=following)


@router.get("/records")
def list_records(
    context: Shared, _: Reader, wanted: Annotated[Wanted, Depends()]
) -> Page[RunRecord]:
    """List the whole records of runs, as the ledger keeps them, in the order of `/runs`."""
    found, following = _newest(context, wanted)
    return Page(items=[RunRecord.of(run) for run in found], next=following)


@router.get("/statistics")
def statistics(
    context: Shared,
    _: Reader,
    by: Annotated[Literal["hour", "day"], Query(description="Length of a stretch.")] = "hour",
    number: Annotated[int, Query(ge=1, le=168, description="Number of stretches.")] = 24,
    table: Annotated[str | None, Query(pattern=rf"^{naming.TABLE_NAME.pattern}$")] = None,
) -> StatisticsModel:
    """Count runs, rows and bytes of the past, stretch by stretch, up to now."""
    found = counting.statistics(
        context.history, context.now(), length=STRETCHES[by], number=number, table=table
    )
    return StatisticsModel.model_validate(found, from_attributes=True)


@router.get("/live", response_class=StreamingResponse, responses=LIVE)
async def watch_all(request: Request, context: Shared, _: Reader) -> StreamingResponse:
    """Follow all that runs as server-sent events, for five minutes at most."""
    seen = request.headers.get("last-event-id", "")
    await run_in_threadpool(_now, context)
    return StreamingResponse(_changes(context, seen), media_type="text/event-stream")


@router.get("/{table}/{run_id}")
def get_run(
    services: Lent, context: Shared, _: Reader, table: TableName, run_id: RunId
) -> RunDetail:
    """Return all about one run."""
    return _detail(services, context, required(services, table, run_id))


@router.get("/{table}/{run_id}/record")
def get_record(services: Lent, _: Reader, table: TableName, run_id: RunId) -> RunRecord:
    """Return the whole record of a run, as the ledger keeps it."""
    return RunRecord.of(required(services, table, run_id))


@router.get("/{table}/{run_id}/events", response_class=StreamingResponse, responses=SSE)
async def watch_run(
    request: Request, context: Shared, _: Reader, table: TableName, run_id: RunId
) -> StreamingResponse:
    """Follow one run as server-sent events, until it ends."""
    seen = request.headers.get("last-event-id", "")
    await run_in_threadpool(_look, context, table, run_id)
    return StreamingResponse(_events(context, table, run_id, seen), media_type="text/event-stream")


def position_of(cursor: str | None) -> Position | None:
    """Return where a list of runs goes on.

    Raises:
        Refusal: no list of runs has made the cursor.
    """
    if cursor is None:
        return None
    run_id, table = parts_of(cursor, str, str)
    if not naming.RUN_ID.fullmatch(run_id):
        raise invalid_cursor()
    return Position(run_id, table)


def _newest(context: Context, wanted: Wanted) -> tuple[list[Run], str | None]:
    """Return a page of runs, the newest first, and the cursor of the next one."""
    found = context.history.newest(
        wanted.limit + 1,
        tables=[wanted.table] if wanted.table else None,
        states=frozenset(wanted.state or ()),
        before=position_of(wanted.cursor),
    )
    page = found[: wanted.limit]
    last = page[-1] if len(found) > wanted.limit else None
    records = list(context.history.records(page))
    return records, cursor_of(last.run_id, last.table) if last else None


async def _events(context: Context, table: str, run_id: str, seen: str) -> AsyncIterator[str]:
    started_s = spoke_s = time.monotonic()
    while time.monotonic() - started_s < WATCH_S:
        detail = await run_in_threadpool(_look, context, table, run_id)
        version = f"{detail.updated_at:%Y%m%dT%H%M%S.%f}-{detail.state}"
        if version != seen:
            yield f"id: {version}\nevent: run\ndata: {detail.model_dump_json()}\n\n"
            seen, spoke_s = version, time.monotonic()
        if detail.is_ended:
            yield f"event: end\ndata: {detail.state}\n\n"
            return
        if time.monotonic() - spoke_s > BEAT_S:
            yield ": still here\n\n"
            spoke_s = time.monotonic()
        await asyncio.sleep(POLL_S)


async def _changes(context: Context, seen: str) -> AsyncIterator[str]:
    started_s = spoke_s = time.monotonic()
    while time.monotonic() - started_s < WATCH_S:
        version, now = await run_in_threadpool(_now, context)
        if version != seen:
            yield f"id: {version}\nevent: now\ndata: {now.model_dump_json()}\n\n"
            seen, spoke_s = version, time.monotonic()
        if time.monotonic() - spoke_s > BEAT_S:
            yield ": still here\n\n"
            spoke_s = time.monotonic()
        await asyncio.sleep(LIVE_S if now.running else IDLE_S)


def _now(context: Context) -> tuple[str, Now]:
    """Return what runs, and a text that differs after every change of a run."""
    newest = context.history.newest(SHOWN)
    entries = context.history.newest(SHOWN, states=OPEN)
    said = " ".join(f"{e.table} {e.run_id} {e.generation}" for e in (*newest, *entries))
    with context.lender.lend() as services:
        running = [
            Running.at(run, progress(run, services, context.history))
            for run in context.history.records(entries)
            if not run.is_terminal
        ]
    # Units that are done show in no record.
    said += " ".join(str(run.progress.units_done) for run in running)
    return hashlib.sha256(said.encode()).hexdigest()[:16], Now(running=running)


def _look(context: Context, table: str, run_id: str) -> RunDetail:
    with context.lender.lend() as services:
        return _detail(services, context, required(services, table, run_id))


def _detail(services: Services, context: Context, run: Run) -> RunDetail:
    return RunDetail.detailed(run, progress(run, services, context.history))


def required(services: Services, table: str, run_id: str) -> Run:
    """Return a run's record.

    Raises:
        Refusal: there is none.
    """
    run = services.ledger.find(table, run_id)
    if run is None:
        raise Refusal(
            HTTPStatus.NOT_FOUND,
            "unknown_run",
            f"there is no run {run_id} of {table}; /api/v1/runs?table={table} lists those there "
            "are. One that was just asked for appears when the function has taken it up",
        )
    return run
