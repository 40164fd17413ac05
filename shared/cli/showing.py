"""One table as deployed: where its rows come from and go, when, and how long they are kept."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

import typer
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from shared.cli import ends, render
from shared.cli.options import AsJson
from shared.config.places import TARGET_NAMES
from shared.config.tables import TableConfig


def show(
    table: Annotated[str, typer.Argument(help="Name of the table.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show a deployed table: source, target, mode, schedule, what is kept of it and how long."""
    config, generation = ends.connect().table(table)
    if as_json:
        found = config.model_dump(mode="json", by_alias=True)
        typer.echo(json.dumps({**found, "generation": generation}, indent=2))
        return
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column()
    for name, text in _rows(config):
        grid.add_row(name, escape(text))
    render.console.print(Panel(grid, title=table, title_align="left", expand=False))


def _rows(config: TableConfig) -> Iterator[tuple[str, str]]:
    place = config.snowflake
    source = f"{place.database}.{place.schema_}.{place.table}" if place else "dropped files"
    yield "source", source
    target = f"{config.place.schema_}.{config.place.table}"
    yield "target", f"{TARGET_NAMES[config.target_kind]}, {target}"
    yield "mode", f"{config.sync_mode}{' of reference data' if config.kind == 'reference' else ''}"
    yield "schedule", config.schedule
    yield "checks", str(len(config.checks))
    yield "parts", "encrypted" if config.encryption else "not encrypted by Sluice"
    yield from _kept(config)


def _kept(config: TableConfig) -> Iterator[tuple[str, str]]:
    kept = config.retention
    if config.legal_hold:
        yield "legal hold", "nothing that the table has left is deleted"
    yield "originals", _age(kept.raw)
    yield "staged parts", _age(kept.staged)
    yield "rejected rows", _age(kept.quarantined)


def _age(age: timedelta | None) -> str:
    return f"kept {age.total_seconds() / 86_400:g} days" if age else "kept as long as the bucket's"
