"""How runs and receipts look in a terminal."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from shared.cli.terminal import terminal
from shared.core import checks
from shared.core.checks import CheckResult
from shared.core.receipts import Receipt, Verdict
from shared.core.runs import Run, RunState, Trigger
from shared.core.tallies import worked_s

console = terminal()
errors = terminal(stderr=True)

_STYLES = {
    RunState.COMMITTED: "green",
    RunState.SKIPPED: "cyan",
    RunState.SUPERSEDED: "yellow",
    RunState.QUARANTINED: "red",
    RunState.FAILED: "red",
}

_RECEIPT_STYLES = {
    Verdict.VERIFIED: "green",
    Verdict.UNVERIFIABLE: "yellow",
    Verdict.MISMATCH: "bold red",
}


_CHECK_STYLES = {
    checks.Verdict.PASSED: "green",
    checks.Verdict.WARNED: "yellow",
    checks.Verdict.QUARANTINED: "yellow",
    checks.Verdict.FAILED: "red",
}


@dataclass(frozen=True, slots=True)
class Listed:
    """One row of a list, and the lines below it."""

    cells: tuple[str | Text, ...]
    below: tuple[str, ...] = ()


def listing(names: Iterable[str], rows: Sequence[Listed]) -> None:
    """Print a list whose cells are never cut, however narrow the terminal.

    Names that end in ``>`` head columns of numbers. What may be long belongs below its row.
    """
    heads = list(names)
    cells = [[Text(head.rstrip(">"), style="bold") for head in heads]]
    cells += [[Text(c) if isinstance(c, str) else c.copy() for c in row.cells] for row in rows]
    widths = [max(cell.cell_len for cell in column) for column in zip(*cells, strict=True)]
    for number, line in enumerate(cells):
        for head, cell, width in zip(heads, line, widths, strict=True):
            gap = width - cell.cell_len
            cell.pad_left(gap) if head.endswith(">") else cell.pad_right(gap)
        text = Text("  ").join(line)
        text.rstrip()
        console.print(text, soft_wrap=True)
        for said in rows[number - 1].below if number else ():
            plain(f"  {said}", style="dim")


def plain(text: str, style: str = "") -> None:
    """Print a line as it is: nothing in it is markup, and nothing breaks it."""
    console.print(text, style=style, markup=False, soft_wrap=True)


def runs_list(runs: Iterable[Run]) -> None:
    """Print runs in the order given, each with what came of it below."""
    rows = [
        Listed(
            (run.run_id, moment(run.updated_at), run.table, kind(run), state(run)),
            tuple(said for said in (_counts(run), note(run)) if said),
        )
        for run in runs
    ]
    listing(("RUN", "UTC", "TABLE", "BY", "STATE"), rows)


def verdicts(results: Iterable[CheckResult]) -> None:
    """Print a line for each check, with the reason of its verdict below."""
    rows = [
        Listed(
            (
                Text(str(result.verdict), style=_CHECK_STYLES.get(result.verdict, "blue")),
                result.name,
                str(result.severity),
                f"{result.rows:,}" if result.rows else "",
            ),
            (result.reason,) if result.reason else (),
        )
        for result in results
    ]
    listing(("VERDICT", "CHECK", "SEVERITY", "ROWS>"), rows)


def moment(at: datetime) -> str:
    """Return a moment in UTC, to the second, without its year."""
    return f"{at.astimezone(UTC):%m-%d %H:%M:%S}"


def kind(run: Run) -> str:
    """Return what a run is: a rewind, a backfill, or what asked for it."""
    if run.rewind_to:
        return "rewind"
    return "backfill" if run.span else str(run.trigger)


def _counts(run: Run) -> str:
    receipt = run.receipt
    if receipt is None:
        return ""
    rejected = f", {receipt.rows_rejected:,} rejected" if receipt.rows_rejected else ""
    mode = f"{run.mode}: " if run.mode and not run.is_repair else ""
    return f"{mode}{receipt.rows_loaded:,} rows loaded{rejected}, {_seconds(run)} s"


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
    grid.add_column(overflow="fold")
    receipt = run.receipt
    if receipt is None:
        nothing = "no receipt: nothing was loaded"
        said = note(run) or (nothing if run.is_terminal else "no receipt yet: it has not ended")
        return _panel(run, Text(_superseded(run, said)), str(run.state))
    grid.add_row("at source", f"{receipt.rows_source:,}", _source(run, receipt))
    grid.add_row("staged", f"{receipt.rows_staged:,}", _staged(receipt))
    grid.add_row("loaded", f"{receipt.rows_loaded:,}", _loaded(receipt))
    where = "in quarantine, with reasons" if receipt.rows_rejected else ""
    grid.add_row("rejected", f"{receipt.rows_rejected:,}", where)
    grid.add_row(
        "published",
        f"{receipt.rows_inserted:,}",
        f"inserted, {receipt.rows_updated:,} updated, {receipt.rows_deleted:,} deleted",
    )
    grid.add_row("seconds", _seconds(run), f"{rows_per_second(run):,.0f} rows/s in the functions")
    for text in receipt.notes:
        grid.add_row("note", "", escape(text))
    for name, why in receipt.left_out.items():
        grid.add_row("left out", "", escape(f"{name}: {why}"))
    for name, how in receipt.protected.items():
        grid.add_row("protected", "", escape(f"{name}: {how}"))
    if receipt.reason:
        grid.add_row("reason", "", escape(receipt.reason))
    for each in receipt.differences:
        grid.add_row("differs", "", escape(str(each)))
    return _panel(run, grid, f"{run.state}, {verdict(run, receipt)}")


def _panel(run: Run, content: Text | Table, subtitle: str) -> Panel:
    return Panel(
        content,
        title=f"{run.table}  {run.run_id}",
        subtitle=subtitle,
        title_align="left",
        subtitle_align="left",
        expand=False,
    )


def _superseded(run: Run, reason: str) -> str:
    """Add to the reason of a superseded run what it means and what to do."""
    if run.state is not RunState.SUPERSEDED:
        return reason
    first = f"another run published first, and this one changed nothing: {reason}"
    if run.rewind_to:
        return first
    if run.span:
        return f"{first}\nask for the backfill again"
    return f"{first}\nnothing is to be done: the next run goes on from where the table stands"


def _source(run: Run, receipt: Receipt) -> str:
    at = receipt.snapshot[:26]
    if run.rewind_to:
        return f"in the parts of earlier runs, as of {at}"
    if run.trigger is Trigger.FILE:
        return f"records of the file of {at}"
    return f"{'one pinned snapshot' if receipt.is_pinned else 'snapshot not pinned'}, {at}"


def verdict(run: Run, receipt: Receipt) -> str:
    """Return a receipt's verdict in its colour."""
    if run.rewind_to and receipt.verdict is Verdict.UNVERIFIABLE:
        return "not compared"
    return f"[{_RECEIPT_STYLES[receipt.verdict]}]{receipt.verdict}[/]"


def _staged(receipt: Receipt) -> str:
    if receipt.staged is None or receipt.staged.fingerprint is None:
        return "Parquet, hashed"
    return f"Parquet, hashed; fingerprint {receipt.staged.fingerprint}"


def _loaded(receipt: Receipt) -> str:
    if not receipt.measured:
        return "counted by the target"
    is_full = receipt.target is not None and receipt.target.is_full
    return f"{'read back, value by value, from' if is_full else 'measured in'} {receipt.measured}"


def rows_per_second(run: Run) -> float:
    """Return the rows loaded by the seconds that the functions worked."""
    seconds = worked_s(run)
    return run.receipt.rows_loaded / seconds if run.receipt and seconds else 0.0


def ago(moment: datetime, now: datetime) -> str:
    """Return a time difference in one unit."""
    seconds = max(0, int((now - moment).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit} ago"
    return f"{seconds}s ago"


def _seconds(run: Run) -> str:
    return f"{worked_s(run):.1f}" if run.steps else ""
