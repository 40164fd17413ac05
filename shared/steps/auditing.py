"""What the audit log is told about runs: always from what is recorded, so never lost, never twice.

A run's record holds its milestones. Each is one event, whose id is its place among them. Whoever
writes a milestone down tells of it right afterwards; if it comes to nothing, the sweep does it.
"""

import json
from collections.abc import Iterator
from typing import Any

from shared import timings
from shared.core.audit import MAX_TEXT, Event
from shared.core.runs import REPLAYED, Milestone, Run, Trigger
from shared.steps import lineage
from shared.wire import to_json
from shared.wiring import Services

_ASKERS = {
    Trigger.SCHEDULE: "scheduler",
    Trigger.REQUEST: "unnamed request",
    Trigger.FILE: "file drop",
    Trigger.INPUT: "a model's input",
    Trigger.MESSAGE: "unreadable message",
}


def tell(run: Run, services: Services) -> None:
    """Tell of a run's newest milestone: the audit log, and the catalogue if there is one.

    What the audit log cannot be told now it is told by the sweep.
    """
    for event in list(events(run))[-1:]:
        services.audit.tell(event)
    if run.is_terminal:
        timings.record_run(run)
        lineage.tell(run, services)


def events(run: Run) -> Iterator[Event]:
    """Yield the events of all milestones of a run, the oldest first."""
    for number, milestone in enumerate(run.milestones):
        is_last = number == len(run.milestones) - 1
        yield _event(run, milestone, event_id(run.run_id, number), is_last=is_last)


def event_id(run_id: str, number: int) -> str:
    """Return the id of the event of a run's milestone."""
    return f"run/{run_id}/{number}"


def asker(run: Run) -> str:
    """Return who asked for a run."""
    return run.requested_by or _ASKERS[run.trigger]


def _event(run: Run, milestone: Milestone, event_id: str, *, is_last: bool) -> Event:
    receipt = run.receipt if is_last and milestone.state != REPLAYED else None
    return Event(
        table=run.table,
        event_id=event_id,
        kind=f"run.{milestone.state}",
        at=milestone.at,
        by=(milestone.by or asker(run))[:MAX_TEXT],
        run_id=run.run_id,
        action=_action(run),
        why=milestone.why[:MAX_TEXT],
        receipt=_one_line(to_json(receipt)) if receipt else "",
        detail=json.dumps(_detail(run, is_end=milestone.state != REPLAYED)),
    )


def _action(run: Run) -> str:
    if run.is_model:
        return "refresh"
    if run.rewind_to:
        return "rewind"
    return "backfill" if run.span else "load"


def _detail(run: Run, *, is_end: bool) -> dict[str, Any]:
    """Return how a run came about, and what it took."""
    given: dict[str, Any] = {
        "trigger": run.trigger,
        "trigger_key": run.trigger_key,
        "requested_by": asker(run),
        "mode": run.mode,
        "config_generation": run.config_generation,
        "started_at": run.created_at.isoformat(),
        "allow_empty": run.allow_empty or None,
        "span": str(run.span) if run.span else None,
        "rewind_to": run.rewind_to,
        "attempts": run.attempt_count if is_end else None,
        "manifest": run.manifest,
        "inputs": run.inputs or None,
    }
    return {key: value for key, value in given.items() if value is not None}


def _one_line(data: bytes) -> str:
    return json.dumps(json.loads(data), separators=(",", ":"))
