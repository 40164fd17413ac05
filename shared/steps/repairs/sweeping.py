"""One sweep under way: what it knows of all runs and tables, and what it has found so far."""

import time
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cached_property

from shared.config.store import Origin
from shared.config.tables import ResolvedTable
from shared.core import naming
from shared.core.audit import Head
from shared.core.dead_letters import DeadLetter, LetterState
from shared.core.sweeps import NAMED, Found, StaleTable, SweepReport
from shared.errors import ConflictError, IntegrityError, PermanentError, QuarantineError, told
from shared.ledger import Entry
from shared.storage import ABSENT, ObjectInfo
from shared.wire import from_json, to_json
from shared.wiring import Services


class Finds:
    """Things of one kind, counted; the first of them are named in the report."""

    def __init__(self) -> None:
        self.count = 0
        self.names: list[str] = []

    def add(self, name: str) -> None:
        """Count one more."""
        self.count += 1
        if len(self.names) < NAMED:
            self.names.append(name)

    def found(self) -> Found:
        """Return what the report says."""
        return Found(count=self.count, names=tuple(self.names))


class Sweep:
    """What the repairs share. Runs and tables are looked at once, when they are first needed."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.now = services.now()
        self._started_s = time.monotonic()
        self.problems: list[str] = []
        self._generation = ABSENT
        self.previous = self._read_report()
        self.nudged, self.given_up, self.asked = Finds(), Finds(), Finds()
        self.announced, self.strays = Finds(), Finds()
        self.dead_letters = Finds()
        self.deleted, self.dropped = Finds(), Finds()
        self.expired, self.held, self.released = Finds(), Finds(), Finds()
        self.told = Finds()
        self.heads: dict[str, Head] = {}
        self.stale: list[StaleTable] = []
        self.collected_at = self.previous.collected_at if self.previous else None
        self.audited_upto = self.previous.audited_upto if self.previous else None
        self.retained_at = self.previous.retained_at if self.previous else None
        self.held_tables = set(self.previous.held_tables) if self.previous else set()
        self.collected_upto = self.previous.collected_upto if self.previous else ""

    @cached_property
    def entries(self) -> dict[str, dict[str, Entry]]:
        """All runs by table and run id, in the order of their ids."""
        # Letters first: a replay brings the run back before it closes the letter, so whoever looks
        # in this order sees a run that is wanted as wanted, or as open.
        self.open_letters  # noqa: B018
        entries: dict[str, dict[str, Entry]] = defaultdict(dict)
        for entry in self.services.ledger.entries():
            entries[entry.table][entry.run_id] = entry
        return entries

    @cached_property
    def origins(self) -> dict[str, Origin]:
        """All tables that are configured, readable or not, with where they come from."""
        return self.services.config.origins()

    @property
    def table_names(self) -> list[str]:
        """The names of all tables that are configured, readable or not."""
        return list(self.origins)

    @cached_property
    def tables(self) -> dict[str, tuple[ResolvedTable, int]]:
        """All tables that are configured, with the generation of their configuration."""
        tables = {}
        for name in self.table_names:
            try:
                tables[name] = self.services.config.get(name)
            except (PermanentError, QuarantineError) as exc:
                self.note(f"configuration of {name}", exc)
        return tables

    @cached_property
    def open_letters(self) -> list[DeadLetter]:
        """The dead letters that wait for a decision, the oldest first."""
        return list(self.services.dead_letters.letters(LetterState.OPEN))

    @property
    def waiting(self) -> dict[tuple[str, str], DeadLetter]:
        """The open dead letters by table and run id."""
        return {(x.table, x.run_id): x for x in self.open_letters}

    def is_over(self) -> bool:
        """This delivery has had its time; the next sweep goes on."""
        return time.monotonic() - self._started_s > self.services.settings.budget_s

    def is_older(self, moment: datetime, age_s: float) -> bool:
        """Say whether a moment was so long ago when this sweep began."""
        return self.now - moment >= timedelta(seconds=age_s)

    def delete(self, info: ObjectInfo, finds: Finds) -> None:
        """Delete a generation of an object and count it; one that was written anew is left."""
        try:
            self.services.storage.delete(info.bucket, info.name, info.generation)
        except ConflictError:
            return
        finds.add(info.place)

    def note(self, what: str, exc: Exception) -> None:
        """Note what could not be looked after."""
        self.problems.append(f"{what}: {told(exc)}")

    def report(self) -> SweepReport:
        """Write down what was found and done, over what the sweep before wrote."""
        runs = (run for table in self.entries.values() for run in table.values())
        report = SweepReport(
            swept_at=self.now,
            duration_s=round(time.monotonic() - self._started_s, 3),
            open_runs=sum(not run.is_terminal for run in runs),
            nudged=self.nudged.found(),
            given_up=self.given_up.found(),
            asked=self.asked.found(),
            announced=self.announced.found(),
            strays=self.strays.found(),
            dead_letters=self.dead_letters.found(),
            stale=tuple(self.stale),
            deleted=self.deleted.found(),
            dropped=self.dropped.found(),
            problems=tuple(self.problems[:NAMED]),
            collected_at=self.collected_at,
            collected_upto=self.collected_upto,
            expired=self.expired.found(),
            held=self.held.found(),
            released=self.released.found(),
            held_tables=tuple(sorted(self.held_tables)),
            retained_at=self.retained_at,
            told=self.told.found(),
            heads=self.heads,
            audited_upto=self.audited_upto,
        )
        self._write_report(report)
        return report

    def _read_report(self) -> SweepReport | None:
        bucket = self.services.settings.bucket("state")
        found = self.services.storage.read(bucket, naming.SWEEP_REPORT)
        if found is None:
            return None
        self._generation = found[1]
        try:
            return from_json(SweepReport, found[0], naming.SWEEP_REPORT)
        except IntegrityError as exc:
            # Another release wrote it. It is a report only: the next one takes its place.
            self.note("the last report", exc)
            return None

    def _write_report(self, report: SweepReport) -> None:
        try:
            self.services.storage.write(
                self.services.settings.bucket("state"),
                naming.SWEEP_REPORT,
                to_json(report),
                generation=self._generation,
                content_type="application/json",
            )
        except ConflictError:
            return  # another sweep ended meanwhile, and its report is as good


Repair = Callable[[Sweep], None]
"""Looks after one thing."""
