"""Commands that bring a run or a table back to an earlier state."""

import secrets
import sys
from typing import Annotated

import typer

from shared import settings
from shared.cli import cloud, render
from shared.cli.runs import AsJson, find_run, follow, show_end
from shared.core import naming
from shared.core.messages import ExtractRequest
from shared.core.runs import Run, RunState
from shared.errors import InvalidMessageError
from shared.steps.repairs import replays
from shared.wiring import Services

Timeout = Annotated[float, typer.Option("--timeout", help="Seconds to wait for the run's end.")]
Wait = Annotated[bool, typer.Option(help="Wait for the run's end and show its receipt.")]


def replay(
    run: Annotated[str, typer.Argument(help="Id of the run; its beginning is enough.")],
    timeout_s: Timeout = 600.0,
    *,
    wait: Wait = True,
    as_json: AsJson = False,
) -> None:
    """Let a run that failed or was quarantined go on from where it was; nothing is loaded twice."""
    services = cloud.connect()
    found = find_run(services, run, table=None)
    replays.replay(found, services, settings.person())
    if wait:
        show_end(services, found.table, found.run_id, timeout_s, as_json=as_json)
    elif not as_json:
        render.plain(f"run {found.run_id} of {found.table} was asked to go on")


def rewind(
    table: Annotated[str, typer.Argument(help="Name of the table.")],
    to: Annotated[
        str, typer.Option("--to", help="Id of a committed run; its beginning is enough.")
    ],
    timeout_s: Timeout = 600.0,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    wait: Wait = True,
    as_json: AsJson = False,
) -> None:
    """Put a table back as an earlier run left it, watermark included, without its source."""
    services = cloud.connect()
    services.config.get(table)
    chosen = find_run(services, to, table=table)
    if chosen.state is not RunState.COMMITTED:
        raise InvalidMessageError(
            f"run {chosen.run_id} of {table} is {chosen.state}; a table goes back to a run that "
            "committed"
        )
    if not yes:
        _confirm(services, chosen)
    follow(
        services, _back_to(services, table, chosen.run_id), timeout_s, wait=wait, as_json=as_json
    )


def restore(
    table: Annotated[str, typer.Argument(help="Name of a reference table.")],
    version: Annotated[
        str,
        typer.Option("--version", help="Id of the run that left it; without: the last but one."),
    ] = "",
    timeout_s: Timeout = 600.0,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    wait: Wait = True,
    as_json: AsJson = False,
) -> None:
    """Bring back a version of a reference table that its target has kept."""
    services = cloud.connect()
    resolved, _ = services.config.get(table)
    if resolved.table.kind != "reference":
        raise InvalidMessageError(
            f"{table} is no reference table, so its target keeps no versions of it; `sluice rewind "
            f"{table} --to RUN` puts it back from staged parts"
        )
    run_id = version
    if version != naming.NO_RUN:
        chosen = (
            find_run(services, version, table=table) if version else _last_but_one(services, table)
        )
        run_id = chosen.run_id
        if not yes:
            _confirm(services, chosen)
    follow(services, _back_to(services, table, run_id), timeout_s, wait=wait, as_json=as_json)


def _last_but_one(services: Services, table: str) -> Run:
    committed = [r for r in services.ledger.runs(table) if r.state is RunState.COMMITTED]
    committed.sort(key=lambda run: run.updated_at, reverse=True)
    if len(committed) < 2:
        raise InvalidMessageError(
            f"{table} was loaded once at most, so there is no earlier version to name; what was "
            f"there before is --version {naming.NO_RUN}"
        )
    return committed[1]


def _back_to(services: Services, table: str, run_id: str) -> ExtractRequest:
    return ExtractRequest(
        table=table,
        published_at=services.now(),
        request_id=secrets.token_hex(8),
        requested_by=settings.person(),
        rewind_to=run_id,
    )


def _confirm(services: Services, chosen: Run) -> None:
    """Say what a rewind undoes, and ask whether that is meant."""
    others = [r for r in services.ledger.runs(chosen.table) if r.run_id != chosen.run_id]
    undone = [
        r for r in others if r.state is RunState.COMMITTED and r.updated_at > chosen.updated_at
    ]
    say = render.errors.print
    say(
        f"{chosen.table} goes back to run {chosen.run_id}, which committed at "
        f"{chosen.updated_at:%Y-%m-%d %H:%M:%S} UTC; later runs that are undone: {len(undone)}",
        highlight=False,
    )
    for run in others:
        if not run.is_terminal:
            say(f"run {run.run_id} is {run.state}: it may publish afterwards", style="yellow")
    say("the next scheduled run moves the table on from there; pause the schedule to prevent that")
    if not sys.stdin.isatty():
        raise InvalidMessageError("nobody is here to confirm; add --yes if this is meant")
    typer.confirm("Rewind?", abort=True, err=True)
