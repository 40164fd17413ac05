"""Commands about what tables cost, and how fresh they are."""

import json
from datetime import timedelta
from typing import Annotated, Any

import typer

from shared.cli import ends, render
from shared.cli.exits import Exit
from shared.cli.options import TableAsJson
from shared.cli.render import Listed
from shared.core import prices
from shared.core.costs import Cost
from shared.core.freshness import Freshness

Days = Annotated[int, typer.Option(min=1, max=120, help="Look back so many days.")]


def cost(
    table: Annotated[str | None, typer.Option(help="Only this table, run by run.")] = None,
    days: Days = 30,
    *,
    as_json: TableAsJson = False,
) -> None:
    """Say what tables cost by list prices, from what their runs took."""
    found = ends.connect().costs(table, days)
    everything = sum(found.values(), Cost())
    if as_json:
        data = {name: _cost_data(each) for name, each in found.items()}
        report = {
            "prices_of": prices.AS_OF.isoformat(),
            "days": days,
            "total": _cost_data(everything),
        }
        typer.echo(json.dumps({**report, "runs" if table else "tables": data}))
        return
    heads = ("RUN" if table else "TABLE", "RUNS>", "FUNCTIONS>", "CALLS>", "WAREHOUSE>", "USD>")
    rows = [_cost_row(name, each) for name, each in found.items()]
    render.listing(heads, [*rows, _cost_row("all", everything)])
    day = f"{prices.AS_OF:%Y-%m-%d}"
    render.plain(f"list prices of {day}, without free shares; Snowflake as X-Small", style="dim")


def freshness(
    table: Annotated[str | None, typer.Argument(help="Only this table.")] = None,
    days: Days = 28,
    *,
    as_json: TableAsJson = False,
) -> None:
    """Say how fresh tables are, and what is left of error budgets; exits 1 if one is spent."""
    found = ends.connect().freshness(table, days)
    if as_json:
        typer.echo(json.dumps({name: _freshness_data(each) for name, each in found.items()}))
    elif found:
        heads = ("TABLE", "AGE>", "PROMISED>", "FRESH>", "OBJECTIVE>", "BUDGET LEFT>")
        render.listing(heads, [_freshness_row(n, each) for n, each in found.items()])
    else:
        render.plain("no table has a schedule, or a promise of freshness")
    if not all(each.is_kept for each in found.values()):
        raise typer.Exit(Exit.FAILED)


def _cost_data(found: Cost) -> dict[str, Any]:
    taken = {name: round(getattr(found, name), 3) for name in Cost.__slots__}
    dollars = {name: round(usd, 9) for name, usd in found.usd.items()}
    return {**taken, "usd": dollars, "total_usd": round(found.total_usd, 9)}


def _cost_row(name: str, found: Cost) -> Listed:
    calls = found.storage_writes + found.storage_reads
    return Listed(
        (
            name,
            f"{found.runs:,}",
            f"{found.gib_s:,.1f} GiB s",
            f"{calls:,}",
            f"{found.source_s:,.1f} s",
            f"{found.total_usd:,.6f}",
        )
    )


def _freshness_data(found: Freshness) -> dict[str, Any]:
    return {
        "age_s": found.age.total_seconds() if found.age else None,
        "max_age_s": found.max_age.total_seconds(),
        "percent": round(found.percent, 4),
        "objective_percent": found.objective_percent,
        "late_s": found.late.total_seconds(),
        "budget_s": found.budget.total_seconds(),
        "budget_left_percent": round(found.budget_left_percent, 2),
        "last_success": found.last_success.isoformat() if found.last_success else None,
        "is_late": found.is_late,
        "is_kept": found.is_kept,
    }


def _freshness_row(name: str, found: Freshness) -> Listed:
    age = _span(found.age) if found.age is not None else "never"
    # Without a success there is nothing to praise before the first is due.
    is_judged = found.age is not None or found.late
    return Listed(
        (
            name,
            f"{age}{' LATE' if found.is_late else ''}",
            _span(found.max_age),
            f"{found.percent:.2f} %" if is_judged else "",
            f"{found.objective_percent:g} %",
            f"{found.budget_left_percent:.0f} %" if is_judged else "",
        )
    )


def _span(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 2_880 else f"{minutes // 1_440} d"
