"""The demo's story: fill the source, let the Scheduler fire, change rows, fire again, drop a file.

Run as ``python -m local.demo --state DIR [--target NAME] [--keep]``. Ends with every run's receipt
and an independent comparison of source and target; exits 0 only if all of it adds up. For all
targets the story is told once each, in a cloud of its own.
"""

import argparse
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from local import deployment
from local.cli import tick_tables
from local.clients import connect_snowflake
from local.demo import compare, dataset, picture, place, targets
from local.supervisor import Background
from local.topology import FUNCTIONS
from shared.cli import cloud, render
from shared.config.tables import ResolvedTable
from shared.core.runs import Run, RunState
from shared.errors import InvalidConfigError, SluiceError
from shared.settings import Settings, adopt
from shared.wiring import Services

RUN_TIMEOUT_S = 120.0
POLL_S = 0.1

console = render.console


class Demo:
    """A local cloud with the data set in its source."""

    def __init__(self, described: dict[str, Any], folder: Path, kind: str) -> None:
        self._described = described
        self._folder = folder
        adopt(described["env"])
        self.services = Services.build(Settings.from_environment())
        self._configured = _configured(described)
        self._deploy(dataset.OWN)
        self.snowflake = connect_snowflake(self.services.secrets, described["snowflake"])
        self.target: targets.DemoTarget = targets.TARGETS[kind](described, self.services)

    def fill(self) -> None:
        """Put the data set into the source."""
        rows = dataset.seed(self.snowflake, self._described["snowflake"], self._folder)
        console.print(
            f"  {sum(rows.values()):,} rows in {len(rows)} tables of Snowflake's stand-in"
        )

    def change(self) -> None:
        """Let the source's owner change some rows."""
        for statement in dataset.CHANGES:
            self.snowflake.cursor().execute(statement)
        console.print("  1,000 flights changed, 500 came, some airports closed, airlines merged")

    def tick(self) -> None:
        """Move the Scheduler's clock to the next due moment and wait for the runs it causes."""
        known = {run.run_id for run in self.services.ledger.runs()}
        fired = tick_tables(self._described["control"])
        names = sorted({job["name"] for job in fired})
        console.print(f"  Scheduler fired {', '.join(names)}")
        self._await(lambda: self._new(known), len(fired))

    def drop(self) -> None:
        """Drop a file with some bad rows in the landing bucket and wait for its run."""
        known = {run.run_id for run in self.services.ledger.runs()}
        file = self._folder / "feedback.csv"
        dataset.write_feedback(file)
        bucket = self.services.settings.bucket("landing")
        name = "feedback/2013.csv"
        data = file.read_bytes()
        self.services.storage.write(bucket, name, data, generation=0, content_type="text/csv")
        console.print(f"  gs://{bucket}/{name}: {dataset.FEEDBACK_ROWS:,} rows, 4 of them bad")
        self._await(lambda: self._new(known), 1)

    def has_taken_file(self) -> bool:
        """Say whether the file's good rows are in the target, and its bad ones in quarantine."""
        expected = dataset.FEEDBACK_ROWS - dataset.FEEDBACK_BAD_ROWS
        loaded = self.target.count("feedback")
        rejected = [
            r.receipt.rows_rejected for r in self.runs() if r.receipt and r.steps.get("ingest")
        ]
        return bool(loaded == expected and rejected == [dataset.FEEDBACK_BAD_ROWS])

    def runs(self) -> list[Run]:
        """Return all runs, the oldest first."""
        return sorted(self.services.ledger.runs(), key=lambda r: r.created_at)

    def compare(self) -> bool:
        """Print source against target for every table; say whether all are the same."""
        shown = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("TABLE", "AT SOURCE", "IN TARGET", "EVERY ROW AND COLUMN"):
            shown.add_column(name, justify="left" if name[0] in "TE" else "right")
        results = []
        for table in dataset.TABLES:
            source, target, same = compare.same_rows(self.snowflake, self.target, table)
            results.append(same)
            verdict = "[green]the same[/]" if same else "[red]DIFFERENT[/]"
            shown.add_row(table.name, f"{source:,}", f"{target:,}", verdict)
        console.print(shown)
        return all(results)

    def close(self) -> None:
        """Close both connections; from now on all tables of the table files are deployed."""
        self._deploy(self._configured)
        self.snowflake.close()
        self.target.close()

    def _deploy(self, names: Collection[str]) -> None:
        tables = [table for name, table in self._configured.items() if name in names]
        deployment.deploy(self.services.config, self._described["control"], tables)

    def _new(self, known: set[str]) -> list[Run]:
        return [r for r in self.services.ledger.runs() if r.run_id not in known]

    def _await(self, find: Callable[[], list[Run]], expected: int) -> None:
        deadline_s = time.monotonic() + RUN_TIMEOUT_S
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task("waiting for the first function")
            while time.monotonic() < deadline_s:
                found = find()
                if len(found) >= expected and all(r.is_terminal for r in found):
                    return
                doing = [f"{r.table} {r.state}" for r in found if not r.is_terminal]
                progress.update(task, description=", ".join(doing) or "waiting")
                time.sleep(POLL_S)
        console.print(f"[red]some runs did not end within {RUN_TIMEOUT_S:g} s[/]")


def _configured(described: dict[str, Any]) -> dict[str, ResolvedTable]:
    """Return the tables of the table files, by name.

    Raises:
        InvalidConfigError: one of the demo's is not among them.
    """
    folder, environment = described["config"]["folder"], described["config"]["environment"]
    endpoints = deployment.Endpoints.of(described)
    tables = deployment.read(Path(folder), environment, endpoints)
    found = {each.table.name: each for each in tables}
    if lacking := sorted(dataset.OWN - found.keys()):
        raise InvalidConfigError(
            f"{folder} lacks tables of the demo: {', '.join(lacking)}. Put them back: "
            "`git diff config/tables.yaml` shows what was changed"
        )
    return found


def tell(demo: Demo) -> bool:
    """Run the story and say whether everything adds up."""
    console.rule("1  the source fills", align="left")
    demo.fill()
    console.rule("2  the Scheduler fires every table", align="left")
    demo.tick()
    console.rule("3  rows change, the Scheduler fires again", align="left")
    demo.change()
    demo.tick()
    console.rule("4  somebody drops a CSV", align="left")
    demo.drop()
    took_file = demo.has_taken_file()
    console.rule("receipts", align="left")
    runs = demo.runs()
    console.print(_receipts(runs))
    for run in runs:
        if run.receipt is None:
            console.print(f"  {run.table} {run.state}: {render.note(run)}", soft_wrap=True)
    for table, checked in {run.table: run.checks for run in runs if run.checks}.items():
        named = ", ".join(f"{each.name} {each.verdict}" for each in checked)
        render.plain(f"  checks of {table}: {named}", style="dim")
    console.print()
    console.print(_functions(runs))
    console.print()
    console.rule("is the target the source?", align="left")
    same = demo.compare()
    return same and took_file and all(_is_good(run) for run in runs)


def _is_good(run: Run) -> bool:
    if run.state is RunState.SKIPPED:
        return True
    return run.state is RunState.COMMITTED and run.receipt is not None and run.receipt.adds_up


def _receipts(runs: list[Run]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("TABLE", no_wrap=True)
    table.add_column("MODE", no_wrap=True)
    for name in ("SOURCE", "STAGED", "LOADED", "REJECTED", "S", "ROWS/S"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    for run in runs:
        receipt = run.receipt
        if receipt is None:
            mark = "[cyan]=[/]" if _is_good(run) else "[red]✗[/]"
            table.add_row(run.table, str(run.mode), *["-"] * 6, mark)
            continue
        counts = (
            receipt.rows_source,
            receipt.rows_staged,
            receipt.rows_loaded,
            receipt.rows_rejected,
        )
        seconds = sum(s.duration_s for s in run.steps.values())
        table.add_row(
            run.table,
            str(run.mode),
            *(f"{n:,}" for n in counts),
            f"{seconds:.2f}",
            f"{render.rows_per_second(run):,.0f}",
            "[green]✓[/]" if _is_good(run) else "[red]✗[/]",
        )
    return table


def _functions(runs: list[Run]) -> Table:
    """What each function cost: its runs, the rows it handled per second, its peak memory."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("FUNCTION")
    for name in ("RUNS", "ROWS", "S", "ROWS/S", "PEAK MIB"):
        table.add_column(name, justify="right")
    for function in FUNCTIONS:
        steps = [run.steps[function] for run in runs if function in run.steps]
        if not steps:
            continue
        rows, seconds = sum(s.rows for s in steps), sum(s.duration_s for s in steps)
        peak = max(s.peak_mib for s in steps)
        speed = rows / seconds if seconds else 0
        cells = (f"{len(steps)}", f"{rows:,}", f"{seconds:.2f}", f"{speed:,.0f}", f"{peak:.0f}")
        table.add_row(function, *cells)
    return table


def play(kind: str, given: argparse.Namespace) -> bool:
    """Start a cloud, tell the story with one target, and say whether everything adds up."""
    started_s = time.monotonic()
    config = targets.point(given.config, given.state, kind)
    place.clear(given.state)
    with console.status("starting the cloud"):
        background = Background.start(given.state, config, "local")
    console.print(
        f"the cloud is up after {time.monotonic() - started_s:.1f} s; "
        f"rows go to {targets.NAMES[kind]}"
    )
    try:
        demo = Demo(background.described, given.state, kind)
        is_good = tell(demo)
        demo.close()
    finally:
        if not given.keep:
            background.stop()
    elapsed_s = time.monotonic() - started_s
    console.print(
        f"[green]every receipt adds up[/] after {elapsed_s:.1f} s"
        if is_good
        else f"[red]something does not add up[/] after {elapsed_s:.1f} s"
    )
    return is_good


def show_page(state: Path) -> None:
    """Print where the status page is; the key in the link lets its reader do everything."""
    described = cloud.describe(state)
    render.plain("the status page of this cloud, with its key:")
    render.plain(f"  {described['api']}/#key={described['api_key']}")


def main() -> None:
    """Read the command line, run the demo, clean up."""
    parser = argparse.ArgumentParser(prog="python -m local.demo", description=__doc__)
    parser.add_argument("--state", type=Path, default=Path(".sluice/demo"))
    parser.add_argument("--config", type=Path, default=Path("config"))
    parser.add_argument("--target", choices=[*targets.TARGETS, "all"], default="postgres")
    parser.add_argument("--keep", action="store_true", help="leave the cloud up")
    parser.add_argument("--picture", type=Path, help="write what is said as an SVG")
    given = parser.parse_args()
    if given.keep and given.target == "all":
        parser.error("only one cloud can stay up: name one target")
    place.require_own(given.state)
    dataset.fetch()
    if given.picture:
        picture.record(console)
    kinds = list(targets.TARGETS) if given.target == "all" else [given.target]
    is_good = all(play(kind, given) for kind in kinds)
    if given.picture:
        picture.save(console, given.picture)
    if given.keep:
        show_page(given.state)
        render.plain("the cloud stays up; to look around in it, in this folder:")
        render.plain(f"  export SLUICE_STATE={given.state.resolve()} PATH=$PWD/.venv/bin:$PATH")
        render.plain("  sluice local status; sluice runs; sluice local down --delete")
    sys.exit(0 if is_good else 1)


if __name__ == "__main__":
    try:
        main()
    except SluiceError as exc:
        sys.exit(exc.message)
