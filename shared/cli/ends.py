"""The other end of the command line: a cloud's storage and topics, or its API; the same words.

A command that is here works at both. One that is not asks ``cloud.connect`` for services, which
says so where an API is named.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from shared import settings
from shared.cli import cloud
from shared.config.tables import TableConfig
from shared.core import naming
from shared.core.audit import Seen
from shared.core.costs import Cost
from shared.core.dead_letters import DeadLetter, LetterState
from shared.core.drift import PastSchema
from shared.core.freshness import Freshness
from shared.core.modes import SyncMode
from shared.core.runs import Run
from shared.core.sweeps import SweepReport
from shared.core.windows import Span
from shared.core.wording import meant
from shared.errors import UnknownTableError

if TYPE_CHECKING:
    from shared.operations.describing import Described, Rows, Wanted
    from shared.steps.quarantined_rows import Rejected

Amount = tuple[int, int | None, str]
"""What is done of a run, out of how many, and of what; None: nobody has counted yet."""


class End(Protocol):
    """What commands ask for, whoever answers. Whatever is refused raises a ``SluiceError``."""

    poll_s: float
    """How often something may be asked for while somebody waits for it."""

    def now(self) -> datetime:
        """Return the time."""

    def run(self, table: str, *, mode: SyncMode | None, allow_empty: bool) -> str:
        """Ask for a run; return its id."""

    def backfill(self, table: str, span: Span) -> str:
        """Ask for a part of a table to be read again; return the run's id."""

    def cancel(self, run: Run) -> Run:
        """Fail a run that has not ended; return its record."""

    def replay(self, run: Run) -> None:
        """Let a run go on from where it was."""

    def rewindable(self, table: str, to: str) -> Run:
        """Return the run that a table may go back to."""

    def restorable(self, table: str, version: str) -> Run | None:
        """Return the run whose version a reference table may go back to; None: before all."""

    def rewind(self, table: str, to: Run) -> str:
        """Ask for a table as it was after a run; return the id of the run that does it."""

    def restore(self, table: str, to: Run | None) -> str:
        """Ask for an earlier version of a reference table; return the run's id."""

    def undone_by(self, chosen: Run) -> tuple[int, list[Run]]:
        """Return how many runs going back undoes, and those that are under way."""

    def find(self, table: str, run_id: str) -> Run | None:
        """Return a run's record, if there is one yet."""

    def find_run(self, text: str) -> Run:
        """Return the run whose id begins so."""

    def newest(self, table: str | None, limit: int) -> tuple[list[Run], bool]:
        """Return the newest runs, the last changed first, and whether there are older ones."""

    def amounts(self) -> Callable[[Run], Amount]:
        """Return what tells how much of one run is done."""

    def names(self) -> Iterable[str]:
        """Return the names of the configured tables."""

    def is_of_files(self, table: str) -> bool:
        """Say whether a table is read from files."""

    def quarantined(self, table: str | None, limit: int) -> list[tuple[Run, Run | None]]:
        """Return the newest runs that rejected something, each with the run that sent it again."""

    def rejected_rows(self, run: Run) -> Iterator["Rejected"]:
        """Yield the rejected rows of a run."""

    def export(self, run: Run) -> Iterable[bytes]:
        """Return the rejected rows of a run as they were in the file, header included."""

    def send_again(self, run: Run, mended: bytes | None) -> str:
        """Send rejected rows through once more; return the new run's id."""

    def letters(self, *states: LetterState) -> list[DeadLetter]:
        """Return dead letters in some states, the oldest first."""

    def letter_data(self, letter: DeadLetter) -> dict[str, Any]:
        """Return a dead letter for programs, as far as it is shown."""

    def replay_letter(self, letter: DeadLetter) -> LetterState:
        """Ask once more for what a dead letter asked for; return what became of it."""

    def drop_letter(self, letter: DeadLetter) -> None:
        """Decide that a dead letter is not needed."""

    def last_sweep(self) -> SweepReport | None:
        """Return what the last sweep found and did."""

    def ask_for_sweep(self) -> None:
        """Ask for a sweep."""

    def costs(self, table: str | None, days: int) -> dict[str, Cost]:
        """Return what tables took, or the runs of one: those begun in the last days, and ended."""

    def freshness(self, table: str | None, days: int) -> dict[str, Freshness]:
        """Return how fresh tables were in the last days; those of which that is promised."""

    def table(self, name: str) -> tuple[TableConfig, int]:
        """Return a deployed table's configuration and its generation."""

    def describe(self, table: str) -> "Described":
        """Return what both ends say of a table."""

    def schemas(self, table: str) -> tuple[PastSchema, ...]:
        """Return the columns that a table has had, oldest first."""

    def rows(self, table: str, wanted: "Wanted") -> Iterator["Rows"]:
        """Yield pages of the rows in a table's target, until there are as many as wanted."""

    def records(self, table: str) -> Iterable[Run]:
        """Return the records of all runs of a table."""

    def chains(self) -> list[str]:
        """Return the names of all chains of the audit log."""

    def chain(self, table: str, limit: int | None = None) -> list[Seen]:
        """Return the events of a chain, or the newest so many, the oldest first."""

    def lineage(self, run: Run) -> list[bytes]:
        """Return the OpenLineage events of a run, as JSON."""


def connect() -> End:
    """Return the API that the environment names, else the cloud.

    Raises:
        InvalidConfigError: there is no cloud, or nothing shows the API who calls.
    """
    if access := settings.api_access():
        from shared.cli.remote import Remote

        return Remote(access)
    from shared.cli.direct import Direct

    return Direct(cloud.connect())


def require_known(end: End, table: str) -> None:
    """Make sure that a table of which there is nothing is at least a table.

    Raises:
        UnknownTableError: it is not configured.
    """
    known = tuple(end.names())
    if table not in (*known, naming.NO_TABLE):
        raise UnknownTableError(
            f"no table {table!r} is configured in this cloud, and none had runs; known: "
            f"{', '.join(known) or 'none'}{meant(table, known) or '.'} What was refused because "
            "nobody knew its table is listed by `sluice runs -`"
        )
