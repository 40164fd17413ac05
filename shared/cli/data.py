"""Rows of a table as they are in its target: some columns, under conditions, by the key."""

import json
import re
from typing import Annotated, Any

import typer
from rich.text import Text

from shared.cli import ends, render
from shared.cli.render import Listed
from shared.core.schemas import Kind
from shared.operations.describing import Rows, Wanted

CELL_CHARS = 80
"""A longer text is cut in a table; --json has all of it."""

SIGNS = {"=": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
"""How conditions are written here, and in the API."""

_NUMBERS = (Kind.INT64, Kind.DECIMAL, Kind.FLOAT64)
_AS_THE_API = re.compile(r"[^=<>!]+:(eq|ne|lt|le|gt|ge|is):.*", re.DOTALL)
_WITH_SIGN = re.compile(r"(?P<column>[^=<>!]+)(?P<sign>[<>!]=|[=<>])(?P<value>.*)", re.DOTALL)
_BREAKS = str.maketrans({"\n": "\\n", "\r": "\\r", "\t": "\\t"})


def data(
    table: Annotated[str, typer.Argument(help="Name of the table.")],
    columns: Annotated[
        list[str] | None,
        typer.Option("--column", help="Only this column; once for each of them."),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=VALUE",
            help="Only rows for which this holds, and all others given: = != < <= > >=, or "
            "COLUMN:is:null and COLUMN:is:set.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="The first so many rows.")] = 20,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON instead of a table, nothing cut.")
    ] = False,
) -> None:
    """Show rows of a table's target, in the order of its key.

    Such as: sluice data trades --column symbol --where 'price>=10.50' --where sold_on:is:null
    """
    conditions = [_condition(text) for text in where or ()]
    wanted = Wanted(columns=columns or (), conditions=conditions, limit=limit)
    found = list(ends.connect().rows(table, wanted))
    if as_json:
        typer.echo(json.dumps(_as_data(table, found), ensure_ascii=False))
    else:
        _print(found, limit)


def _condition(text: str) -> str:
    """Return a condition as the API has it; what is in its form is left as it is."""
    if _AS_THE_API.fullmatch(text):
        return text
    found = _WITH_SIGN.fullmatch(text)
    if not found:
        raise typer.BadParameter(
            f"{text!r} is no condition; write COLUMN=VALUE with one of {' '.join(SIGNS)}, or "
            "COLUMN:is:null, COLUMN:is:set",
            param_hint="--where",
        )
    return f"{found['column'].strip()}:{SIGNS[found['sign']]}:{found['value']}"


def _as_data(table: str, found: list[Rows]) -> dict[str, Any]:
    return {
        "table": table,
        "columns": [{"name": c.name, "type": str(c.type)} for c in found[0].columns],
        "rows": [row for page in found for row in page.rows],
        "is_complete": found[-1].is_last,
    }


def _print(found: list[Rows], limit: int) -> None:
    columns, rows = found[0].columns, [row for page in found for row in page.rows]
    if not rows:
        render.plain("no rows")
        return
    heads = [f"{c.name}>" if c.type.kind in _NUMBERS else c.name for c in columns]
    render.listing(heads, [Listed(tuple(map(_cell, row))) for row in rows])
    if not found[-1].is_last:
        has_more = "--limit shows more" if len(rows) == limit else "it has no key to go on by"
        render.plain(f"the table has more rows; {has_more}, --where shows others", style="dim")


def _cell(value: Any) -> Text:
    """Return a value as one short line; NULL is told from a text that says so by its look."""
    if value is None:
        return Text("NULL", style="dim italic")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = text[: CELL_CHARS + 1].translate(_BREAKS)
    return Text(text if len(text) <= CELL_CHARS else f"{text[: CELL_CHARS - 1]}…")
