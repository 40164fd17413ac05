"""Commands about the quality of data: check a table now, profile a table or a file."""

import json
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from shared import csv
from shared.checks.profiles import ColumnProfile, Profiler, suggested
from shared.cli import cloud, render
from shared.cli.exits import Exit
from shared.cli.local_files import WatchedFile, detected, stated_kind
from shared.cli.options import TableAsJson
from shared.cli.render import Listed
from shared.core.checks import Verdict
from shared.errors import InvalidConfigError
from shared.steps import checking
from shared.wire import to_json

SHOWN_BOUND = 30
"""So many characters of the smallest and the largest value are shown."""


def check(
    table: Annotated[str, typer.Argument(help="Name of the table.")],
    *,
    as_json: TableAsJson = False,
) -> None:
    """Check a table as it is in its target now, by the checks of its table file; change nothing.

    Exits 1 when a check fails.
    """
    services = cloud.connect()
    resolved, _ = services.config.get(table)
    if not resolved.table.checks:
        raise InvalidConfigError(
            f"{table} has no checks; `sluice profile {table}` suggests some for its table file"
        )
    results = checking.check_now(resolved, services)
    if as_json:
        typer.echo(json.dumps([json.loads(to_json(result)) for result in results], indent=2))
    else:
        render.verdicts(results)
    if any(result.verdict is Verdict.FAILED for result in results):
        raise typer.Exit(Exit.FAILED)


def profile(
    what: Annotated[str, typer.Argument(metavar="TABLE | FILE", help="A table, or a file.")],
    sheet: Annotated[str | None, typer.Option(help="Worksheet of a workbook.")] = None,
    *,
    as_json: TableAsJson = False,
) -> None:
    """Show what the values of each column are like, and suggest checks for the table file."""
    path = Path(what)
    is_file = path.is_file()
    if sheet and not is_file:
        raise typer.BadParameter(f"--sheet is a worksheet of a workbook: {what} is no file")
    found, key = _of_file(path, sheet) if is_file else _of_table(what)
    checks = suggested(found, key=key)
    if as_json:
        columns = [column.as_data() for column in found]
        typer.echo(json.dumps({"columns": columns, "checks": checks}, indent=2, default=str))
        return
    _print_profile(found)
    if checks:
        render.plain("\nchecks that these rows pass; keep those that must hold:", style="dim")
        typer.echo(_as_yaml(checks), nl=False)


def _of_table(name: str) -> tuple[tuple[ColumnProfile, ...], tuple[str, ...]]:
    services = cloud.connect()
    resolved, _ = services.config.get(name)
    with closing(services.target(resolved)) as target:
        schema = target.schema()
        if schema is None:
            raise InvalidConfigError(
                f"{name} is not in its target yet, and there is no file {name}; "
                f"`sluice run {name}` brings it there"
            )
        profiler = Profiler(schema, resolved.table.sensitive)
        for batch in target.scan(schema.names):
            profiler.add(batch)
    return profiler.profile(), tuple(resolved.table.primary_key or schema.primary_key)


def _of_file(path: Path, sheet: str | None) -> tuple[tuple[ColumnProfile, ...], tuple[str, ...]]:
    _, found = detected(path, stated_kind(path, sheet))
    with WatchedFile(path, "types", quiet=False) as file:
        inferred = csv.infer(file, found.dialect)
    profiler = Profiler(inferred.schema)
    with WatchedFile(path, "rows", quiet=False) as file:
        for batch in csv.read(file, inferred.dialect, inferred.schema):
            profiler.add(batch.data)
    return profiler.profile(), ()


def _print_profile(found: tuple[ColumnProfile, ...]) -> None:
    rows = [_listed(column.as_data()) for column in found]
    heads = ("COLUMN", "TYPE", "ROWS>", "NULLS>", "DISTINCT>", "MIN", "MAX", "LENGTHS>")
    render.listing(heads, rows)


def _listed(data: dict[str, Any]) -> Listed:
    is_exact = data["is_exact"]
    lengths = "" if data["shortest"] is None else f"{data['shortest']}-{data['longest']}"
    top = ", ".join(f"{value} ({count:,})" for value, count in data["top"])
    return Listed(
        (
            data["name"],
            data["type"],
            f"{data['rows']:,}",
            f"{data['nulls']:,}",
            f"{'' if is_exact else '~'}{data['distinct']:,}",
            _short(data["minimum"]),
            _short(data["maximum"]),
            lengths,
        ),
        (f"most frequent: {top}",) if top else (),
    )


def _short(value: object) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= SHOWN_BOUND else f"{text[:SHOWN_BOUND]}…"


def _as_yaml(checks: list[dict[str, Any]]) -> str:
    lines = [
        yaml.safe_dump(check, default_flow_style=True, sort_keys=False, width=10_000).strip()
        for check in checks
    ]
    return "checks:\n" + "".join(f"  - {line}\n" for line in lines)
