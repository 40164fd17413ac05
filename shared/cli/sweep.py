"""The sweep: what the last one found and did, and a way to ask for one now."""

import time
from collections.abc import Iterator
from typing import Annotated

import typer

from shared.cli import ends, render
from shared.cli.ends import End
from shared.cli.exits import Exit
from shared.cli.options import AsJson
from shared.core.sweeps import Found, SweepReport
from shared.wire import to_json

TIMEOUT_S = 120.0

WIDTH = len("slots of tables of the API asked for ")


def sweep(
    *,
    now: Annotated[bool, typer.Option("--now", help="Ask for a sweep and wait for it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what the last sweep found and did; exits 3 when the one asked for does not come."""
    end = ends.connect()
    report = _ask(end) if now else end.last_sweep()
    if report is None:
        render.errors.print("no sweep has ended yet; `sluice sweep --now` asks for one")
        raise typer.Exit(Exit.TIMEOUT if now else Exit.OK)
    if as_json:
        typer.echo(to_json(report).decode())
        return
    ago = render.ago(report.swept_at, end.now())
    render.console.print(f"swept {ago} in {report.duration_s:g} s, {_open_runs(report)}")
    for what, number, names in _lines(report):
        render.plain(f"{what:<{WIDTH}}{number:>5}")
        for name in names:
            render.plain(f"  {name}", style="dim")


def _open_runs(report: SweepReport) -> str:
    return f"{report.open_runs} open run{'' if report.open_runs == 1 else 's'}"


def _ask(end: End) -> SweepReport | None:
    before = end.last_sweep()
    end.ask_for_sweep()
    deadline_s = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline_s:
        report = end.last_sweep()
        if report and (before is None or report.swept_at > before.swept_at):
            return report
        time.sleep(end.poll_s)
    return None


def _lines(report: SweepReport) -> Iterator[tuple[str, int, list[str]]]:
    found: dict[str, Found] = {
        "quiet runs asked to go on": report.nudged,
        "stuck runs given up": report.given_up,
        "slots of tables of the API asked for": report.asked,
        "lost events announced": report.announced,
        "files of no table": report.strays,
        "dead letters": report.dead_letters,
        "orphans deleted": report.deleted,
        "staging tables dropped": report.dropped,
        "objects past retention": report.expired,
        "objects held": report.held,
        "holds taken away": report.released,
        "audit events completed": report.told,
    }
    for what, things in found.items():
        left_out = things.count - len(things.names)
        more = [f"and {left_out} more"] if left_out > 0 else []
        yield what, things.count, [*things.names, *more]
    stale = [f"{t.table}, due since {t.due_since:%Y-%m-%d %H:%M} UTC" for t in report.stale]
    yield "stale tables", len(stale), stale
    yield "problems", len(report.problems), list(report.problems)
