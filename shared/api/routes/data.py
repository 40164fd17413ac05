"""Data: rows of a target's table, page by page; columns and conditions are named, never SQL."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from shared.api.access import Reader, hidden_from
from shared.api.context import Lent, Shared
from shared.api.paging import Cursor, Limit, cursor_of, parts_of
from shared.api.routes.tables import TableName
from shared.core.selections import MAX_CONDITIONS
from shared.operations import describing
from shared.operations.describing import Wanted

router = APIRouter(prefix="/api/v1/data", tags=["data"])

DEFAULT_ROWS = 100
MAX_NAMES = 200


class ColumnModel(BaseModel):
    """A column of the page."""

    name: str
    type: str


class DataPage(BaseModel):
    """One page of rows."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "columns": [{"name": "symbol", "type": "text"}],
                    "rows": [["ABC"], ["XYZ"]],
                    "next": None,
                    "is_complete": True,
                }
            ]
        }
    )

    columns: list[ColumnModel]
    rows: list[list[Any]] = Field(
        description="Values in the order of the columns. Decimals, dates and times are text, "
        "binary values hexadecimal text."
    )
    next: str | None = Field(description="The `cursor` of the next page; null: there is none.")
    is_complete: bool = Field(
        description="False without a next page: the table has no key to go on by."
    )


@router.get("/{table}")
def read_rows(
    services: Lent,
    context: Shared,
    reader: Reader,
    table: TableName,
    column: Annotated[
        list[str] | None,
        Query(max_length=MAX_NAMES, description="Only these columns; absent: all.", examples=[[]]),
    ] = None,
    where: Annotated[
        list[str] | None,
        Query(
            max_length=MAX_CONDITIONS,
            description="Conditions that all must hold: `column:operator:value` with eq, ne, lt, "
            "le, gt or ge, or `column:is:null` and `column:is:set`.",
            examples=[["price:ge:10.50"]],
        ),
    ] = None,
    limit: Limit = DEFAULT_ROWS,
    cursor: Cursor = None,
) -> DataPage:
    """Read rows of the target, in the order of the table's key.

    Columns that the table marks as sensitive are there for the role admin alone.
    """
    resolved, _generation = services.config.get(table)
    after = None
    if cursor is not None:
        (given,) = parts_of(cursor, list)
        after = [str(part) for part in given]
    wanted = Wanted(
        columns=column or (),
        conditions=where or (),
        after=after,
        limit=limit,
        hidden=hidden_from(reader, resolved.table),
    )
    with context.at_target():
        page = describing.read(services, resolved, wanted)
    return DataPage(
        columns=[ColumnModel(name=c.name, type=str(c.type)) for c in page.columns],
        rows=page.rows,
        next=cursor_of(list(page.after)) if page.after else None,
        is_complete=page.is_last,
    )
