"""Commands about tables: check the files, print their schema, look at a source."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from shared.cli import cloud, render
from shared.config import resolve
from shared.core.schemas import TableSchema
from shared.errors import InvalidConfigError

ConfigDir = Annotated[Path, typer.Option("--config", help="Folder with tables.yaml.")]
Environment = Annotated[str, typer.Option("--env", help="Name of the environment file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def validate(
    config: ConfigDir = Path("config"), env: Environment = "local", *, as_json: AsJson = False
) -> None:
    """Check the table files and an environment; every problem is named with file and line."""
    found = resolve.load(config, env)
    if as_json:
        typer.echo(json.dumps([t.model_dump(mode="json", by_alias=True) for t in found]))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("TABLE", "SOURCE", "TARGET", "MODE", "SCHEDULE"):
        table.add_column(name)
    for resolved in found:
        config_ = resolved.table
        table.add_row(
            config_.name,
            config_.source_kind,
            config_.target_kind,
            str(config_.sync_mode),
            config_.schedule,
        )
    render.console.print(table)
    render.console.print(f"[green]{len(found)} tables are valid[/] in environment {env}")


def schema() -> None:
    """Print the JSON Schema of tables.yaml; editors complete and check with it."""
    typer.echo(json.dumps(resolve.json_schema(), indent=2))


def metadata(
    table: Annotated[str, typer.Argument(help="Name of the table.")], *, as_json: AsJson = False
) -> None:
    """Show a table as its source and its target describe it: columns, types, keys, rows."""
    services = cloud.connect()
    resolved, _ = services.config.get(table)
    if resolved.table.snowflake is None:
        raise InvalidConfigError(f"{table} comes from files; its columns are the target's")
    source = services.source(resolved, run_id="metadata")
    target = services.target(resolved)
    try:
        described, there, rows = source.metadata(), target.schema(), target.count()
    finally:
        source.close()
        target.close()
    if as_json:
        facts = {"table": table, "source": asdict(described), "rows_target": rows}
        facts["target"] = asdict(there) if there else None
        typer.echo(json.dumps(facts, default=str, indent=2))
        return
    _print_columns(described.schema, described.source_types, there)
    size = f"{described.size_bytes:,} bytes" if described.size_bytes else "size unknown"
    count = "unknown" if described.rows is None else f"{described.rows:,}"
    render.console.print(f"source: {count} rows, {size}   target: {rows:,} rows")


def _print_columns(
    schema: TableSchema, source_types: dict[str, str], there: TableSchema | None
) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("COLUMN", "SOURCE TYPE", "TYPE", "NULL", "KEY", "TARGET TYPE"):
        table.add_column(name)
    target_types = {c.name: str(c.type) for c in there} if there else {}
    for column in schema:
        table.add_row(
            column.name,
            source_types[column.name],
            str(column.type),
            "yes" if column.is_nullable else "no",
            "yes" if column.name in schema.primary_key else "",
            target_types.get(column.name, "(not there yet)"),
        )
    render.console.print(table)
