"""Commands that bring a run or a table back to an earlier state."""

from typing import Annotated

import typer

from shared.cli import ends, render
from shared.cli.ends import End
from shared.cli.options import TableAsJson, Timeout, Wait, Yes
from shared.cli.questions import require_consent
from shared.cli.runs import follow
from shared.core.runs import Run


def replay(
    run: Annotated[str, typer.Argument(help="Id of the run; its beginning is enough.")],
    timeout_s: Timeout = 600.0,
    *,
    wait: Wait = True,
    as_json: TableAsJson = False,
) -> None:
    """Let a run that failed or was quarantined go on from where it was; nothing is loaded twice."""
    end = ends.connect()
    found = end.find_run(run)
    end.replay(found)
    follow(end, found.table, found.run_id, timeout_s, wait=wait, as_json=as_json)


def rewind(
    table: Annotated[str, typer.Argument(help="Name of the table.")],
    to: Annotated[
        str, typer.Option("--to", help="Id of a committed run; its beginning is enough.")
    ],
    timeout_s: Timeout = 600.0,
    *,
    yes: Yes = False,
    wait: Wait = True,
    as_json: TableAsJson = False,
) -> None:
    """Put a table back as an earlier run left it, watermark included, without its source."""
    end = ends.connect()
    chosen = end.rewindable(table, to)
    if not yes:
        _confirm(end, chosen)
    run_id = end.rewind(table, chosen)
    follow(end, table, run_id, timeout_s, wait=wait, as_json=as_json)


def restore(
    table: Annotated[str, typer.Argument(help="Name of a reference table.")],
    version: Annotated[
        str,
        typer.Option("--version", help="Id of the run that left it; without: the last but one."),
    ] = "",
    timeout_s: Timeout = 600.0,
    *,
    yes: Yes = False,
    wait: Wait = True,
    as_json: TableAsJson = False,
) -> None:
    """Bring back a version of a reference table that its target has kept."""
    end = ends.connect()
    chosen = end.restorable(table, version)
    if chosen and not yes:
        _confirm(end, chosen)
    run_id = end.restore(table, chosen)
    follow(end, table, run_id, timeout_s, wait=wait, as_json=as_json)


def _confirm(end: End, chosen: Run) -> None:
    """Say what a rewind undoes, and ask whether that is meant."""
    undone, under_way = end.undone_by(chosen)
    say = render.errors.print
    say(
        f"{chosen.table} goes back to run {chosen.run_id}, which committed at "
        f"{chosen.updated_at:%Y-%m-%d %H:%M:%S} UTC; later runs that are undone: {undone}",
    )
    for run in under_way:
        say(f"run {run.run_id} is {run.state}: it may publish afterwards", style="yellow")
    say("the next scheduled run moves the table on from there; pause the schedule to prevent that")
    require_consent("Rewind?")
