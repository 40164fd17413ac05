"""Commands about tables by themselves: check the files, their schemas, both ends of one."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from shared.cli import ends, render
from shared.cli.options import TableAsJson
from shared.cli.render import Listed
from shared.config import keys, model_files, resolve
from shared.config.tables import TableConfig
from shared.core.schemas import TableSchema

ConfigDir = Annotated[Path, typer.Option("--config", help="Folder with tables.yaml.")]
Environment = Annotated[str, typer.Option("--env", help="Name of the environment file.")]


def validate(
    config: ConfigDir = Path("config"), env: Environment = "local", *, as_json: TableAsJson = False
) -> None:
    """Check the table files and an environment; every problem is named with file and line."""
    found = resolve.load(config, env)
    models = model_files.load(config, found)
    if as_json:
        typer.echo(json.dumps([t.model_dump(mode="json", by_alias=True) for t in found]))
        return
    overrides = resolve.overrides(config, env)
    rows = [_listed(resolved.table, overrides.get(resolved.table.name, [])) for resolved in found]
    render.listing(("TABLE", "SOURCE", "TARGET", "MODE", "SCHEDULE"), rows)
    and_models = f" and {len(models)} models" if models else ""
    text = f"[green]{len(found)} tables{and_models} are valid[/] in environment {env}"
    render.console.print(text)


def _listed(table: TableConfig, overridden: list[str]) -> Listed:
    """Return a table's line, and below it what its environment changed."""
    return Listed(
        (
            table.name,
            table.csv.kind if table.csv else table.source_kind,
            table.target_kind,
            str(table.sync_mode),
            table.schedule,
        ),
        (f"set by the environment: {', '.join(overridden)}",) if overridden else (),
    )


def schema(
    table: Annotated[
        str | None, typer.Argument(help="Name of a table; without it: of the table files.")
    ] = None,
    *,
    as_json: TableAsJson = False,
) -> None:
    """Show the schemas a table has had; without one, print the JSON Schema of tables.yaml."""
    if table is None:
        typer.echo(json.dumps(keys.json_schema(), indent=2))
        return
    past = ends.connect().schemas(table)
    if as_json:
        typer.echo(json.dumps([asdict(each) for each in past], default=str, indent=2))
        return
    if not past:
        render.plain(f"{table} has no schema yet: its first run writes it down")
        return
    rows = [
        Listed(
            (str(each.epoch), render.moment(each.recorded_at), each.run_id),
            each.changes or ("first seen",),
        )
        for each in past
    ]
    render.listing(("EPOCH>", "UTC", "RUN"), rows)
    render.listing(("COLUMN", "TYPE", "NULL", "KEY"), _columns(past[-1].schema))


def metadata(
    table: Annotated[str, typer.Argument(help="Name of the table.")],
    *,
    as_json: TableAsJson = False,
) -> None:
    """Show a table as its source and its target describe it: columns, types, keys, rows, drift."""
    found = ends.connect().describe(table)
    described, there, rows = found.source, found.target, found.rows_target
    if as_json:
        source = asdict(described) if described else None
        facts = {"table": table, "source": source, "rows_target": rows, "drift": found.drift}
        facts["target"] = asdict(there) if there else None
        typer.echo(json.dumps(facts, default=str, indent=2))
        return
    if described is None:
        _print_target(table, there, rows)
        return
    _print_columns(described.schema, described.source_types, there)
    size = f"{described.size_bytes:,} bytes" if described.size_bytes else "size unknown"
    count = "unknown" if described.rows is None else f"{described.rows:,}"
    render.console.print(f"source: {count} rows, {size}   target: {rows:,} rows")
    if found.drift:
        render.plain(f"drift: {found.drift}")


def _print_target(table: str, there: TableSchema | None, rows: int) -> None:
    """Show what is known of a table of files: what its target has."""
    if there is None:
        render.plain(f"{table} is read from files, and not in the target yet: the first makes it")
        return
    render.listing(("COLUMN", "TARGET TYPE", "NULL", "KEY"), _columns(there))
    render.plain(f"source: files dropped under {table}/   target: {rows:,} rows")


def _columns(schema: TableSchema) -> list[Listed]:
    return [
        Listed((c.name, str(c.type), "yes" if c.is_nullable else "no", _key(c.name, schema)))
        for c in schema
    ]


def _key(column: str, schema: TableSchema) -> str:
    return "yes" if column in schema.primary_key else ""


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
            _key(column.name, schema),
            target_types.get(column.name, "(not there yet)"),
        )
    render.console.print(table)
