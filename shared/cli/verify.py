"""Compare a table with where its rows came from, and name what differs."""

import json
from typing import Annotated, Any

import typer

from shared.cli import cloud, render
from shared.cli.exits import Exit
from shared.cli.options import TableAsJson
from shared.core.receipts import Verdict
from shared.core.verifying import Comparison, RowFault
from shared.operations.lookups import find_run
from shared.steps import verify as comparing
from shared.wire import to_json

_COLOURS = {Verdict.VERIFIED: "green", Verdict.MISMATCH: "red", Verdict.UNVERIFIABLE: "yellow"}


def verify(
    table: Annotated[str, typer.Argument(help="Name of the table.")],
    as_of: Annotated[
        str, typer.Option("--as-of", metavar="RUN", help="Compare with the source as this run saw.")
    ] = "",
    *,
    full: Annotated[
        bool, typer.Option("--full", help="Read every value of both ends, and compare all of them.")
    ] = False,
    as_json: TableAsJson = False,
) -> None:
    """Compare a table with its source, and name the rows that differ; changes nothing.

    Without --full both engines count and add up, which finds everything but values of texts and
    bytes of the same length, and values that were swapped. Exits 1 if anything differs.
    """
    services = cloud.connect()
    services.config.get(table)
    run = find_run(services, as_of, table=table) if as_of else None
    found = comparing.verify(services, table, is_full=full, as_of=run)
    if as_json:
        data: dict[str, Any] = json.loads(to_json(found))
        typer.echo(json.dumps(data, indent=2))
    else:
        _show(found)
    if found.verdict is Verdict.MISMATCH:
        raise typer.Exit(Exit.FAILED)


def _show(found: Comparison) -> None:
    how = "every value" if found.is_full else "counts and sums"
    render.console.print(f"{found.table}: [{_COLOURS[found.verdict]}]{found.verdict}[/]", end="")
    render.plain(f", {how} of {found.target.rows:,} rows, against {found.compared_with}")
    for column, why in found.left_out.items():
        render.plain(f"  left out: {column}, {why}", style="dim")
    for difference in found.differences:
        render.plain(f"  {difference}")
    for row in found.rows:
        render.plain(f"  row {_named(row)}")
    if not found.are_all:
        render.plain("  and more rows than are looked at in one go", style="dim")


def _named(row: RowFault) -> str:
    key = ", ".join(f"{name} {value}" for name, value in row.key.items())
    return f"{key}: {row.fault}{' in ' + ', '.join(row.columns) if row.columns else ''}"
