"""How the files of a table are written: shown, and lifted when that is to change."""

import json
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from shared.cli import cloud, render
from shared.cli.options import AsJson
from shared.contracts import FrozenContract
from shared.errors import InvalidMessageError
from shared.wire import to_json


def contract(
    table: Annotated[str, typer.Argument(help="Name of the table.")],
    *,
    lift: Annotated[
        bool, typer.Option("--lift", help="Let the next file say anew how files are written.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show how the files of a table are written, as its first file froze it."""
    services = cloud.connect()
    resolved, generation = services.config.get(table)
    if resolved.table.csv is None:
        raise InvalidMessageError(f"{table} is not read from files, so it has no contract")
    frozen = services.contracts.find(table)
    if frozen is None:
        raise InvalidMessageError(f"{table} has no contract yet: the next file freezes it")
    stated = resolved.table.csv.stated
    is_in_force = frozen.holds_for(stated, generation)
    if lift:
        services.contracts.lift(table)
        if as_json:
            typer.echo(json.dumps({"table": table, "lifted": True}))
            return
        render.console.print(f"the next file of {table} freezes another contract")
    elif as_json:
        typer.echo(json.dumps({**json.loads(to_json(frozen)), "in_force": is_in_force}))
    else:
        render.console.print(_panel(frozen))
        if not is_in_force:
            render.console.print(
                f"no longer in force: {_changed(frozen.stated, stated)} of {table} was changed "
                "since, so the next file freezes another contract",
                style="yellow",
                soft_wrap=True,
            )


def _changed(before: dict[str, Any] | None, now: dict[str, Any]) -> str:
    """Return the keys of the table file that say otherwise now."""
    if before is None:
        return "the configuration"
    keys = sorted(k for k in {*before, *now} if before.get(k) != now.get(k))
    return ", ".join(f"csv.{key}" for key in keys)


def _panel(frozen: FrozenContract) -> Panel:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column(overflow="fold")
    for point, value in frozen.contract.dialect.to_dict().items():
        if point == "quote" and value is None:
            grid.add_row(point, "none")
        elif value not in (None, False, [], {}):
            grid.add_row(point.replace("_", " "), escape(repr(value)))
    grid.add_row("columns", escape(", ".join(frozen.contract.columns)))
    grid.add_row("frozen by", escape(frozen.file))
    grid.add_row("", f"in run {frozen.run_id}, {frozen.frozen_at:%Y-%m-%d %H:%M} UTC")
    return Panel(grid, title=frozen.table, title_align="left", expand=False)
