"""The cloud itself as the other end: its ledger, buckets and topics, by its own clients.

What only some commands need is imported by them: it takes most of a second.
"""

import json
import secrets
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared import settings
from shared.cli.ends import Amount
from shared.cli.watching import Whole
from shared.config.tables import TableConfig
from shared.core import costs, naming
from shared.core.audit import Seen
from shared.core.costs import Cost
from shared.core.dead_letters import DeadLetter, LetterState
from shared.core.drift import PastSchema
from shared.core.freshness import Freshness
from shared.core.modes import SyncMode
from shared.core.runs import Run
from shared.core.sweeps import SweepReport
from shared.core.windows import Span
from shared.operations import choosing, letters, lookups, promises, requests, sweeps
from shared.operations.requests import Ask
from shared.wire import to_json
from shared.wiring import Services

if TYPE_CHECKING:
    from shared.operations.describing import Described, Rows, Wanted
    from shared.steps.quarantined_rows import Rejected


class Direct:
    """Works with a cloud as its own services do. ``shared.cli.ends`` says what each call does."""

    poll_s = 0.2

    def __init__(self, services: Services) -> None:
        self._services = services

    def now(self) -> datetime:
        return self._services.now()

    def run(self, table: str, *, mode: SyncMode | None, allow_empty: bool) -> str:
        return requests.run(self._services, table, self.ask(), mode=mode, allow_empty=allow_empty)

    def backfill(self, table: str, span: Span) -> str:
        return requests.backfill(self._services, table, self.ask(), span)

    def cancel(self, run: Run) -> Run:
        return requests.cancel(self._services, run, settings.person())

    def replay(self, run: Run) -> None:
        from shared.steps.repairs import replays

        replays.replay(run, self._services, settings.person())

    def rewindable(self, table: str, to: str) -> Run:
        return requests.rewindable(self._services, table, to)

    def restorable(self, table: str, version: str) -> Run | None:
        return requests.restorable(self._services, table, version)

    def rewind(self, table: str, to: Run) -> str:
        return requests.go_back(self._services, table, self.ask(), to.run_id)

    def restore(self, table: str, to: Run | None) -> str:
        back_to = to.run_id if to else naming.NO_RUN
        return requests.go_back(self._services, table, self.ask(), back_to)

    def undone_by(self, chosen: Run) -> tuple[int, list[Run]]:
        return choosing.undone_by(chosen, self._services.ledger.runs(chosen.table))

    def find(self, table: str, run_id: str) -> Run | None:
        return self._services.ledger.find(table, run_id)

    def find_run(self, text: str) -> Run:
        return lookups.find_run(self._services, text, table=None)

    def newest(self, table: str | None, limit: int) -> tuple[list[Run], bool]:
        found = self._changed_last(self._services.ledger.runs(table))
        return found[:limit], len(found) > limit

    def amounts(self) -> Callable[[Run], Amount]:
        return Whole(self._services).of

    def names(self) -> Iterable[str]:
        return self._services.config.names()

    def is_of_files(self, table: str) -> bool:
        return self._services.config.get(table)[0].table.is_of_files

    def quarantined(self, table: str | None, limit: int) -> list[tuple[Run, Run | None]]:
        from shared.steps import quarantine, resending

        known = list(self._services.ledger.runs(table))
        again = resending.replays(known)
        found = self._changed_last(run for run in known if quarantine.holds_rows(run))
        return [(run, again.get(run.run_id)) for run in found[:limit]]

    def rejected_rows(self, run: Run) -> Iterator["Rejected"]:
        from shared.steps.quarantined_rows import rejected_rows

        return rejected_rows(run, self._services)

    def export(self, run: Run) -> Iterable[bytes]:
        from shared.steps import quarantine

        return quarantine.export(run, self._services)

    def send_again(self, run: Run, mended: bytes | None) -> str:
        from shared.operations import mending
        from shared.steps import resending

        if mended is not None:
            encoding = mending.encoding_of(run, self._services)
            mended = mending.written(mending.read(mended, encoding), encoding, table=run.table)
        return resending.replay(run, self._services, mended, by=settings.person())

    def letters(self, *states: LetterState) -> list[DeadLetter]:
        return list(self._services.dead_letters.letters(*states))

    def letter_data(self, letter: DeadLetter) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(to_json(letter))
        return data

    def replay_letter(self, letter: DeadLetter) -> LetterState:
        from shared.steps.repairs import dead_letters

        return dead_letters.replay(letter, self._services, settings.person())

    def drop_letter(self, letter: DeadLetter) -> None:
        letters.drop(letter, self._services, settings.person())

    def last_sweep(self) -> SweepReport | None:
        return sweeps.last(self._services)

    def ask_for_sweep(self) -> None:
        sweeps.ask(self._services)

    def costs(self, table: str | None, days: int) -> dict[str, Cost]:
        if table is None:
            from shared.operations import spending
            from shared.operations.history import History

            history = History(self._services.ledger, self.now)
            return spending.spending(history, self.now(), days=days).tables
        self._services.config.get(table)
        since = self.now() - timedelta(days=days)
        return costs.by_run(self._services.ledger.runs(table), since)

    def freshness(self, table: str | None, days: int) -> dict[str, Freshness]:
        names = [table] if table else self.names()
        return {name: found for name in names if (found := self._freshness(name, days))}

    def _freshness(self, name: str, days: int) -> Freshness | None:
        resolved, generation = self._services.config.get(name)
        entries = self._services.ledger.entries(name)
        return promises.kept(resolved, generation, entries, now=self.now(), days=days)

    def table(self, name: str) -> tuple[TableConfig, int]:
        resolved, generation = self._services.config.get(name)
        return resolved.table, generation

    def describe(self, table: str) -> "Described":
        from shared.operations import describing

        resolved, _ = self._services.config.get(table)
        return describing.describe(self._services, resolved)

    def schemas(self, table: str) -> tuple[PastSchema, ...]:
        from shared.operations import describing

        resolved, _ = self._services.config.get(table)
        return describing.schemas(self._services, resolved)

    def rows(self, table: str, wanted: "Wanted") -> Iterator["Rows"]:
        from shared.operations import describing

        resolved, _ = self._services.config.get(table)
        return describing.read_pages(self._services, resolved, wanted)

    def records(self, table: str) -> Iterable[Run]:
        return self._services.ledger.runs(table)

    def chains(self) -> list[str]:
        return self._services.audit.tables()

    def chain(self, table: str, limit: int | None = None) -> list[Seen]:
        return self._services.audit.chain(table, limit)

    def lineage(self, run: Run) -> list[bytes]:
        from shared.steps import lineage

        return lineage.events(run, self._services)

    def ask(self) -> Ask:
        """Return what makes a request one of a kind."""
        return Ask(request_id=secrets.token_hex(8), at=self.now(), by=settings.person())

    @staticmethod
    def _changed_last(runs: Iterable[Run]) -> list[Run]:
        return sorted(runs, key=lambda run: run.updated_at, reverse=True)
