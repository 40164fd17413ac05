"""Tables: all of them as they stand, one with its configuration."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Self

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from shared.api import examples
from shared.api.access import Reader
from shared.api.bodies import RunSummary, TableSummary
from shared.api.context import Context, Lent, Shared
from shared.api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, page_of_names
from shared.core import freshness, naming
from shared.core.runs import SUCCESSES
from shared.ledger import Entry
from shared.operations import promises
from shared.operations.history import Position
from shared.operations.standing import TableStanding, standing

router = APIRouter(prefix="/api/v1/tables", tags=["tables"])

LOOKED_BACK_DAYS = 28
"""Whether a table's promise is kept is judged by so many days, unless told otherwise."""

Days = Annotated[
    int, Query(ge=1, le=120, description="Whether its promise is kept is judged by so many days.")
]
TableName = Annotated[str, Path(pattern=rf"^{naming.TABLE_NAME.pattern}$", examples=["flights"])]


class Kept(BaseModel):
    """Whether a table was as fresh as promised, over the days before now."""

    days: float = Field(description="Fewer than asked for where the table is younger.")
    max_age_s: float
    objective_percent: float
    percent: float = Field(description="Share of the time in which it was as young as promised.")
    late_s: float
    budget_left_percent: float = Field(
        description="Of the time that it may be late; below 0: the promise is broken."
    )
    is_kept: bool
    last_success: datetime | None

    @classmethod
    def of(cls, found: freshness.Freshness) -> Self:
        """Return how fresh a table was."""
        return cls(
            days=found.span / timedelta(days=1),
            max_age_s=found.max_age.total_seconds(),
            objective_percent=found.objective_percent,
            percent=round(found.percent, 4),
            late_s=found.late.total_seconds(),
            budget_left_percent=round(found.budget_left_percent, 2),
            is_kept=found.is_kept,
            last_success=found.last_success,
        )


class TableDetail(TableSummary):
    """A table with its configuration."""

    model_config = examples.shown(
        {**examples.TABLE, "kept": examples.KEPT, "config": examples.CONFIG}
    )

    kept: Kept | None = Field(description="Null: nothing is promised.")
    config: dict[str, Any] = Field(description="As in tables.yaml; docs/tables.md explains it.")


@router.get("")
def list_tables(
    services: Lent,
    context: Shared,
    _: Reader,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[TableSummary]:
    """List the configured tables as they stand, by name."""
    names, following = page_of_names(sorted(services.config.names()), limit, cursor)
    found = context.history.each(lambda name: standing(services, context.history, name), names)
    return Page(items=_summaries(context, found), next=following)


@router.get("/{table}")
def get_table(
    response: Response,
    services: Lent,
    context: Shared,
    _: Reader,
    table: TableName,
    days: Days = LOOKED_BACK_DAYS,
) -> TableDetail:
    """Return one table as it stands, with its configuration. Its ETag is for changes."""
    found = standing(services, context.history, table)
    (summary,) = _summaries(context, [found])
    response.headers["ETag"] = f'"{found.generation}"'
    config = found.resolved.table.model_dump(mode="json", by_alias=True, exclude_none=True)
    kept = _kept(context, found, days)
    return TableDetail(**summary.model_dump(), kept=Kept.of(kept) if kept else None, config=config)


def _kept(context: Context, found: TableStanding, days: int) -> freshness.Freshness | None:
    now, name = context.now(), found.resolved.table.name
    since = now - timedelta(days=days + 1)
    # Whatever moved last before the span begins says how old the table was then.
    begin = Position(naming.moment(since), name)
    before = context.history.newest(
        1, tables=[name], states=SUCCESSES, is_repair=False, before=begin
    )
    entries = [*context.history.since(since, [name]), *before]
    return promises.kept(found.resolved, found.generation, entries, now=now, days=days)


def _summaries(context: Context, found: list[TableStanding]) -> list[TableSummary]:
    last: list[Entry] = [each.last for each in found if each.last]
    runs = {(r.table, r.run_id): RunSummary.of(r) for r in context.history.records(last)}
    return [
        TableSummary.of(each, runs.get((each.last.table, each.last.run_id)) if each.last else None)
        for each in found
    ]
