"""The statement that reads a page of rows. Pure: names in, text and values out."""

from shared.core.schemas import Column
from shared.core.selections import Selection
from shared.targets import selecting
from shared.targets.bigquery.identifiers import quote
from shared.targets.bigquery.types import type_name


def select(table: str, selection: Selection) -> tuple[str, dict[str, str]]:
    """Return SELECT and its values by name. ``table`` is qualified and quoted."""
    values: dict[str, str] = {}

    def compare(column: Column, symbol: str, value: str) -> str:
        name = f"value_{len(values)}"
        values[name] = value
        return f"{quote(column.name)} {symbol} CAST(@{name} AS {type_name(column.type)})"

    columns = ", ".join(quote(column.name) for column in selection.columns)
    where = selecting.where(selection, quote, compare)
    order = selecting.order(selection, quote)
    return f"SELECT {columns} FROM {table}{where}{order} LIMIT {selection.limit:d}", values
