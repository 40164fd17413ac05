"""What a run would do, before it is asked for."""

import json
from typing import Annotated

import typer
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from shared.cli import cloud, render
from shared.cli.options import AsJson
from shared.core.messages import ExtractRequest
from shared.core.modes import SyncMode
from shared.errors import InvalidConfigError
from shared.steps.previews import Preview, preview
from shared.wire import to_json


def plan(
    table: Annotated[str, typer.Argument(help="Name of the table.")],
    mode: Annotated[
        SyncMode | None, typer.Option(help="Another mode than the table's own.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show what a run would read now: its window, its rows, those it leaves out. Moves nothing."""
    services = cloud.connect()
    resolved, _ = services.config.get(table)
    if resolved.table.is_of_files:
        raise InvalidConfigError(f"{table} comes from files; `sluice intake FILE` explains one")
    request = ExtractRequest(
        table=table, published_at=services.now(), mode=mode, request_id="preview"
    )
    found = preview(request, services)
    if as_json:
        typer.echo(json.dumps(_as_data(found), indent=2))
    else:
        render.console.print(_panel(table, found))


def _as_data(found: Preview) -> dict[str, object]:
    manifest = json.loads(to_json(found.manifest))
    kept = ("mode", "window", "snapshot", "is_pinned", "epoch", "schema", "rows_source", "notes")
    return {
        "table": found.manifest.table,
        **{name: manifest[name] for name in kept},
        "compares_keys": found.manifest.key_parts is not None,
        "units": found.units,
        "rows_target": found.rows_target,
        "scanned_bytes": found.scanned_bytes,
        "unchanged": found.unchanged,
        "guard": found.guard,
    }


def _panel(table: str, found: Preview) -> Panel:
    manifest, grid = found.manifest, Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column()
    grid.add_row("mode", str(manifest.mode))
    if manifest.window:
        low, high = manifest.window.read_from, manifest.window.high
        grid.add_row("window", f"after {low}, up to {high}" if low else f"everything up to {high}")
    cut = f", in {found.units} units" if found.units > 1 else ""
    grid.add_row("rows to read", f"{manifest.rows_source:,}{cut}")
    grid.add_row("columns", f"{len(manifest.schema)}, key {_key(found)}")
    if manifest.key_parts is not None:
        grid.add_row("deletes", "all keys are compared")
    there = "not there yet" if found.rows_target is None else f"{found.rows_target:,} rows"
    grid.add_row("in the target", there)
    if found.scanned_bytes is not None:
        grid.add_row("bytes to scan there", f"at most {found.scanned_bytes:,}")
    if found.unchanged:
        grid.add_row("on schedule", f"skipped: {found.unchanged}")
    if found.guard:
        said = f"stops such a run: it allows {found.guard}; if the loss is meant, "
        grid.add_row("guard", f"{said}`sluice run {table} --allow-empty`", style="red")
    for note in manifest.notes:
        grid.add_row("note", escape(note))
    return Panel(grid, title=table, title_align="left", expand=False)


def _key(found: Preview) -> str:
    return escape(", ".join(found.manifest.schema.primary_key)) or "none"
