"""What moves tables: runs, backfills, replays, ways back; each answered before it has happened."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from shared.api.access import Operator
from shared.api.bodies import Accepted
from shared.api.context import Lent
from shared.api.idempotency import Idempotent
from shared.api.problems import Refusal
from shared.core import naming
from shared.core.modes import SyncMode
from shared.core.runs import Run
from shared.core.windows import Span
from shared.operations import requests
from shared.steps.repairs import replays
from shared.wiring import Services

router = APIRouter(prefix="/api/v1/pipeline", tags=["pipeline"])

ASKED: dict[int | str, dict[str, Any]] = {202: {"model": Accepted}}
TableName = Annotated[str, Field(pattern=rf"^{naming.TABLE_NAME.pattern}$")]
AnyTable = Annotated[str, Field(pattern=rf"^({naming.TABLE_NAME.pattern}|{naming.NO_TABLE})$")]
RunId = Annotated[str, Field(pattern=rf"^{naming.RUN_ID.pattern}$")]
Bound = Annotated[str, Field(min_length=1, max_length=64)]
FLIGHTS, RUN_ID = "flights", "20240131T030000Z-0123456789ab"


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RunBody(_Body):
    """Move a table now."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"table": FLIGHTS, "mode": "full"}]})

    table: TableName
    mode: SyncMode | None = Field(default=None, description="Another mode than the table's own.")
    allow_empty: bool = Field(
        default=False, description="Let this one run pass the guards against lost rows."
    )


class BackfillBody(_Body):
    """Read a part of a merged table again."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"table": FLIGHTS, "from": "2024-01-01", "to": "2024-01-31"}]
        }
    )

    table: TableName
    first: Bound = Field(alias="from", description="First cursor: a day, a moment, a number.")
    last: Bound = Field(alias="to", description="Last cursor, included; a day is whole.")


class OneRun(_Body):
    """One run, by its whole id."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"table": FLIGHTS, "run_id": RUN_ID}]}
    )

    table: AnyTable
    run_id: RunId


class RewindBody(_Body):
    """Put a table back as a run left it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"table": FLIGHTS, "to": RUN_ID}]})

    table: TableName
    to: RunId


class RestoreBody(_Body):
    """Bring back a version of a reference table that its target has kept."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"table": "currencies"}]})

    table: TableName
    version: RunId | None = Field(
        default=None, description="The run that left it; absent: the last but one."
    )


@router.post("/run", status_code=202, responses=ASKED)
def run(services: Lent, _: Operator, once: Idempotent, body: RunBody) -> JSONResponse:
    """Ask for a run of a table."""
    return once(
        lambda ask: Accepted.of(
            body.table,
            requests.run(services, body.table, ask, mode=body.mode, allow_empty=body.allow_empty),
        )
    )


@router.post("/backfill", status_code=202, responses=ASKED)
def backfill(services: Lent, _: Operator, once: Idempotent, body: BackfillBody) -> JSONResponse:
    """Ask for a part of a table to be read again, by its cursor; the watermark stays."""
    span = Span(first=body.first, last=body.last)
    return once(
        lambda ask: Accepted.of(body.table, requests.backfill(services, body.table, ask, span))
    )


@router.post("/cancel", status_code=202, responses=ASKED)
def cancel(services: Lent, _: Operator, once: Idempotent, body: OneRun) -> JSONResponse:
    """Fail a run that has not ended. A publish that is under way may still commit."""
    return once(lambda ask: _about(requests.cancel(services, _find(services, body), ask.by)))


@router.post("/replay", status_code=202, responses=ASKED)
def replay(services: Lent, _: Operator, once: Idempotent, body: OneRun) -> JSONResponse:
    """Let a run that failed or was quarantined go on from where it was; nothing loads twice."""
    return once(lambda ask: _about(replays.replay(_find(services, body), services, ask.by)))


@router.post("/rewind", status_code=202, responses=ASKED)
def rewind(services: Lent, _: Operator, once: Idempotent, body: RewindBody) -> JSONResponse:
    """Put a table back as an earlier run left it, watermark included, without its source."""

    def ask_back(ask: requests.Ask) -> Accepted:
        chosen = requests.rewindable(services, body.table, body.to)
        return Accepted.of(body.table, requests.go_back(services, body.table, ask, chosen.run_id))

    return once(ask_back)


@router.post("/restore", status_code=202, responses=ASKED)
def restore(services: Lent, _: Operator, once: Idempotent, body: RestoreBody) -> JSONResponse:
    """Bring back a version of a reference table that its target has kept."""

    def ask_back(ask: requests.Ask) -> Accepted:
        chosen = requests.restorable(services, body.table, body.version or "")
        to = chosen.run_id if chosen else naming.NO_RUN
        return Accepted.of(body.table, requests.go_back(services, body.table, ask, to))

    return once(ask_back)


def _about(run: Run) -> Accepted:
    return Accepted.of(run.table, run.run_id)


def _find(services: Services, body: OneRun) -> Run:
    """Return the run that is meant.

    Raises:
        Refusal: there is none.
    """
    found = services.ledger.find(body.table, body.run_id)
    if found is None:
        raise Refusal(
            HTTPStatus.NOT_FOUND,
            "unknown_run",
            f"there is no run {body.run_id} of {body.table}; /api/v1/runs lists those there are",
        )
    return found
