"""Commands about what was rejected: which runs, which rows, and the way back in."""

import csv
import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Annotated, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import typer
from rich.markup import escape
from rich.table import Table

from shared.cli import ends, render
from shared.cli.options import TableAsJson, Timeout
from shared.cli.render import Listed
from shared.cli.runs import show_end
from shared.core.runs import Run
from shared.steps.quarantined_rows import Rejected

app = typer.Typer(name="quarantine", help="Rejected rows and refused files.", no_args_is_help=True)

RunId = Annotated[str, typer.Argument(metavar="RUN", help="Id of the run; its beginning will do.")]
COLUMNS = ("file", "line", "column", "rule", "reason", "raw")


class Form(StrEnum):
    """What an export is written as."""

    ORIGINAL = "original"
    PARQUET = "parquet"


GROUP_ROWS = 1_000
"""Rows in memory at a time, of at most 64 KiB of raw text each."""
REJECTED = pa.schema(
    [
        ("file", pa.string()),
        ("generation", pa.int64()),
        ("line", pa.int64()),
        ("byte_offset", pa.int64()),
        ("byte_count", pa.int64()),
        ("column", pa.string()),
        ("raw", pa.string()),
        ("is_truncated", pa.bool_()),
        ("rule", pa.string()),
        ("reason", pa.string()),
    ]
)
"""A line of NDJSON in quarantine, as columns."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula. Source: OWASP, "CSV Injection"."""


@app.command("list")
def list_(
    table: Annotated[str | None, typer.Argument(help="Only this table.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 20,
    *,
    as_json: TableAsJson = False,
) -> None:
    """List the runs that rejected rows, or refused a whole file, the newest first."""
    found = ends.connect().quarantined(table, limit)
    if as_json:
        typer.echo(json.dumps([_as_data(run, again) for run, again in found]))
    elif found:
        rows = [_listed(run, again) for run, again in found]
        render.listing(("RUN", "UTC", "TABLE", "STATE", "REJECTED>"), rows)
    else:
        render.console.print("nothing in quarantine")


@app.command()
def show(
    run: RunId,
    limit: Annotated[int, typer.Option(min=1, help="The first so many rows.")] = 20,
    out: Annotated[
        Path | None, typer.Option(help="Write a report of all rows to a CSV file for spreadsheets.")
    ] = None,
    *,
    as_json: TableAsJson = False,
) -> None:
    """Show rejected rows: line, column, rule, reason and the row as it stands in the file."""
    end = ends.connect()
    found = end.find_run(run)
    rows = end.rejected_rows(found)
    if out:
        count = _write_report(out, rows)
        render.plain(f"{count} rejected rows in {out}")
    elif as_json:
        for row in rows:
            typer.echo(json.dumps(row.facts, ensure_ascii=False))
    else:
        _print_rows(found, list(islice(rows, limit)), limit)


@app.command()
def export(
    run: RunId,
    out: Annotated[Path, typer.Argument(help="File to write; it must not exist.")],
    form: Annotated[
        Form, typer.Option("--format", help="original: to mend; parquet: to analyse.")
    ] = Form.ORIGINAL,
) -> None:
    """Write rejected rows to a file as they were, header included: to mend and to replay.

    With --format parquet, write what is known of each instead: file, line, rule, reason, raw text.
    """
    end = ends.connect()
    found = end.find_run(run)
    if form is Form.PARQUET:
        with _new(out) as file:
            count = _write_parquet(file, end.rejected_rows(found))
        render.console.print(f"{count} rejected rows in {out}")
        return
    with _new(out) as file:
        for piece in end.export(found):
            file.write(piece)
    render.plain(f"mend the rows in {out}, then send them:")
    render.plain(f"sluice quarantine replay {found.run_id} --with {shlex.quote(str(out))}")


@app.command()
def replay(
    run: RunId,
    mended: Annotated[
        Path | None,
        typer.Option(
            "--with",
            exists=True,
            dir_okay=False,
            help="A file with the mended rows, header included.",
        ),
    ] = None,
    timeout_s: Timeout = 600.0,
    *,
    as_json: TableAsJson = False,
) -> None:
    """Send rejected rows through once more, by the table's rules as they are now."""
    end = ends.connect()
    found = end.find_run(run)
    content = mended.read_bytes() if mended else None
    new = end.send_again(found, content)
    show_end(end, found.table, new, timeout_s, as_json=as_json)


def _listed(run: Run, replay: Run | None) -> Listed:
    rejected = f"{run.receipt.rows_rejected:,}" if run.receipt else ""
    return Listed(
        (run.run_id, render.moment(run.updated_at), run.table, render.state(run), rejected),
        (
            run.trigger_key,
            *([run.failure.message] if run.failure else []),
            *([f"sent again in run {replay.run_id}, {replay.state}"] if replay else []),
        ),
    )


def _print_rows(run: Run, rows: list[Rejected], limit: int) -> None:
    if not rows:
        said = run.failure.message if run.failure else "no row was rejected"
        render.plain(said)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("LINE", justify="right", no_wrap=True)
    for name in ("COLUMN", "RULE"):
        table.add_column(name, no_wrap=True)
    for name in ("REASON", "ROW"):
        table.add_column(name, overflow="fold")
    for row in rows:
        facts = row.facts
        cells = (facts["column"] or "", facts["rule"], facts["reason"], facts["raw"])
        table.add_row(str(facts["line"] or ""), *map(escape, cells))
    render.console.print(table)
    if len(rows) == limit:
        render.console.print("[dim]there may be more; see --limit and --json[/]")


def _write_report(out: Path, rows: Iterator[Rejected]) -> int:
    """Write rows for a spreadsheet: no cell can become a formula."""
    count = 0
    with _new(out) as raw:
        file = TextIOWrapper(raw, newline="", encoding="utf-8-sig", errors="backslashreplace")
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for row in rows:
            count += 1
            writer.writerow([_harmless(row.facts[name]) for name in COLUMNS])
        file.flush()
        file.detach()
    return count


def _write_parquet(file: BinaryIO, rows: Iterator[Rejected]) -> int:
    """Write what is known of each row, some rows at a time, and return how many there are."""
    count = 0
    with pq.ParquetWriter(file, REJECTED, compression="zstd") as writer:
        while facts := [row.facts for row in islice(rows, GROUP_ROWS)]:
            writer.write_table(pa.Table.from_pylist(facts, schema=REJECTED))
            count += len(facts)
    return count


@contextmanager
def _new(path: Path) -> Iterator[BinaryIO]:
    """Open a new file, which appears once it is complete."""
    if path.exists() or not path.parent.is_dir():
        why = "is there already" if path.exists() else "is in no folder that exists"
        raise typer.BadParameter(f"{path} {why}; name a new file")
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            yield file
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)


def _harmless(value: object) -> object:
    is_formula = isinstance(value, str) and value.startswith(FORMULA_STARTS)
    return f"'{value}" if is_formula else value


def _as_data(run: Run, replay: Run | None) -> dict[str, object]:
    return {
        "run_id": run.run_id,
        "table": run.table,
        "state": run.state,
        "rows_rejected": run.receipt.rows_rejected if run.receipt else None,
        "file": run.trigger_key,
        "reason": run.failure.message if run.failure else None,
        "replayed_by": replay.run_id if replay else None,
    }
