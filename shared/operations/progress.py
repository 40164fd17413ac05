"""How far a run has come: units that are read, or rows beside those of the run before it."""

from dataclasses import dataclass

from shared.core.runs import Run, RunState
from shared.operations.history import History
from shared.wiring import Services

READING = (RunState.REQUESTED, RunState.EXTRACTING)

MOST = 0.99
"""A run that has not ended is not whole, however many rows there were the last time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run has come with the step that it is at."""

    units_planned: int | None = None
    """None: the run was not cut."""
    units_done: int = 0
    rows_expected: int | None = None
    """Rows of the table's last run that committed in the same mode; None: there is none."""
    share: float | None = None
    """Of the source that is read, 0 to 1; None: nobody can say."""


def progress(run: Run, services: Services, history: History) -> Progress:
    """Return how far a run has come."""
    planned, done = _units(run, services)
    if run.is_terminal:
        return Progress(units_planned=planned, units_done=done)
    expected = _expected(run, history)
    return Progress(
        units_planned=planned,
        units_done=done,
        rows_expected=expected,
        share=_share(run, planned, done, expected),
    )


def _share(run: Run, planned: int | None, done: int, expected: int | None) -> float | None:
    if run.state not in READING:
        return 1.0
    if planned:
        return done / planned
    return min(run.progress_rows / expected, MOST) if expected else None


def _units(run: Run, services: Services) -> tuple[int | None, int]:
    plan = services.manifests.find_plan(run.table, run.run_id) if _may_be_cut(run) else None
    if plan is None:
        return None, 0
    return len(plan.slices), len(services.manifests.unit_names(run.table, run.run_id))


def _may_be_cut(run: Run) -> bool:
    """Say whether a run has a plan: attempts of one say so in their step's name."""
    return any(" " in attempt.step for attempt in run.attempts) or run.attempt_count > 2


def _expected(run: Run, history: History) -> int | None:
    """Return the rows of the last run that is like this one; backfills and rewinds are like none.

    Windows of one table are about as large as each other: those of full loads are all of it.
    """
    if run.is_repair:
        return None
    entries = history.newest(1, tables=[run.table], states=[RunState.COMMITTED])
    for last in history.records(entries):
        if last.mode is run.mode and last.receipt:
            return last.receipt.rows_source
    return None
