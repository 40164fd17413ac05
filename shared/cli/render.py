"""How runs and receipts look in a terminal."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from shared.core.runs import Run, RunState

console = Console()
errors = Console(stderr=True)

_STYLES = {
    RunState.COMMITTED: "green",
    RunState.SKIPPED: "cyan",
    RunState.SUPERSEDED: "yellow",
    RunState.QUARANTINED: "red",
    RunState.FAILED: "red",
}


def runs_table(runs: Iterable[Run]) -> Table:
    """Return runs as a table that fits 80 columns, in the order given."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("RUN", "TABLE", "STATE"):
        table.add_column(name, no_wrap=True)
    for name in ("LOADED", "REJECTED", "S"):
        table.add_column(name, justify="right", no_wrap=True)
    for run in runs:
        receipt = run.receipt
        counts = (f"{receipt.rows_loaded:,}", f"{receipt.rows_rejected:,}") if receipt else ("", "")
        table.add_row(run.run_id, run.table, state(run), *counts, _seconds(run))
    return table


def notes(runs: Iterable[Run]) -> Iterator[str]:
    """Yield a line for each run that has something to say."""
    for run in runs:
        said = note(run)
        if said:
            yield f"{run.run_id}  {said}"


def state(run: Run) -> Text:
    """Return a run's state in its colour."""
    return Text(str(run.state), style=_STYLES.get(run.state, "blue"))


def note(run: Run) -> str:
    """Return the one thing a person should know about a run."""
    if run.failure:
        retrying = "" if run.is_terminal else f"attempt {run.attempt_count}, will be retried: "
        return f"{retrying}{run.failure.error}: {run.failure.message}"
    if run.reason:
        return run.reason
    return "; ".join(run.receipt.notes) if run.receipt else ""


def receipt_panel(run: Run) -> Panel:
    """Return a committed run's receipt."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column(justify="right")
    grid.add_column()
    receipt = run.receipt
    if receipt is None:
        said = note(run) or "no receipt: nothing was loaded"
        return Panel(Text(said), title=run.table, subtitle=str(run.state), expand=False)
    pinned = "one pinned snapshot" if receipt.is_pinned else "snapshot not pinned"
    grid.add_row("at source", f"{receipt.rows_source:,}", f"{pinned}, {receipt.snapshot[:26]}")
    grid.add_row("staged", f"{receipt.rows_staged:,}", "Parquet, hashed")
    grid.add_row("loaded", f"{receipt.rows_loaded:,}", "in the target's staging table")
    grid.add_row("rejected", f"{receipt.rows_rejected:,}", "in quarantine, with reasons")
    grid.add_row(
        "published",
        f"{receipt.rows_inserted:,}",
        f"inserted, {receipt.rows_updated:,} updated, {receipt.rows_deleted:,} deleted",
    )
    grid.add_row("seconds", _seconds(run), f"{rows_per_second(run):,.0f} rows/s in the functions")
    for text in receipt.notes:
        grid.add_row("note", "", escape(text))
    verdict = "[green]adds up[/]" if receipt.adds_up else "[red]does not add up[/]"
    return Panel(
        grid,
        title=f"{run.table}  {run.run_id}",
        subtitle=f"{run.state}, {verdict}",
        title_align="left",
        subtitle_align="left",
        expand=False,
    )


def rows_per_second(run: Run) -> float:
    """Return the rows loaded by the seconds that the functions worked."""
    seconds = sum(s.duration_s for s in run.steps.values())
    return run.receipt.rows_loaded / seconds if run.receipt and seconds else 0.0


def ago(moment: datetime, now: datetime) -> str:
    """Return a time difference in one unit."""
    seconds = max(0, int((now - moment).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit} ago"
    return f"{seconds}s ago"


def _seconds(run: Run) -> str:
    return f"{sum(s.duration_s for s in run.steps.values()):.1f}" if run.steps else ""
