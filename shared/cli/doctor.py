"""The doctor: what is wrong with an environment, and what to do about each thing."""

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from shared import settings
from shared.cli import cloud, render
from shared.cli.exits import Exit
from shared.cli.options import AsJson
from shared.deploy import environments
from shared.doctor import examination
from shared.doctor.findings import Finding, Level

_MARKS = {Level.OK: "[green]✓[/]", Level.WARN: "[yellow]![/]", Level.FAIL: "[red]✗[/]"}


def doctor(
    env: Annotated[
        str, typer.Option("--env", help="Environment of this checkout; default: as for `run`.")
    ] = "",
    project: Annotated[str, typer.Option(envvar="TF_VAR_project", help="Id of its project.")] = "",
    skip: Annotated[
        list[str] | None, typer.Option(help="Leave out a kind of check, such as target.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Look at an environment and say what is wrong; changes nothing, exits 1 if anything fails."""
    unknown = sorted(set(skip or ()) - set(examination.CHECKS))
    if unknown:
        known = ", ".join(examination.CHECKS)
        raise typer.BadParameter(f"no check {', '.join(unknown)}; known: {known}")
    if env and env != "local":
        settings.adopt(environments.variables(Path.cwd(), env, project))
    found = examination.examine(cloud.connect(), Path.cwd(), skip or ())
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in found], indent=2))
    else:
        _show(found)
    if examination.worst(found) is Level.FAIL:
        raise typer.Exit(Exit.FAILED)


def _show(found: list[Finding]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for finding in found:
        subject = f"[bold]{escape(finding.subject)}[/] " if finding.subject != finding.check else ""
        table.add_row(_MARKS[finding.level], finding.check, f"{subject}{escape(finding.message)}")
        if finding.fix:
            table.add_row("", "", f"[dim]→[/] {escape(finding.fix)}")
    render.console.print(table)
    counts = Counter(finding.level for finding in found)
    render.console.print(", ".join(f"{counts[level]} {level}" for level in Level))
