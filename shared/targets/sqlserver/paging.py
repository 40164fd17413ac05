"""The statement that reads a page of rows. Pure: names in, text and values out."""

from shared.core.schemas import Column
from shared.core.selections import Selection
from shared.targets import selecting
from shared.targets.sqlserver.identifiers import quote
from shared.targets.sqlserver.types import type_name

BEFORE: tuple[str, ...] = ()
"""Said before it: nothing; SQL Server knows no transaction that may only read."""


def select(table: str, selection: Selection) -> tuple[str, list[str]]:
    """Return SELECT and its values. ``table`` is qualified."""
    values: list[str] = []

    def compare(column: Column, symbol: str, value: str) -> str:
        values.append(value)
        return f"{quote(column.name)} {symbol} CAST(? AS {type_name(column.type)})"

    columns = ", ".join(quote(column.name) for column in selection.columns)
    where = selecting.where(selection, quote, compare)
    order = selecting.order(selection, quote)
    return f"SELECT TOP ({selection.limit:d}) {columns} FROM {table}{where}{order}", values
