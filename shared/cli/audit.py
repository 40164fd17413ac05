"""Commands about the audit log: show what happened and who did it, prove that it is all there."""

import json
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from shared.cli import ends, render
from shared.cli.ends import End
from shared.cli.exits import Exit
from shared.cli.options import AsJson
from shared.cli.render import Listed
from shared.core import audit as judging
from shared.core import naming
from shared.core.audit import Anchor, Finding, Link, Seen
from shared.steps.auditing import event_id
from shared.steps.repairs.audit import KIND as SWEPT
from shared.wire import to_line

app = typer.Typer(
    name="audit",
    help="What happened, who did it, and that nobody changed it.",
    no_args_is_help=True,
)


@app.command()
def show(
    table: Annotated[
        str, typer.Argument(metavar="TABLE", help="A table; - for what concerns no single one.")
    ],
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 20,
    *,
    as_json: AsJson = False,
) -> None:
    """List a table's events, the newest last."""
    events = [each.link for each in ends.connect().chain(table, limit) if each.link]
    if as_json:
        typer.echo(json.dumps([_as_data(e) for e in events]))
    elif events:
        render.listing(("NUMBER>", "UTC", "EVENT", "BY", "RUN"), [_listed(e) for e in events])
    else:
        render.plain(f"no events of {table} yet; names of tables are in `sluice audit verify`")


@app.command()
def verify(
    table: Annotated[str | None, typer.Argument(help="Only this table's chain.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Look for events that were edited, taken out, moved or never told; exits 1 if any was.

    The heads that it prints, kept elsewhere, prove later that no newer event was taken away.
    """
    end = ends.connect()
    anchors = _anchors(end)
    tables = [table] if table else sorted({*end.chains(), *anchors, *end.names()})
    heads: dict[str, list[Seen]] = {}
    found: list[Finding] = []
    for name in tables:
        seen = end.chain(name)
        found += _examine(end, name, seen, anchors.get(name, []))
        heads[name] = seen[-1:]
    if as_json:
        typer.echo(json.dumps({"heads": _heads(heads), "findings": [_found(f) for f in found]}))
    else:
        _print(heads, found)
    if found:
        raise typer.Exit(Exit.FAILED)


def _examine(end: End, table: str, seen: list[Seen], anchors: list[Anchor]) -> Iterator[Finding]:
    now = end.now()
    yield from judging.findings(table, seen, anchors=anchors, now=now)
    expected = {
        event_id(run.run_id, number): milestone.at
        for run in end.records(table)
        for number, milestone in enumerate(run.milestones)
    }
    yield from judging.untold(table, expected, seen, now)


def _anchors(end: End) -> dict[str, list[Anchor]]:
    """Return the heads of chains that sweeps remembered, by table."""
    found: dict[str, list[Anchor]] = {}
    links = (each.link for each in end.chain(naming.NO_TABLE) if each.link)
    for link in links:
        heads = json.loads(link.detail).get("heads", {}) if link.kind == SWEPT else {}
        for table, (sequence, sha256) in heads.items():
            anchor = Anchor(sequence=sequence, sha256=sha256, at=link.at)
            found.setdefault(table, []).append(anchor)
    return found


def _heads(heads: dict[str, list[Seen]]) -> dict[str, Any]:
    return {
        t: {"number": s.sequence, "sha256": s.sha256} for t, last in heads.items() for s in last
    }


def _found(finding: Finding) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(to_line(finding))
    return data


def _print(heads: dict[str, list[Seen]], found: list[Finding]) -> None:
    wrong = {f.table for f in found}
    rows = [
        Listed(
            (table, "FLAWED" if table in wrong else "whole", str(last.sequence), last.sha256[:16]),
            tuple(f"{f.flaw} at {f.sequence}: {f.what}" for f in found if f.table == table),
        )
        for table, newest in heads.items()
        for last in newest
    ]
    empty = [f for f in found if not heads[f.table]]
    if rows:
        render.listing(("TABLE", "CHAIN", "EVENTS>", "HEAD"), rows)
    for finding in empty:
        render.plain(f"{finding.table}: {finding.flaw} at {finding.sequence}: {finding.what}")
    if not rows and not empty:
        render.plain("no events yet")


def _listed(event: Link) -> Listed:
    said = [event.why] if event.why else []
    if event.receipt:
        said.append(_counts(json.loads(event.receipt)))
    action = f" ({event.action})" if event.action not in ("", "load") else ""
    return Listed(
        (
            str(event.sequence),
            render.moment(event.at),
            f"{event.kind}{action}",
            event.by,
            event.run_id,
        ),
        tuple(said),
    )


def _counts(receipt: dict[str, Any]) -> str:
    keys = ("rows_source", "rows_staged", "rows_loaded", "rows_rejected")
    return ", ".join(f"{receipt[k]} {k.removeprefix('rows_')}" for k in keys if k in receipt)


def _as_data(event: Link) -> dict[str, Any]:
    """Return an event as plain JSON data, its receipt and detail unfolded."""
    data: dict[str, Any] = json.loads(to_line(event))
    data["detail"] = json.loads(event.detail)
    data["receipt"] = json.loads(event.receipt) if event.receipt else None
    return data
