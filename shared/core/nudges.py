"""Which runs the sweep asks to go on, how often, and by which request.

A quiet run is not terminal, nobody holds its lease, and nothing was written to it for a while. The
request that moves it on is harmless where it was not needed: every step finds what is done already.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from shared.core.messages import ExtractRequest, IngestRequest, LoadRequest, RefreshRequest
from shared.core.runs import Nudge, Run, RunState, Trigger


class Decision(StrEnum):
    """What the sweep does about a quiet run."""

    WAIT = "wait"
    """Its units get on, which its record does not show."""
    ASK = "ask"
    GIVE_UP = "give up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A message to publish: the topic by its short name, data and attributes."""

    topic: str
    data: bytes
    attributes: Mapping[str, str] = field(default_factory=dict)


def is_quiet(run: Run, at: datetime, grace_s: float) -> bool:
    """Say whether a run should have moved by now: no work on it, no sweep's note, for so long."""
    touched_at = max(run.updated_at, run.nudge.at) if run.nudge else run.updated_at
    is_over = run.is_terminal or run.is_held(at)
    return not is_over and at - touched_at >= timedelta(seconds=grace_s)


def decide(run: Run, progress: int, max_nudges: int) -> Decision:
    """Say what to do about a quiet run.

    Args:
        run: as its record says.
        progress: how many of its units are done now.
        max_nudges: how often it is asked without getting on, before it is given up.
    """
    if progress > (run.nudge.progress if run.nudge else 0):
        return Decision.WAIT
    asked = run.nudge.count if run.nudge else 0
    return Decision.GIVE_UP if asked >= max_nudges else Decision.ASK


def noted(run: Run, decision: Decision, progress: int, at: datetime) -> Nudge:
    """Return the note to leave on a run that is asked, or whose units get on."""
    asked = run.nudge.count if run.nudge else 0
    count = asked + 1 if decision is Decision.ASK else 0
    return Nudge(count=count, progress=progress, at=at)


def next_request(run: Run) -> Request:
    """Return the request that moves a run on from where it is."""
    if run.is_model:
        refresh = RefreshRequest(model=run.table, run_id=run.run_id)
        return Request(topic="load", data=refresh.encode())
    if run.state not in (RunState.REQUESTED, RunState.EXTRACTING):
        load = LoadRequest(table=run.table, run_id=run.run_id)
        return Request(topic="load", data=load.encode())
    if run.trigger is Trigger.FILE:
        ingest = IngestRequest.from_key(run.trigger_key)
        return Request(topic="ingest", data=b"", attributes=ingest.attributes())
    extract = ExtractRequest(table=run.table, run_id=run.run_id, published_at=run.created_at)
    return Request(topic="extract", data=extract.encode())
