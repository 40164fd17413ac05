"""What a case must not end in: the rows of both ends are compared, and the books with the rows."""

from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from typing import Protocol

from shared.core import naming
from shared.core.runs import Run, RunState
from shared.wiring import Services
from tests.crash.lanes import Lane, Rows


class Trouble(StrEnum):
    """What a case must not end in."""

    LOST = "lost"
    DUPLICATED = "duplicated"
    PARTIAL = "partial"
    STUCK = "stuck"
    """Every message was acknowledged or put aside, and the run is not done."""
    BOOKS = "with wrong books"
    """The run's record, the load records or the watermark tell something else than the rows."""


class Moved(Protocol):
    """A table that was moved, however."""

    lane: Lane
    table: str
    services: Services

    def source_rows(self) -> Rows:
        """Return what the target ought to hold."""

    def has_table(self) -> bool:
        """Say whether the target has the table."""

    def target_rows(self) -> Rows:
        """Return what the target holds."""

    def query(self, statement: str) -> Rows:
        """Run SQL in the target's database."""

    def state_row(self) -> Rows:
        """Return run, watermark and epoch of the table's state."""

    def has_strays(self) -> bool:
        """Say whether a staging table is where people look."""


def judge(moved: Moved, records_before: set[str]) -> dict[Trouble, str]:
    """Return what is wrong with a table and with the run that is not among earlier ones."""
    runs = _new_runs(moved, records_before)
    troubles: dict[Trouble, str] = {}
    if [r.state for r in runs if r.table != naming.NO_TABLE] != [RunState.COMMITTED]:
        told = [f"{r.state}: {r.failure or r.reason}" for r in runs]
        troubles[Trouble.STUCK] = f"the run is {told}"
        if not moved.has_table():
            return troubles
    source, target = Counter(moved.source_rows()), Counter(moved.target_rows())
    if missing := source - target:
        troubles[Trouble.LOST] = f"{missing.total()} rows, like {next(iter(missing))}"
    if surplus := target - source:
        troubles[Trouble.DUPLICATED] = f"{surplus.total()} rows, like {next(iter(surplus))}"
    if Trouble.STUCK not in troubles and (books := list(_wrong_books(moved, runs))):
        troubles[Trouble.BOOKS] = "; ".join(books)
    return troubles


def _wrong_books(moved: Moved, runs: list[Run]) -> Iterator[str]:
    strangers = [r for r in runs if r.table == naming.NO_TABLE]
    for run in strangers:
        yield f"a message is recorded as {run.state}: {run.failure}"
    run = next(r for r in runs if r.table != naming.NO_TABLE)
    if run.lease is not None:
        yield f"the run is still leased: {run.lease}"
    if run.receipt is None or not run.receipt.adds_up:
        yield f"the receipt does not add up: {run.receipt}"
    loads = moved.query(
        f"SELECT run_id, high FROM _sluice.loads WHERE table_name = '{moved.table}' "
        "ORDER BY committed_at"
    )
    state = moved.state_row()
    told, said = [loads[-1]], [row[:2] for row in state]
    if not moved.lane.moves_watermark:
        told, said = [(run_id, None) for run_id, _ in told], [(run_id, None) for run_id, _ in said]
    if told != said or loads[-1][0] != run.run_id:
        yield f"the newest load is {loads[-1]}, the state says {state}, the run is {run.run_id}"
    if len(loads) != state[0][2] or len(loads) != len({row[0] for row in loads}):
        yield f"{len(loads)} loads at epoch {state[0][2]}"
    if moved.has_strays():
        yield "a staging table among the tables of people"


def known_runs(moved: Moved) -> set[str]:
    """Return the names of the records of all runs of a table, and of messages that named none."""
    return {name for table in (moved.table, naming.NO_TABLE) for name in _run_names(moved, table)}


def _run_names(moved: Moved, table: str) -> Iterator[str]:
    storage, bucket = moved.services.storage, moved.services.settings.bucket("state")
    for info in storage.list(bucket, naming.runs_prefix(table)):
        yield info.name


def _new_runs(moved: Moved, before: set[str]) -> list[Run]:
    found = []
    for table in (moved.table, naming.NO_TABLE):
        for name in _run_names(moved, table):
            run_id = name.rpartition("/")[2].removesuffix(".json")
            run = None if name in before else moved.services.ledger.find(table, run_id)
            found += [run] if run else []
    return found
