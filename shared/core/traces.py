"""A run's trace: one id from trigger to commit, derived from the run's own identity.

Whoever knows the run knows its trace: a schedule, a dropped file, a sweep and a replay hours later
are in it, although none of them can hand a context on. Messages carry it all the same, for others
who listen. Source: W3C, "Trace Context", version 00.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.core import naming
from shared.core.runs import Attempt, Run

ATTRIBUTE = "traceparent"
"""Name of the context among a message's attributes."""

_CONTEXT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-([0-9a-f]{16})-[0-9a-f]{2}")

TRACE_DIGITS, SPAN_DIGITS = 32, 16
"""Hexadecimal digits of the ids. All zeros would be invalid, and no digest is."""


LEAST_WAIT, LONGEST_WAIT = timedelta(seconds=2), timedelta(hours=1)
"""Between trigger and first record: what is shorter cannot be told from the second in an id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Something that took time: an attempt at a step, or the wait before it."""

    name: str
    span_id: str
    started_at: datetime
    ended_at: datetime
    outcome: str = ""
    is_wait: bool = False


def trace_id(run_id: str) -> str:
    """Return the trace of a run."""
    return hashlib.sha256(run_id.encode()).hexdigest()[:TRACE_DIGITS]


def span_id(name: str) -> str:
    """Return the span of an attempt by its id, or of the run itself by the run's."""
    return hashlib.sha256(f"span {name}".encode()).hexdigest()[:SPAN_DIGITS]


def attributes(run_id: str, by: str = "") -> dict[str, str]:
    """Return the attributes of a message about a run.

    Args:
        run_id: the run.
        by: id of the attempt that asks; empty: whoever triggered the run.
    """
    return {ATTRIBUTE: f"00-{trace_id(run_id)}-{span_id(by or run_id)}-01"}


def parent(attributes: Mapping[str, str]) -> str:
    """Return the span that asked for what a message asks for; "" where nobody said so."""
    match = _CONTEXT.fullmatch(attributes.get(ATTRIBUTE, ""))
    return match[1] if match else ""


def asker(attributes: Mapping[str, str], run_id: str) -> str:
    """Return the span that asked for what a message of a run asks for; without one, the run's own.

    A context of another trace belongs to somebody who asked for the message, not for the run.
    """
    text = attributes.get(ATTRIBUTE, "")
    is_ours = text[3:].startswith(trace_id(run_id))
    return (parent(attributes) if is_ours else "") or span_id(run_id)


def is_sampled(run_id: str, share: float) -> bool:
    """Say whether a run is among a share of all runs, 0 to 1: everywhere the same."""
    number = int(trace_id(run_id)[-SPAN_DIGITS:], 16)
    return number < share * 2.0**64


def facts(attempt: Attempt, ended_at: datetime, rows: int) -> dict[str, Any]:
    """Return what a log line says of an attempt's span: name, beginning, duration, rows."""
    return {
        "span": attempt.step,
        "started_at": attempt.started_at.isoformat(),
        "duration_s": round((ended_at - attempt.started_at).total_seconds(), 3),
        "rows": rows,
    }


def spans(run: Run) -> Iterator[Span]:
    """Yield what a run's time went into, in order: waits, and the attempts that are kept.

    Units of a large run have no attempts of their own in its record: they pass as a wait.
    """
    now = _triggered_at(run)
    for attempt in sorted(run.attempts, key=lambda each: each.started_at):
        if attempt.started_at > now:
            yield _wait(attempt.step, now, attempt.started_at)
        ended_at = attempt.ended_at or max(run.updated_at, attempt.started_at)
        yield Span(
            name=attempt.step,
            span_id=span_id(attempt.id),
            started_at=attempt.started_at,
            ended_at=ended_at,
            outcome=attempt.outcome or "under way",
        )
        now = max(now, ended_at)
    if run.is_terminal and run.updated_at > now:
        yield _wait("the end", now, run.updated_at)


def _triggered_at(run: Run) -> datetime:
    """Return when a run was triggered, as far as that is worth telling.

    Its id has the second. A slot may lie far back, or ahead on a clock that somebody moved on.
    """
    triggered_at = naming.run_time(run.run_id)
    waited = run.created_at - triggered_at
    return triggered_at if LEAST_WAIT <= waited <= LONGEST_WAIT else run.created_at


def _wait(before: str, started_at: datetime, ended_at: datetime) -> Span:
    return Span(
        name=f"wait for {before}",
        span_id=span_id(f"{started_at} {ended_at}"),
        started_at=started_at,
        ended_at=ended_at,
        is_wait=True,
    )
