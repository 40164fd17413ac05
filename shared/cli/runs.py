"""Commands about runs: ask for one and watch it, list them."""

import json
from typing import Annotated, Any

import typer

from shared.cli import ends, render, timeline
from shared.cli.ends import End
from shared.cli.exits import Exit
from shared.cli.options import TableAsJson, Timeout, Wait
from shared.cli.watching import watch
from shared.core import naming
from shared.core.modes import SyncMode
from shared.core.receipts import Verdict
from shared.core.runs import SUCCESSES, Run
from shared.core.windows import Span
from shared.operations.lookups import as_data

WithTrace = Annotated[
    bool, typer.Option("--trace", help="Draw the run's time, from trigger to commit.")
]


def run(
    table: Annotated[str, typer.Argument(help="Name of the table.")],
    mode: Annotated[
        SyncMode | None, typer.Option(help="Another mode than the table's own.")
    ] = None,
    timeout_s: Timeout = 600.0,
    *,
    allow_empty: Annotated[
        bool, typer.Option(help="Let this one run pass the guards against lost rows.")
    ] = False,
    wait: Wait = True,
    trace: WithTrace = False,
    as_json: TableAsJson = False,
) -> None:
    """Move one table now. Exits 0 when it committed, 1 when it failed, 3 when it took too long."""
    if trace and not wait:
        raise typer.BadParameter("--trace shows a run that has ended; leave --no-wait out")
    end = ends.connect()
    run_id = end.run(table, mode=mode, allow_empty=allow_empty)
    follow(end, table, run_id, timeout_s, wait=wait, as_json=as_json, with_trace=trace)


def backfill(
    table: Annotated[str, typer.Argument(help="Name of the table.")],
    first: Annotated[
        str, typer.Option("--from", help="First cursor: a day, a moment in UTC, or a number.")
    ],
    last: Annotated[str, typer.Option("--to", help="Last cursor, included; a day is whole.")],
    timeout_s: Timeout = 600.0,
    *,
    wait: Wait = True,
    as_json: TableAsJson = False,
) -> None:
    """Read a part of a merged table again, by its cursor; the watermark stays where it is."""
    end = ends.connect()
    run_id = end.backfill(table, Span(first=first, last=last))
    follow(end, table, run_id, timeout_s, wait=wait, as_json=as_json)


def cancel(
    run: Annotated[str, typer.Argument(help="Id of the run; its beginning is enough.")],
    *,
    as_json: TableAsJson = False,
) -> None:
    """Fail a run that has not ended. A publish that is under way may still commit."""
    end = ends.connect()
    cancelled = end.cancel(end.find_run(run))
    if as_json:
        typer.echo(json.dumps(as_data(cancelled)))
    else:
        render.plain(f"run {cancelled.run_id} of {cancelled.table} is {cancelled.state}")


def follow(
    end: End,
    table: str,
    run_id: str,
    timeout_s: float,
    *,
    wait: bool,
    as_json: bool,
    with_trace: bool = False,
) -> None:
    """Show what a run that was asked for does and how it ended, and exit as it did."""
    if wait:
        show_end(end, table, run_id, timeout_s, as_json=as_json, with_trace=with_trace)
    else:
        typer.echo(json.dumps({"run_id": run_id, "table": table}) if as_json else run_id)


def show_end(
    end: End,
    table: str,
    run_id: str,
    timeout_s: float,
    *,
    as_json: bool,
    with_trace: bool = False,
) -> None:
    """Wait for a run's end, show it, and exit 0, 1 or 3 by it."""
    try:
        ended = watch(end, table, run_id, timeout_s, None if as_json else render.errors)
    except KeyboardInterrupt:
        render.errors.print(
            f"run {run_id} goes on; `sluice runs {run_id}` shows it", soft_wrap=True
        )
        raise typer.Exit(Exit.INTERRUPTED) from None
    if as_json:
        unknown = {"run_id": run_id, "state": "unknown"}
        typer.echo(json.dumps(_data(ended, with_trace=with_trace) if ended else unknown))
    elif ended:
        render.console.print(render.receipt_panel(ended))
        if with_trace:
            timeline.draw(ended)
    if ended is None or not ended.is_terminal:
        render.errors.print(
            f"run {run_id} has not ended after {timeout_s:g} s and goes on; `sluice runs {run_id}` "
            f"shows it, `sluice logs {run_id} --follow` what it does",
            soft_wrap=True,
        )
        raise typer.Exit(Exit.TIMEOUT)
    is_wrong = ended.receipt is not None and ended.receipt.verdict is Verdict.MISMATCH
    if ended.state not in SUCCESSES or is_wrong:
        raise typer.Exit(Exit.FAILED)


def runs(
    table: Annotated[
        str | None,
        typer.Argument(metavar="[TABLE | RUN]", help="Only this table; or all about one run."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 20,
    *,
    trace: WithTrace = False,
    as_json: TableAsJson = False,
) -> None:
    """List runs, the last changed first; RUN, the beginning of an id, shows all about one.

    Messages that belong to no table are listed as "-".
    """
    end = ends.connect()
    if table and table[0].isdigit():  # no table is named like that
        _show(end.find_run(table), as_json=as_json, with_trace=trace)
        return
    if trace:
        raise typer.BadParameter("--trace shows one run; name it by its id")
    found, has_older = end.newest(table, limit)
    if not found and table:
        ends.require_known(end, table)
    if as_json:
        typer.echo(json.dumps([as_data(r) for r in found]))
    elif found:
        render.runs_list(found)
        if has_older:
            render.console.print("[dim]there are older runs; see --limit[/]")
    else:
        render.plain(f"no runs yet; {_how_to_start(end, table)}")


def _data(run: Run, *, with_trace: bool) -> dict[str, Any]:
    data = as_data(run)
    return {**data, "trace": timeline.as_data(run)} if with_trace else data


def _show(run: Run, *, as_json: bool, with_trace: bool) -> None:
    if as_json:
        typer.echo(json.dumps(_data(run, with_trace=with_trace), indent=2))
        return
    render.console.print(render.receipt_panel(run))
    for text in run.receipt.evidence if run.receipt else ():
        render.plain(f"  {text}", style="dim")
    if run.checks:
        render.verdicts(run.checks)
    render.plain(f"{render.kind(run)} {run.trigger_key}, mode {run.mode or 'none'}")
    for attempt in run.attempts:
        outcome = attempt.outcome or "under way"
        render.plain(f"{render.moment(attempt.started_at)}  {attempt.step}: {outcome}")
    if with_trace:
        timeline.draw(run)


def _how_to_start(end: End, table: str | None) -> str:
    """Return how a table, or any table, gets its first run."""
    if table == naming.NO_TABLE:
        return "every message belonged to a table"
    if table and end.is_of_files(table):
        return f"a file dropped under {table}/ starts one"
    return f"`sluice run {table or 'TABLE'}` starts one"
