"""Quarantine: which runs rejected rows or refused a file, the rows themselves, and the way back."""

from datetime import datetime
from http import HTTPStatus
from itertools import islice
from typing import Annotated, Any, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, StreamingResponse

from shared.api import examples
from shared.api.access import Operator, Reader, hidden_from
from shared.api.context import Context, Lent, Shared
from shared.api.idempotency import Idempotent
from shared.api.models import Accepted
from shared.api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, cursor_of, parts_of
from shared.api.problems import Refusal
from shared.api.routes.runs import RunId, position_of
from shared.api.routes.tables import TableName
from shared.core import naming
from shared.core.access import Principal, Role
from shared.core.runs import Run, RunState
from shared.operations import rejects
from shared.steps import quarantine
from shared.wiring import Services

router = APIRouter(prefix="/api/v1/quarantine", tags=["quarantine"])

SCANNED = 1_000
"""Runs that one call looks at; a page that could not be filled by them has a next one."""

STATES = (RunState.COMMITTED, RunState.QUARANTINED, RunState.LOADING, RunState.FAILED)
"""Where a run that rejected something may stand."""


class QuarantinedRun(BaseModel):
    """A run that left something in quarantine."""

    model_config = examples.shown(examples.QUARANTINED)

    run_id: str
    table: str
    state: RunState
    file: str = Field(description="The dropped file, as gs://bucket/name#generation.")
    rows_rejected: int | None = Field(description="Null: the whole file was refused.")
    reason: str | None = Field(description="Why the whole file was refused.")
    replayed_by: str | None = Field(description="The run that its rows were sent through again.")
    updated_at: datetime

    @classmethod
    def of(cls, run: Run, services: Services) -> Self:
        """Return what a run left in quarantine."""
        return cls(
            run_id=run.run_id,
            table=run.table,
            state=run.state,
            file=run.trigger_key,
            rows_rejected=run.receipt.rows_rejected if run.receipt else None,
            reason=run.failure.message if run.failure else None,
            replayed_by=quarantine.replayed_by(run, services),
            updated_at=run.updated_at,
        )


class CellModel(BaseModel):
    """One cell of a rejected row."""

    column: str | None
    text: str
    is_offending: bool


class RejectedRow(BaseModel):
    """One rejected row, with what is to blame."""

    model_config = examples.shown(examples.REJECTED)

    file: str | None = Field(description="Null: the row came from a table; `raw` is JSON then.")
    line: int | None
    byte_offset: int | None
    byte_count: int | None
    column: str | None
    rule: str
    reason: str
    raw: str = Field(description="As it stands in the file.")
    is_truncated: bool
    cells: list[CellModel] | None = Field(description="Null: it cannot be parted into cells.")


class ReplayBody(BaseModel):
    """What to send in the place of the rejected rows."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"mended": "id,name\n7,Ann\n"}]}
    )

    mended: str | None = Field(
        default=None, description="Mended rows with their header; absent: the rows as they were."
    )


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
def get_quarantined(services: Lent, _: Reader, table: TableName, run_id: RunId) -> QuarantinedRun:
    """Return what one run left in quarantine."""
    return QuarantinedRun.of(_required(services, table, run_id), services)


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
    before = _before(cursor)
    found = list(islice(quarantine.rejected_rows(run, services), before, before + limit + 1))
    layout = rejects.layout(run, services) if found else None
    hidden = _hidden(services, reader, table)
    items = [_row(row.facts, layout, hidden) for row in found[:limit]]
    is_more = len(found) > limit
    return Page(items=items, next=cursor_of(before + limit) if is_more else None)


@router.get("/{table}/{run_id}/file", response_class=StreamingResponse)
def export(services: Lent, reader: Reader, table: TableName, run_id: RunId) -> StreamingResponse:
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
    content = b"".join(quarantine.export(_required(services, table, run_id), services))
    headers = {"Content-Disposition": f'attachment; filename="rejects-of-{run_id}.csv"'}
    return StreamingResponse(iter([content]), media_type="text/csv", headers=headers)


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
    mended = body.mended.encode() if body.mended is not None else None
    return once(lambda ask: Accepted.of(table, quarantine.replay(run, services, mended, by=ask.by)))


def _tables_of_files(services: Services, context: Context) -> list[str]:
    names = sorted(services.config.names())
    found = context.history.each(services.config.get, names)
    return [resolved.table.name for resolved, _ in found if resolved.table.csv is not None]


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


def _before(cursor: str | None) -> int:
    """Return how many rows the pages before had; a run's rejected rows stay as they are."""
    if cursor is None:
        return 0
    (count,) = parts_of(cursor, int)
    return max(0, int(count))


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
