"""Tables: all of them as they stand, one with its configuration."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import Field

from shared.api.access import Reader
from shared.api.context import Context, Lent, Shared
from shared.api.models import RunSummary, TableSummary
from shared.api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, page_of_names
from shared.core import naming
from shared.ledger import Entry
from shared.operations.standing import Standing, standing

router = APIRouter(prefix="/api/v1/tables", tags=["tables"])

TableName = Annotated[str, Path(pattern=rf"^{naming.TABLE_NAME.pattern}$", examples=["flights"])]


class TableDetail(TableSummary):
    """A table with its configuration."""

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
    response: Response, services: Lent, context: Shared, _: Reader, table: TableName
) -> TableDetail:
    """Return one table as it stands, with its configuration. Its ETag is for changes."""
    found = standing(services, context.history, table)
    (summary,) = _summaries(context, [found])
    response.headers["ETag"] = f'"{found.generation}"'
    config = found.resolved.table.model_dump(mode="json", by_alias=True, exclude_none=True)
    return TableDetail(**summary.model_dump(), config=config)


def _summaries(context: Context, found: list[Standing]) -> list[TableSummary]:
    last: list[Entry] = [each.last for each in found if each.last]
    runs = {(r.table, r.run_id): RunSummary.of(r) for r in context.history.records(last)}
    return [
        TableSummary.of(each, runs.get((each.last.table, each.last.run_id)) if each.last else None)
        for each in found
    ]
