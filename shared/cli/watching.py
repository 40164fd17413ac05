"""What a run does while somebody waits: a bar at a terminal, a line per state in a log."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from shared.core.runs import Run, RunState
from shared.wiring import Services

if TYPE_CHECKING:
    from shared.cli.ends import End

LOOK_S = 2.0
"""Manifest and units are looked at no more often: each look is a request."""

_LOADS = (RunState.STAGED, RunState.LOADING)


class Whole:
    """How much of a run is done: units of a large one, else rows once they are counted."""

    def __init__(self, services: Services, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._manifests, self._clock_s = services.manifests, clock_s
        self._looked_s = -LOOK_S
        self._rows: int | None = None
        self._units: tuple[int, int] | None = None

    def of(self, run: Run) -> tuple[int, int | None, str]:
        """Return what is done, out of how many, and of what; None: nobody has counted yet."""
        if self._clock_s() - self._looked_s >= LOOK_S:
            self._looked_s = self._clock_s()
            self._look(run)
        if run.state is RunState.EXTRACTING and self._units:
            return (*self._units, "units")
        return run.progress_rows, self._rows, "rows"

    def _look(self, run: Run) -> None:
        if run.state in _LOADS and self._rows is None:
            manifest = self._manifests.find(run.table, run.run_id)
            self._rows = manifest.rows_staged if manifest else None
        elif run.state is RunState.EXTRACTING and run.attempt_count:
            plan = self._manifests.find_plan(run.table, run.run_id)
            if plan:
                done = len(self._manifests.unit_names(run.table, run.run_id))
                self._units = (done, len(plan.slices))


def watch(
    end: "End", table: str, run_id: str, timeout_s: float, console: Console | None
) -> Run | None:
    """Wait for a run's end, showing what it does; return its record, or None if it never began.

    Args:
        end: where the run is.
        table: the run's table.
        run_id: the run; its record may not be there yet.
        timeout_s: how long to wait.
        console: where to show it; None: nowhere.
    """
    deadline_s = time.monotonic() + timeout_s
    amount, said = end.amounts(), ""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    is_live = console is not None and console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=not is_live) as progress:
        task = progress.add_task(f"{table}: requested", total=None)
        while True:
            found = end.find(table, run_id)
            if found and is_live:
                done, total, what = amount(found)
                text = f"{table}: {found.state}{_amount(done, total, what)}"
                progress.update(task, description=text, completed=done, total=total)
            elif found and console and not found.is_terminal and said != found.state:
                said = found.state
                console.print(f"{table}: {said}", markup=False)
            if (found and found.is_terminal) or time.monotonic() > deadline_s:
                return found
            time.sleep(end.poll_s)


def _amount(done: int, total: int | None, what: str) -> str:
    if total:
        return f", {done:,} of {total:,} {what}"
    return f", {done:,} {what}" if done else ""
