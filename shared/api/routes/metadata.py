"""Metadata: a table as its source and its target describe it, where they differ, what it was."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from shared.api import examples
from shared.api.access import Reader
from shared.api.bodies import source_name
from shared.api.context import Lent, Shared
from shared.api.routes.runs import RunId, required
from shared.api.routes.tables import TableName
from shared.core.drift import PastSchema
from shared.core.runs import RunState
from shared.core.schemas import TableSchema
from shared.operations import describing
from shared.sources.base import TableMetadata
from shared.steps import lineage

router = APIRouter(prefix="/api/v1/metadata", tags=["metadata"])

LINEAGE = 10
"""The newest publishes that are told."""


class ColumnMeta(BaseModel):
    """A column: its type here, and what its database calls it."""

    name: str
    type: str
    is_nullable: bool
    is_key: bool
    source_type: str | None = None


class SourceMeta(BaseModel):
    """What the source says of the table; sizes are its own estimate."""

    name: str
    columns: list[ColumnMeta]
    primary_key: list[str] = Field(description="Names of the key's columns, in its order.")
    rows: int | None
    size_bytes: int | None
    comment: str | None


class TargetMeta(BaseModel):
    """What the target says of the table."""

    name: str
    columns: list[ColumnMeta] | None = Field(description="Null: it is not there yet.")
    primary_key: list[str] = Field(description="Names of the key's columns, in its order.")
    rows: int


class PastMeta(BaseModel):
    """Columns that the table has had, from a run on."""

    epoch: int
    recorded_at: datetime
    run_id: str
    changes: list[str]
    columns: list[ColumnMeta]
    primary_key: list[str] = Field(description="Names of the key's columns, in its order.")


class PublishMeta(BaseModel):
    """A run whose rows went into the table."""

    run_id: str
    at: datetime
    mode: str | None
    snapshot: str | None
    rows_loaded: int | None
    manifest: str | None = Field(description="The object that names its staged parts.")


class TableMeta(BaseModel):
    """Both ends of a table."""

    model_config = examples.shown(
        {
            "table": "orders",
            "source": examples.SOURCE,
            "target": examples.TARGET,
            "drift": None,
            "schemas": [examples.PAST],
            "lineage": [examples.PUBLISH],
        }
    )

    table: str
    source: SourceMeta | None = Field(description="Null: it is read from files, or not asked.")
    target: TargetMeta
    drift: str | None = Field(description="Why the target cannot take the source's columns.")
    schemas: list[PastMeta]
    lineage: list[PublishMeta] = Field(description="The newest runs that published, newest first.")


class LineageModel(BaseModel):
    """What a run says to a catalogue."""

    model_config = examples.shown({"events": ['{"eventType": "COMPLETE", "run": {}}']})

    events: list[str] = Field(description="Each is JSON, as a catalogue is sent it.")


@router.get("/{table}")
def describe_table(
    services: Lent,
    context: Shared,
    _: Reader,
    table: TableName,
    *,
    source: Annotated[bool, Query(description="Ask the source, too.")] = True,
) -> TableMeta:
    """Describe a table at both ends, with its past."""
    resolved, _generation = services.config.get(table)
    with context.at_target():
        found = describing.describe(services, resolved, with_source=source)
    place = resolved.table.place
    committed = context.history.newest(LINEAGE, tables=[table], states=[RunState.COMMITTED])
    runs = context.history.records(committed)
    return TableMeta(
        table=table,
        source=source_of(found.source, source_name(resolved.table)) if found.source else None,
        target=TargetMeta(
            name=f"{place.schema_}.{place.table}",
            columns=_columns(found.target) if found.target else None,
            primary_key=list(found.target.primary_key) if found.target else [],
            rows=found.rows_target,
        ),
        drift=found.drift or None,
        schemas=[_past(each) for each in found.past],
        lineage=[
            PublishMeta(
                run_id=run.run_id,
                at=run.updated_at,
                mode=run.mode,
                snapshot=run.receipt.snapshot if run.receipt else None,
                rows_loaded=run.receipt.rows_loaded if run.receipt else None,
                manifest=run.manifest,
            )
            for run in runs
        ],
    )


@router.get("/{table}/lineage/{run_id}")
def run_lineage(services: Lent, _: Reader, table: TableName, run_id: RunId) -> LineageModel:
    """Return the OpenLineage events of a run; none of one that has not ended."""
    found = lineage.events(required(services, table, run_id), services)
    return LineageModel(events=[event.decode() for event in found])


def source_of(found: TableMetadata, name: str) -> SourceMeta:
    """Return what a source says of a table."""
    return SourceMeta(
        name=name,
        columns=_columns(found.schema, found.source_types),
        primary_key=list(found.schema.primary_key),
        rows=found.rows,
        size_bytes=found.size_bytes,
        comment=found.comment,
    )


def _columns(schema: TableSchema, source_types: dict[str, str] | None = None) -> list[ColumnMeta]:
    return [
        ColumnMeta(
            name=column.name,
            type=str(column.type),
            is_nullable=column.is_nullable,
            is_key=column.name in schema.primary_key,
            source_type=(source_types or {}).get(column.name),
        )
        for column in schema
    ]


def _past(each: PastSchema) -> PastMeta:
    return PastMeta(
        epoch=each.epoch,
        recorded_at=each.recorded_at,
        run_id=each.run_id,
        changes=list(each.changes),
        columns=_columns(each.schema),
        primary_key=list(each.schema.primary_key),
    )
