"""Costs: what tables took of late, by list prices."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from shared.api.access import Reader
from shared.api.context import Shared
from shared.api.models import CostModel
from shared.core import prices
from shared.core.costs import Cost
from shared.operations.spending import spending

router = APIRouter(prefix="/api/v1/costs", tags=["costs"])


_TAKEN: dict[str, Any] = {
    "runs": 720,
    "vcpu_s": 2880.5,
    "gib_s": 5761.0,
    "storage_writes": 12960,
    "storage_reads": 10080,
    "messages": 2160,
    "source_s": 700.0,
    "billed_bytes": 0,
    "staged_bytes": 58000000,
    "usd": {"functions": 0.0836, "storage calls": 0.0698, "warehouse": 0.3889},
    "total_usd": 0.5423,
}


class TableCost(CostModel):
    """What the runs of one table took."""

    table: str


class Costs(BaseModel):
    """What all tables took, the dearest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "prices_of": prices.AS_OF.isoformat(),
                    "days": 30,
                    "is_complete": True,
                    "total": _TAKEN,
                    "tables": [{"table": "flights", **_TAKEN}],
                }
            ]
        }
    )

    prices_of: date = Field(description="The day that the list prices are of.")
    days: int
    is_complete: bool = Field(description="False: only the newest runs are counted.")
    total: CostModel
    tables: list[TableCost]


@router.get("")
def list_costs(
    context: Shared,
    _: Reader,
    days: Annotated[int, Query(ge=1, le=120, description="Look back so many days.")] = 30,
) -> Costs:
    """Say what tables cost, by list prices without free shares, from what their runs took."""
    found = spending(context.history, context.now(), days=days)
    return Costs(
        prices_of=prices.AS_OF,
        days=days,
        is_complete=found.is_complete,
        total=CostModel.of(sum(found.tables.values(), Cost())),
        tables=[
            TableCost(table=table, **CostModel.of(cost).model_dump())
            for table, cost in found.tables.items()
        ],
    )
