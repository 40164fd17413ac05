"""Costs: what tables took of late, by list prices."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from shared.api import examples
from shared.api.access import Reader
from shared.api.bodies import CostModel
from shared.api.context import Shared
from shared.core import prices
from shared.core.costs import Cost
from shared.operations.spending import spending

router = APIRouter(prefix="/api/v1/costs", tags=["costs"])


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
                    "total": examples.COST,
                    "tables": [{"table": "flights", **examples.COST}],
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
