"""The run that somebody means, and whether a table can go back to it.

Both ends of the command line ask here with what they found, so nothing here reaches a service.
"""

from collections.abc import Collection, Iterable
from typing import TypeVar

from shared.config.tables import TableConfig
from shared.core import naming
from shared.core.runs import Run, RunState
from shared.errors import InvalidMessageError

T = TypeVar("T")


def the_one(found: Collection[T], text: str, table: str | None) -> T:
    """Return the only run whose id begins with a text, of a table or of all.

    Raises:
        InvalidMessageError: there is none, or more than one.
    """
    if len(found) != 1:
        place = f" of {table}" if table else ""
        number = f"{len(found)} runs{place} have" if found else f"no run{place} has"
        raise InvalidMessageError(
            f"{number} an id that begins with {text!r}; `sluice runs` lists them"
        )
    return next(iter(found))


def require_committed(run: Run) -> None:
    """Make sure that a table can go back to a run.

    Raises:
        InvalidMessageError: it never committed.
    """
    if run.state is not RunState.COMMITTED:
        raise InvalidMessageError(
            f"run {run.run_id} of {run.table} is {run.state}; a table goes back to a run that "
            "committed"
        )


def require_reference(config: TableConfig) -> None:
    """Make sure that a table's target keeps versions of it.

    Raises:
        InvalidMessageError: it is no reference table.
    """
    if not config.is_reference:
        raise InvalidMessageError(
            f"{config.name} is no reference table, so its target keeps no versions of it; `sluice "
            f"rewind {config.name} --to RUN` puts it back from staged parts"
        )


def last_but_one(runs: Iterable[Run], table: str) -> Run:
    """Return the committed run of a table before its last one.

    Raises:
        InvalidMessageError: there are not two of them.
    """
    committed = [run for run in runs if run.state is RunState.COMMITTED]
    committed.sort(key=lambda run: run.updated_at, reverse=True)
    if len(committed) < 2:
        raise InvalidMessageError(
            f"{table} was loaded once at most, so there is no earlier version to name; what was "
            f"there before is --version {naming.NO_RUN}"
        )
    return committed[1]


def undone_by(chosen: Run, runs: Iterable[Run]) -> tuple[int, list[Run]]:
    """Return how many runs of a table going back to one undoes, and those still under way."""
    others = [run for run in runs if run.run_id != chosen.run_id]
    later = [run for run in others if run.updated_at > chosen.updated_at]
    undone = sum(run.state is RunState.COMMITTED for run in later)
    return undone, [run for run in others if not run.is_terminal]
