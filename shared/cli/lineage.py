"""Commands about where rows come from: one row's way, and a run's events for a catalogue."""

import json
from itertools import islice
from typing import Annotated, Any

import typer

from shared import lineage as catalogue
from shared.cli import cloud, ends, render
from shared.cli.exits import Exit
from shared.cli.options import TableAsJson
from shared.errors import InvalidConfigError
from shared.steps import row_traces
from shared.steps.row_traces import Trace


def trace(
    table: Annotated[str, typer.Argument(help="Name of the table.")],
    key: Annotated[
        list[str], typer.Argument(help="Values of the primary key, or column=value for any.")
    ],
    *,
    every: Annotated[
        bool, typer.Option("--all", help="Earlier versions of the row as well.")
    ] = False,
    as_json: TableAsJson = False,
) -> None:
    """Tell where a row came from: run, part, and file with line or query with snapshot."""
    traces = row_traces.trace(table, key, cloud.connect())
    found = list(traces) if every else list(islice(traces, 1))
    if as_json:
        typer.echo(json.dumps([_as_data(each) for each in found], default=str))
    for each in () if as_json else found:
        _print(each)
    if not found:
        render.errors.print(f"no staged part of what {table} consists of has such a row")
        raise typer.Exit(Exit.FAILED)


def lineage(
    run: Annotated[str, typer.Argument(help="Id of the run; its beginning is enough.")],
    *,
    send: Annotated[
        bool, typer.Option("--send", help="Deliver them where SLUICE_LINEAGE says.")
    ] = False,
) -> None:
    """Print a run's OpenLineage events, one a line."""
    services = cloud.connect() if send else None
    end = ends.connect()
    events = end.lineage(end.find_run(run))
    for event in events:
        typer.echo(event.decode())
    if services is None:
        return
    if not services.settings.lineage:
        raise InvalidConfigError(f"SLUICE_LINEAGE is not set; it is {catalogue.FORMS}")
    catalogue.deliver(services.settings.lineage, events, services.bus)


def _as_data(found: Trace) -> dict[str, Any]:
    manifest, part = found.manifest, found.part
    receipt = found.run.receipt
    return {
        "values": found.values,
        "run_id": found.run.run_id,
        "state": found.run.state,
        "mode": manifest.mode,
        "committed_at": found.run.updated_at.isoformat(),
        "part": {"name": part.name, "generation": part.generation, "sha256": part.sha256},
        "row_in_part": found.row_in_part,
        "source": _source(found),
        "config_generation": manifest.config_generation,
        "code_version": manifest.code_version,
        "adds_up": receipt.adds_up if receipt else None,
        "verdict": receipt.verdict if receipt else None,
        "notes": list(receipt.notes) if receipt else [],
    }


def _source(found: Trace) -> dict[str, Any]:
    if found.file:
        file = found.file
        return {
            "object": f"gs://{file.bucket}/{file.name}",
            "generation": file.generation,
            "line": found.line,
            "sha256": file.sha256,
        }
    manifest = found.manifest
    return {
        "query_id": manifest.query_id,
        "snapshot": manifest.snapshot,
        "is_pinned": manifest.is_pinned,
    }


def _print(found: Trace) -> None:
    data = _as_data(found)
    source, part = data["source"], data["part"]
    render.plain(", ".join(f"{name} = {value}" for name, value in data["values"].items()))
    if found.file:
        line = f", line {source['line']}" if source["line"] else ""
        render.plain(f"  from    {source['object']}#{source['generation']}{line}")
    else:
        pinned = "" if source["is_pinned"] else ", not pinned"
        render.plain(f"  from    query {source['query_id']} at {source['snapshot']}{pinned}")
    render.plain(f"  staged  {part['name']}#{part['generation']}, row {found.row_in_part + 1}")
    committed_at = render.moment(found.run.updated_at)
    render.plain(f"  loaded  by run {found.run.run_id} ({data['mode']}), {committed_at} UTC")
    counts = "counts add up" if data["adds_up"] else "counts not known to add up"
    checked = f"{data['verdict'] or 'no receipt'}, {counts}"
    generation = data["config_generation"]
    render.plain(f"  checked {checked}; configuration {generation}, code {data['code_version']}")
    for note in data["notes"]:
        render.plain(f"          {note}", style="dim")
