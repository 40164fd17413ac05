"""What the API answers, as models: their fields and examples are the OpenAPI document."""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, Field, RootModel

from shared.api import examples
from shared.api.examples import RUN_ID
from shared.config.store import Origin
from shared.config.tables import TableConfig
from shared.core import costs
from shared.core.costs import Cost
from shared.core.modes import SyncMode
from shared.core.runs import Run, RunState, Trigger
from shared.core.tallies import bytes_staged, worked_s
from shared.operations.lookups import as_data
from shared.operations.progress import Progress
from shared.operations.standing import Freshness, TableStanding
from shared.wire import to_json


class FailureModel(BaseModel):
    """Why a run did not commit."""

    error: str = Field(description="The error's class: a heading of the runbook.")
    message: str


class RunSummary(BaseModel):
    """A run as lists show it."""

    model_config = examples.shown(examples.RUN)

    run_id: str
    table: str = Field(description="`-` for a message that belongs to no table.")
    kind: Literal["run", "backfill", "rewind"]
    trigger: Trigger
    trigger_key: str
    mode: SyncMode | None
    state: RunState
    is_ended: bool
    created_at: datetime
    updated_at: datetime
    worked_s: float = Field(description="Seconds that the functions worked on it.")
    rows_source: int | None
    rows_loaded: int | None
    rows_rejected: int | None
    bytes_staged: int | None
    progress_rows: int
    attempts: int
    adds_up: bool | None = Field(description="The receipt's counts agree; null: no receipt yet.")
    reason: str
    failure: FailureModel | None

    @classmethod
    def facts(cls, run: Run) -> dict[str, Any]:
        """Return the fields of a run's summary."""
        receipt, failure = run.receipt, run.failure
        return {
            "run_id": run.run_id,
            "table": run.table,
            "kind": "rewind" if run.rewind_to else "backfill" if run.span else "run",
            "trigger": run.trigger,
            "trigger_key": run.trigger_key,
            "mode": run.mode,
            "state": run.state,
            "is_ended": run.is_terminal,
            "created_at": run.created_at,
            "updated_at": run.updated_at,
            "worked_s": round(worked_s(run), 3),
            "rows_source": receipt.rows_source if receipt else None,
            "rows_loaded": receipt.rows_loaded if receipt else None,
            "rows_rejected": receipt.rows_rejected if receipt else None,
            "bytes_staged": bytes_staged(run),
            "progress_rows": run.progress_rows,
            "attempts": run.attempt_count,
            "adds_up": receipt.adds_up if receipt else None,
            "reason": run.reason,
            "failure": {"error": failure.error, "message": failure.message} if failure else None,
        }

    @classmethod
    def of(cls, run: Run) -> Self:
        """Return a run's summary."""
        return cls.model_validate(cls.facts(run))


class Moment(BaseModel):
    """Something that happened to a run."""

    at: datetime
    until: datetime | None = Field(default=None, description="Null: a moment, or still under way.")
    what: Literal["triggered", "requested", "attempt", "ended"]
    step: str = ""
    outcome: str = ""


class ProgressModel(BaseModel):
    """How far a run has come."""

    units_planned: int | None = Field(description="Null: the run was not cut.")
    units_done: int
    rows_expected: int | None = Field(
        description="Rows of the last run that is like this one; null: there is none."
    )
    share: float | None = Field(
        description="Of the source that is read, 0 to 1; null: nobody can say, or it has ended."
    )


class RunRecord(RootModel[dict[str, Any]]):
    """A run's whole record, as the ledger keeps it."""

    model_config = examples.shown(examples.RECORD)

    @classmethod
    def of(cls, run: Run) -> Self:
        """Return a run's record."""
        return cls(json.loads(to_json(run)))


class Running(RunSummary):
    """A run that has not ended, and how far it has come."""

    model_config = examples.shown(examples.RUNNING)

    progress: ProgressModel

    @classmethod
    def at(cls, run: Run, found: Progress) -> Self:
        """Return a run with its progress."""
        return cls.model_validate({**RunSummary.facts(run), "progress": asdict(found)})


class CostModel(BaseModel):
    """What was taken, and US dollars for it by list prices, by service."""

    runs: int
    vcpu_s: float
    gib_s: float
    storage_writes: int
    storage_reads: int
    messages: int
    source_s: float = Field(description="Seconds in which a warehouse was waited for.")
    billed_bytes: int = Field(description="That BigQuery billed for queries.")
    staged_bytes: int
    usd: dict[str, float]
    total_usd: float

    @classmethod
    def of(cls, found: Cost) -> Self:
        """Return a cost."""
        return cls.model_validate(found, from_attributes=True)


class RunDetail(RunSummary):
    """All about one run."""

    model_config = examples.shown(examples.DETAIL)

    receipt: dict[str, Any] | None = Field(description="Counts and proof, once it has loaded.")
    steps: dict[str, Any] = Field(description="What each step cost.")
    timeline: list[Moment] = Field(description="From trigger to end, in order.")
    progress: ProgressModel
    cost: CostModel
    requested_by: str = Field(description="As far as the request says; empty: nobody did.")
    config_generation: int | None
    span: dict[str, Any] | None = Field(description="What a backfill reads again.")
    rewind_to: str | None
    failure_facts: dict[str, Any] = Field(description="What else is known of its failure.")

    @classmethod
    def detailed(cls, run: Run, found: Progress) -> Self:
        """Return all about a run."""
        data = as_data(run)
        return cls.model_validate(
            {
                **RunSummary.facts(run),
                "receipt": data["receipt"],
                "steps": data["steps"],
                "timeline": timeline(run),
                "progress": asdict(found),
                "cost": CostModel.of(costs.of(run)),
                "requested_by": run.requested_by,
                "config_generation": run.config_generation,
                "span": data["span"],
                "rewind_to": run.rewind_to,
                "failure_facts": run.failure.facts if run.failure else {},
            }
        )


def timeline(run: Run) -> list[Moment]:
    """Return what happened to a run, in order; attempts beyond those kept are not in it."""
    moments = [Moment(at=run.created_at, what="triggered", outcome=str(run.trigger))]
    moments += [
        Moment(
            at=attempt.started_at,
            until=attempt.ended_at,
            what="attempt",
            step=attempt.step,
            outcome=attempt.outcome or "",
        )
        for attempt in run.attempts
    ]
    if run.is_terminal:
        moments.append(Moment(at=run.updated_at, what="ended", outcome=str(run.state)))
    return sorted(moments, key=lambda m: m.at)


class TableSummary(BaseModel):
    """A configured table: from where, to where, when, and how it stands."""

    model_config = examples.shown(examples.TABLE)

    name: str
    source: str = Field(description="`snowflake` or `csv`.")
    source_name: str = Field(description="Where its rows come from, as people write it.")
    target: str = Field(description="`postgres`, `sqlserver` or `bigquery`.")
    target_name: str
    mode: SyncMode
    schedule: str
    time_zone: str
    origin: Origin = Field(description="Where its configuration is changed.")
    generation: int = Field(description="Of its configuration; also its ETag.")
    freshness: Freshness
    due_since: datetime | None = Field(description="The slot by which it should have moved.")
    last_success: datetime | None
    max_age_s: float | None = Field(
        description="How old it may become, as promised; null: nothing is promised."
    )
    objective_percent: float | None = Field(description="For what share of the time.")
    last_run: RunSummary | None = Field(
        description="The one that changed last among the newest few."
    )

    @classmethod
    def of(cls, found: TableStanding, last_run: RunSummary | None) -> Self:
        """Return a table as it stands."""
        table = found.resolved.table
        return cls(
            name=table.name,
            source=table.source_kind,
            source_name=source_name(table),
            target=table.target_kind,
            target_name=f"{table.place.schema_}.{table.place.table}",
            mode=table.sync_mode,
            schedule=table.schedule,
            time_zone=table.time_zone,
            origin=found.origin,
            generation=found.generation,
            freshness=found.freshness,
            due_since=found.due_since,
            last_success=found.last_success,
            max_age_s=found.promise.max_age.total_seconds() if found.promise else None,
            objective_percent=found.promise.objective_percent if found.promise else None,
            last_run=last_run,
        )


def source_name(table: TableConfig) -> str:
    """Return where a table's rows come from, as people write it."""
    place = table.snowflake
    if place is None:
        return f"files dropped under {table.name}/"
    return f"{place.database}.{place.schema_}.{place.table}"


class Accepted(BaseModel):
    """A run that was asked for."""

    model_config = examples.shown(
        {"run_id": RUN_ID, "table": "flights", "run": f"/api/v1/runs/flights/{RUN_ID}"}
    )

    run_id: str
    table: str
    run: str = Field(description="Where the run is found; it may take a moment to be there.")

    @classmethod
    def of(cls, table: str, run_id: str) -> Self:
        """Return where a run will be found."""
        return cls(run_id=run_id, table=table, run=f"/api/v1/runs/{table}/{run_id}")
