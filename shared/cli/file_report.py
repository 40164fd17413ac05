"""What is known of an explained file: for programs as one JSON object, for people as tables."""

from dataclasses import asdict, dataclass, field
from typing import Any

from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from shared.cli import render
from shared.cli.failures import VERSION

SHOWN_REJECTS = 20
SHOWN_CHARACTERS = 200


@dataclass(slots=True)
class Report:
    """What is known of a file; all of it is in the JSON that ``--json`` prints."""

    file: str
    size_bytes: int
    refusal: str | None = None
    """Why the file as a whole cannot be read; None when it was."""
    error: dict[str, str] | None = None
    """The same as a code, a message and what to do, as every other error has it."""
    dialect: dict[str, Any] | None = None
    confidence: float | None = None
    evidence: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    alternatives: list[str] = field(default_factory=list)
    columns: list[dict[str, Any]] = field(default_factory=list)
    """Name, type and reason of each column."""
    rows: int = 0
    """Records of the file: accepted and rejected."""
    accepted: int = 0
    rejected: int = 0
    rejects: list[dict[str, Any]] = field(default_factory=list)
    """The first so many."""
    limit_passed: str = ""
    """What the table says of rejected rows, if there are more: a drop would be quarantined."""
    notes: list[dict[str, Any]] = field(default_factory=list)
    """What was read without loss but with care: the first of each rule, and how many."""
    out: dict[str, str] = field(default_factory=dict)
    """Where rows were written."""

    def as_data(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"version": VERSION, **asdict(self)}


def show(report: Report) -> None:
    """Print a report for people."""
    say = render.console.print
    if report.evidence:
        say(Panel(escape("\n".join(report.evidence)), title="how it is written", expand=False))
    for warning in report.warnings:
        render.plain(f"warning: {warning}", style="yellow")
    if report.alternatives:
        say("it might also be read with", style="dim")
        for alternative in dict.fromkeys(report.alternatives):
            render.plain(f"  {alternative}", style="dim")
    if report.refusal:
        render.plain(f"refused: {report.refusal}", style="red")
        return
    say(_columns_table(report))
    for note in report.notes:
        text = f"{note['rule']}: {note['count']:,}, the first in line {note['line']}: "
        render.plain(text + note["text"])
    if report.rejects:
        say(_rejects_table(report))
    colour = "green" if not report.rejected else "yellow"
    say(
        f"[{colour}]{report.accepted:,} rows accepted, {report.rejected:,} rejected[/] "
        f"of {report.rows:,}",
    )
    if more := report.rejected - len(report.rejects):
        render.plain(f"{more:,} more rejected rows are not shown; --out writes all", style="dim")
    if report.limit_passed:
        render.plain(
            f"dropped, this file would be quarantined as a whole: more than {report.limit_passed}",
            style="yellow",
        )
    for place in report.out.values():
        render.plain(place)


def _columns_table(report: Report) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("COLUMN", no_wrap=True)
    table.add_column("TYPE", no_wrap=True)
    table.add_column("WHY", overflow="fold")
    for column in report.columns:
        table.add_row(escape(column["name"]), column["type"], escape(column["reason"]))
    return table


def _rejects_table(report: Report) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    table.add_column("LINE", justify="right", no_wrap=True)
    table.add_column("COLUMN", no_wrap=True)
    table.add_column("RULE", no_wrap=True)
    table.add_column("WHY", overflow="fold")
    table.add_column("ROW", overflow="fold")
    for reject in report.rejects:
        raw = reject["raw"][:SHOWN_CHARACTERS]
        cells = map(escape, (reject["column"] or "", reject["rule"], reject["reason"], raw))
        table.add_row(str(reject["line"]), *cells)
    return table
