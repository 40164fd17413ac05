"""Quarantine: which runs rejected rows or refused a file, the rows themselves, and the way back."""

from http import HTTPStatus
from itertools import islice
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse, StreamingResponse

from shared.api.access import Operator, Reader, hidden_from
from shared.api.bodies import Accepted
from shared.api.context import Context, Lent, Shared
from shared.api.idempotency import Idempotent
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
from shared.api.quarantined import (
    CellModel,
    QuarantinedFile,
    QuarantinedRun,
    RejectedRow,
    ReplayBody,
)
from shared.api.routes.runs import RunId, position_of
from shared.api.routes.tables import TableName
from shared.core import naming
from shared.core.access import Principal, Role
from shared.core.runs import Run, RunState
from shared.errors import ConflictError, InvalidMessageError
from shared.operations import mending, rejects
from shared.steps import quarantine, resending
from shared.steps.quarantined_rows import Position, Rejected, rejected_rows
from shared.wiring import Services

router = APIRouter(prefix="/api/v1/quarantine", tags=["quarantine"])

SCANNED = 1_000
"""Runs that one call looks at; a page that could not be filled by them has a next one."""

STATES = (RunState.COMMITTED, RunState.QUARANTINED, RunState.LOADING, RunState.FAILED)
"""Where a run that rejected something may stand."""


@router.get("")
def list_quarantined(
    services: Lent,
    context: Shared,
    _: Reader,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    table: Annotated[str | None, Query(pattern=rf"^{naming.TABLE_NAME.pattern}$")] = None,
) -> Page[QuarantinedRun]:
    """List the runs that left something in quarantine, the newest first."""
    tables = [table] if table else _tables_of_files(services, context)
    entries = context.history.newest(
        SCANNED + 1, tables=tables, states=STATES, before=position_of(cursor)
    )
    found = [
        run for run in context.history.records(entries[:SCANNED]) if quarantine.holds_rows(run)
    ]
    page = found[:limit]
    last = page[-1] if len(found) > limit else None
    following = cursor_of(last.run_id, last.table) if last else None
    if last is None and len(entries) > SCANNED:
        following = cursor_of(entries[SCANNED - 1].run_id, entries[SCANNED - 1].table)
    items = context.history.each(lambda run: QuarantinedRun.of(run, services), page)
    return Page(items=items, next=following)


@router.get("/{table}/{run_id}")
def get_quarantined(services: Lent, _: Reader, table: TableName, run_id: RunId) -> QuarantinedFile:
    """Return what one run left in quarantine."""
    run = _required(services, table, run_id)
    found = QuarantinedFile.of(run, services)
    return found.model_copy(update={"encoding": quarantine.encoding(run, services)})


@router.get("/{table}/{run_id}/rows")
def list_rows(
    services: Lent,
    reader: Reader,
    table: TableName,
    run_id: RunId,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[RejectedRow]:
    """List the rejected rows of a run in the order of the file, their cells marked."""
    run = _required(services, table, run_id)
    found = _rows_from(_position(cursor), limit + 1, run, services)
    layout = rejects.layout(run, services) if found else None
    hidden = _hidden(services, reader, table)
    items = [_row(row.facts, layout, hidden) for row in found[:limit]]
    return Page(items=items, next=_cursor(found[limit:]))


@router.get("/{table}/{run_id}/file", response_class=StreamingResponse)
def export(
    services: Lent,
    reader: Reader,
    table: TableName,
    run_id: RunId,
    form: Annotated[
        Literal["original", "text"],
        Query(description="The file's own bytes, or its text, whatever its encoding, in UTF-8."),
    ] = "original",
) -> StreamingResponse:
    """Return the rejected rows as a file, its header included: to mend and to send again.

    Of a table with sensitive or protected columns that takes the role admin.
    """
    if _hidden(services, reader, table):
        raise Refusal(
            HTTPStatus.FORBIDDEN,
            "role_too_low",
            f"{table} has sensitive or protected columns, so its rejected rows as they are take "
            "the role admin",
        )
    run = _required(services, table, run_id)
    content = b"".join(quarantine.export(run, services))
    headers = {"Content-Disposition": f'attachment; filename="rejects-of-{run_id}.csv"'}
    encoding = mending.encoding_of(run, services)
    if form == "text":
        content, encoding = _shown(content, encoding).encode(), mending.DEFAULT
    media_type = f"text/csv; charset={mending.charset(encoding)}"
    return StreamingResponse(iter([content]), media_type=media_type, headers=headers)


@router.post("/{table}/{run_id}/replay", status_code=202, responses={202: {"model": Accepted}})
def replay(
    services: Lent,
    _: Operator,
    once: Idempotent,
    table: TableName,
    run_id: RunId,
    body: ReplayBody,
) -> JSONResponse:
    """Send the rejected rows through once more, by the table's rules as they are now."""
    run = _required(services, table, run_id)
    mended = None if body.mended is None else _encoded(body.mended, run, services)
    return once(lambda ask: Accepted.of(table, resending.replay(run, services, mended, by=ask.by)))


def _tables_of_files(services: Services, context: Context) -> list[str]:
    names = sorted(services.config.names())
    found = context.history.each(services.config.get, names)
    return [resolved.table.name for resolved, _ in found if resolved.table.is_of_files]


def _required(services: Services, table: str, run_id: str) -> Run:
    """Return a run that left something in quarantine.

    Raises:
        Refusal: there is none.
    """
    run = services.ledger.find(table, run_id)
    if run is None or not quarantine.holds_rows(run):
        raise Refusal(
            HTTPStatus.NOT_FOUND,
            "nothing_in_quarantine",
            f"run {run_id} of {table} left nothing in quarantine; /api/v1/quarantine lists those "
            "that did",
        )
    return run


def _encoded(mended: str, run: Run, services: Services) -> bytes:
    """Return mended rows as the bytes that the run's file would have for them.

    Raises:
        Refusal: its encoding has no such character.
    """
    try:
        return mending.written(mended, mending.encoding_of(run, services), table=run.table)
    except InvalidMessageError as exc:
        unprocessable = HTTPStatus.UNPROCESSABLE_ENTITY
        raise Refusal(unprocessable, "not_in_encoding", exc.message) from exc


def _shown(content: bytes, encoding: str) -> str:
    """Return rejected rows as text.

    Raises:
        Refusal: some of their bytes are none.
    """
    try:
        return mending.shown(content, encoding)
    except InvalidMessageError as exc:
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "not_text", exc.message) from exc


def _rows_from(start: Position | None, limit: int, run: Run, services: Services) -> list[Rejected]:
    """Return rejected rows of a run from one on, at most so many; those before are not read.

    Raises:
        Refusal: no row begins there, or what was there is another object by now.
    """
    try:
        return list(islice(rejected_rows(run, services, start), limit))
    except InvalidMessageError as exc:
        raise invalid_cursor() from exc
    except (ConflictError, FileNotFoundError) as exc:
        raise Refusal(
            HTTPStatus.CONFLICT,
            "rows_replaced",
            f"the rejected rows of run {run.run_id} were rewritten since the page before; begin "
            "again without a cursor",
        ) from exc


def _position(cursor: str | None) -> Position | None:
    if cursor is None:
        return None
    name, generation, offset = parts_of(cursor, str, int, int)
    return Position(name=name, generation=generation, offset=offset)


def _cursor(following: list[Rejected]) -> str | None:
    """Return the cursor of the page that begins with a row; None: there is no such row."""
    if not following or not (at := following[0].position):
        return None
    return cursor_of(at.name, at.generation, at.offset)


def _hidden(services: Services, reader: Principal, table: str) -> frozenset[str]:
    """Return the columns that a caller is not shown; of a table that is gone nobody knows any.

    Originals hold the clear values of protected columns.
    """
    if table not in services.config.names():
        return frozenset()
    config = services.config.get(table)[0].table
    hidden = hidden_from(reader, config)
    return hidden if reader.role.covers(Role.ADMIN) else hidden | config.protected.keys()


def _row(
    facts: dict[str, Any], layout: rejects.Layout | None, hidden: frozenset[str]
) -> RejectedRow:
    facts, parted = rejects.masked(facts, rejects.cells(facts, layout), hidden)
    cells = None
    if parted is not None:
        cells = [CellModel.model_validate(cell, from_attributes=True) for cell in parted]
    return RejectedRow(
        **{k: facts[k] for k in RejectedRow.model_fields if k != "cells"}, cells=cells
    )
