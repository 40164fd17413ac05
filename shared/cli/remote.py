"""The API as the other end: the same words, carried out by the function ``api``.

Whoever has a key or an ID token needs no rights in the cloud itself.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from shared.cli import answers
from shared.cli.calling import PAGE_ITEMS, Caller
from shared.cli.ends import Amount
from shared.config.tables import TableConfig
from shared.core import costs, naming
from shared.core.audit import Seen
from shared.core.costs import Cost
from shared.core.dead_letters import DeadLetter, LetterState
from shared.core.drift import PastSchema
from shared.core.freshness import Freshness
from shared.core.modes import SyncMode
from shared.core.runs import Run, RunState
from shared.core.sweeps import SweepReport
from shared.core.windows import Span
from shared.operations import choosing
from shared.settings import ApiAccess
from shared.wire import from_json, to_json

if TYPE_CHECKING:
    from shared.operations.describing import Described, Rows, Wanted
    from shared.steps.quarantined_rows import Rejected

LETTER_FIELDS = ("data", "attributes")
"""What the API does not show of a dead letter: the message itself."""


class Remote:
    """Works with a cloud through its API. ``shared.cli.ends`` says what each call does."""

    poll_s = 1.0

    def __init__(self, access: ApiAccess) -> None:
        self._api = Caller(access)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def run(self, table: str, *, mode: SyncMode | None, allow_empty: bool) -> str:
        return self._asked("run", table=table, mode=mode, allow_empty=allow_empty)

    def backfill(self, table: str, span: Span) -> str:
        return self._asked("backfill", table=table, **{"from": span.first, "to": span.last})

    def cancel(self, run: Run) -> Run:
        self._asked("cancel", table=run.table, run_id=run.run_id)
        return self.find(run.table, run.run_id) or run

    def replay(self, run: Run) -> None:
        self._asked("replay", table=run.table, run_id=run.run_id)

    def rewindable(self, table: str, to: str) -> Run:
        self.table(table)
        chosen = self._beginning_with(to, table)
        choosing.require_committed(chosen)
        return chosen

    def restorable(self, table: str, version: str) -> Run | None:
        choosing.require_reference(self.table(table)[0])
        if version == naming.NO_RUN:
            return None
        if version:
            return self._beginning_with(version, table)
        committed = self._records(table=table, state=[RunState.COMMITTED])
        return choosing.last_but_one(committed, table)

    def rewind(self, table: str, to: Run) -> str:
        return self._asked("rewind", table=table, to=to.run_id)

    def restore(self, table: str, to: Run | None) -> str:
        return self._asked("restore", table=table, version=to.run_id if to else naming.NO_RUN)

    def undone_by(self, chosen: Run) -> tuple[int, list[Run]]:
        return choosing.undone_by(chosen, self._records(table=chosen.table))

    def find(self, table: str, run_id: str) -> Run | None:
        found = self._api.find(_path("runs", table, run_id, "record"), missing="unknown_run")
        return answers.run(found) if found else None

    def find_run(self, text: str) -> Run:
        return self._beginning_with(text, None)

    def newest(self, table: str | None, limit: int) -> tuple[list[Run], bool]:
        found = list(islice(self._records(table=table, limit=limit + 1), limit + 1))
        return sorted(found[:limit], key=_changed, reverse=True), len(found) > limit

    def amounts(self) -> Callable[[Run], Amount]:
        return self._amount

    def names(self) -> Iterable[str]:
        return [item["name"] for item in self._api.pages("tables")]

    def is_of_files(self, table: str) -> bool:
        return bool(self._api.get(_path("tables", table))["source"] == "csv")

    def quarantined(self, table: str | None, limit: int) -> list[tuple[Run, Run | None]]:
        items = list(islice(self._api.pages("quarantine", table=table, limit=limit), limit))
        found = [(self._there(i["table"], i["run_id"]), self._again(i)) for i in items]
        return sorted(found, key=lambda pair: pair[0].updated_at, reverse=True)

    def rejected_rows(self, run: Run) -> Iterator["Rejected"]:
        from shared.steps.quarantined_rows import Rejected

        path = _path("quarantine", run.table, run.run_id, "rows")
        for row in self._api.pages(path, missing="nothing_in_quarantine"):
            yield Rejected({name: value for name, value in row.items() if name != "cells"})

    def export(self, run: Run) -> Iterable[bytes]:
        return [self._api.content(_path("quarantine", run.table, run.run_id, "file"))]

    def send_again(self, run: Run, mended: bytes | None) -> str:
        from shared.operations import mending  # with all that reads CSV files

        path = _path("quarantine", run.table, run.run_id)
        text = None
        if mended is not None:
            encoding = self._api.get(path).get("encoding") or mending.DEFAULT
            text = mending.read(mended, encoding)
        return str(self._api.post(f"{path}/replay", {"mended": text})["run_id"])

    def letters(self, *states: LetterState) -> list[DeadLetter]:
        items = (i for s in states for i in self._api.pages("admin/dead-letters", state=s))
        found = (answers.letter(item) for item in items)
        return sorted(found, key=lambda letter: letter.letter_id)

    def letter_data(self, letter: DeadLetter) -> dict[str, Any]:
        data = json.loads(to_json(letter))
        return {name: value for name, value in data.items() if name not in LETTER_FIELDS}

    def replay_letter(self, letter: DeadLetter) -> LetterState:
        answer = self._api.post(_path("admin", "dead-letters", letter.letter_id, "replay"))
        return LetterState(answer["state"])

    def drop_letter(self, letter: DeadLetter) -> None:
        self._api.post(_path("admin", "dead-letters", letter.letter_id, "drop"))

    def last_sweep(self) -> SweepReport | None:
        found = self._api.find("admin/sweep", missing="no_sweep_yet")
        return from_json(SweepReport, found, naming.SWEEP_REPORT) if found else None

    def ask_for_sweep(self) -> None:
        self._api.post("admin/sweep")

    def costs(self, table: str | None, days: int) -> dict[str, Cost]:
        if table is None:
            found = self._api.get("costs", days=days)["tables"]
            return {t["table"]: Cost(**{n: t[n] for n in Cost.__slots__}) for t in found}
        self.table(table)
        since = self.now() - timedelta(days=days)
        return costs.by_run(self._records(table=table), since)

    def freshness(self, table: str | None, days: int) -> dict[str, Freshness]:
        now, names = self.now(), [table] if table else self.names()
        kept = {name: self._api.get(_path("tables", name), days=days)["kept"] for name in names}
        return {name: answers.freshness(each, now) for name, each in kept.items() if each}

    def table(self, name: str) -> tuple[TableConfig, int]:
        found = self._api.get(_path("tables", name))
        config = json.dumps(found["config"]).encode()
        return from_json(TableConfig, config, f"the API's {name}"), int(found["generation"])

    def describe(self, table: str) -> "Described":
        return answers.described(self._api.get(_path("metadata", table)))

    def schemas(self, table: str) -> tuple[PastSchema, ...]:
        return answers.described(self._api.get(_path("metadata", table), source="false")).past

    def rows(self, table: str, wanted: "Wanted") -> Iterator["Rows"]:
        path, left, cursor = _path("data", table), wanted.limit, None
        query = {"column": [*wanted.columns], "where": [*wanted.conditions]}
        while left:
            page = self._api.get(path, **query, limit=min(left, PAGE_ITEMS), cursor=cursor)
            cursor = page["next"]
            found = answers.rows(page)
            yield found
            left -= len(found.rows)
            if cursor is None:
                return

    def records(self, table: str) -> Iterable[Run]:
        return self._records(table=table)

    def chains(self) -> list[str]:
        return [item["table"] for item in self._api.pages("admin/audit")]

    def chain(self, table: str, limit: int | None = None) -> list[Seen]:
        pages = self._api.pages(_path("admin", "audit", table, "chain"), limit=limit or PAGE_ITEMS)
        return [answers.seen(item) for item in islice(pages, limit)][::-1]

    def lineage(self, run: Run) -> list[bytes]:
        found = self._api.get(_path("metadata", run.table, "lineage", run.run_id))
        return [text.encode() for text in found["events"]]

    def _asked(self, what: str, **body: Any) -> str:
        return str(self._api.post(f"pipeline/{what}", body)["run_id"])

    def _records(self, **query: Any) -> Iterator[Run]:
        """Yield the records of runs, those first that were triggered last."""
        pages = self._api.pages("runs/records", **query)
        return (answers.run(json.dumps(item).encode()) for item in pages)

    def _beginning_with(self, text: str, table: str | None) -> Run:
        """Return the run whose id begins so.

        Raises:
            InvalidMessageError: there is none, or more than one.
        """
        found = []
        for item in self._api.pages("runs", table=table):
            if item["run_id"].startswith(text):
                found.append(item)
            elif item["run_id"] < text:
                break  # ids begin with the time, and the newest come first
        item = choosing.the_one(found, text, table)
        return self._there(item["table"], item["run_id"])

    def _there(self, table: str, run_id: str) -> Run:
        return answers.run(self._api.content(_path("runs", table, run_id, "record")))

    def _again(self, item: dict[str, Any]) -> Run | None:
        """Return the run that sent rejected rows through once more."""
        again = item["replayed_by"]
        return self.find(item["table"], again) if again else None

    def _amount(self, run: Run) -> Amount:
        told = self._api.get(_path("runs", run.table, run.run_id))["progress"]
        if run.state is RunState.EXTRACTING and told["units_planned"]:
            return told["units_done"], told["units_planned"], "units"
        return run.progress_rows, None, "rows"


def _path(*parts: str) -> str:
    """Return a path of parts, none of which can lead to another call."""
    return "/".join(quote(part, safe="") for part in parts)


def _changed(run: Run) -> datetime:
    return run.updated_at
