"""What a step's time goes into, kept while it works: a run's spans, before anybody sends them.

Outside of ``recorded`` nothing is kept, and asking costs a look at a context variable. Threads that
``shared.ahead`` starts are part of the piece of work that started them.
"""

import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from shared.core import otlp, traces
from shared.core.otlp import Fact, Timing
from shared.core.runs import Attempt, Run

T = TypeVar("T")

PREFIX = "sluice."
"""Of the names of facts, so that they meet no others."""

WHOLE = "run"
"""Name of a trace's first span."""


@dataclass(frozen=True, slots=True)
class Recording:
    """The timings of one delivery."""

    asked_by: Mapping[str, str]
    """Attributes of the message."""
    share: float
    """Of all runs, 0 to 1; a run is recorded by all functions or by none."""
    timings: list[Timing] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a trace the work is just now: in this piece of it, which has not ended yet."""

    recording: Recording
    piece: Timing

    def below(self, name: str) -> "_Place":
        """Begin a piece of this one."""
        now_ns = time.time_ns()
        piece = Timing(
            trace_id=self.piece.trace_id,
            span_id=secrets.token_hex(traces.SPAN_DIGITS // 2),
            parent_id=self.piece.span_id,
            name=name,
            started_ns=now_ns,
            ended_ns=now_ns,
        )
        return _Place(self.recording, piece)

    def end(self, facts: Mapping[str, Fact], error: str) -> None:
        """Keep the piece, which ends now."""
        ended = replace(self.piece, ended_ns=time.time_ns(), facts=_named(facts), error=error)
        self.recording.timings.append(ended)


_recording: ContextVar[Recording | None] = ContextVar("recording", default=None)
_place: ContextVar[_Place | None] = ContextVar("place", default=None)


@contextmanager
def recorded(asked_by: Mapping[str, str], share: float) -> Iterator[Recording]:
    """Keep the timings of what is done inside."""
    recording = Recording(asked_by, share)
    token = _recording.set(recording)
    try:
        yield recording
    finally:
        _recording.reset(token)


@contextmanager
def of_attempt(run: Run, attempt: Attempt) -> Iterator[dict[str, Fact]]:
    """Time an attempt; the dictionary takes more facts until it ends."""
    facts: dict[str, Fact] = {"table": run.table, "run_id": run.run_id, "step": attempt.step}
    recording = _recording.get()
    if recording is None or not traces.is_sampled(run.run_id, recording.share):
        yield facts
        return
    started_ns = _nanoseconds(attempt.started_at)
    piece = Timing(
        trace_id=traces.trace_id(run.run_id),
        span_id=traces.span_id(attempt.id),
        parent_id=traces.asker(recording.asked_by, run.run_id),
        name=attempt.step.partition(" ")[0],
        started_ns=started_ns,
        ended_ns=started_ns,
        kind=otlp.CONSUMER,
    )
    with _inside(_Place(recording, piece), facts):
        yield facts


@contextmanager
def timed(name: str, **facts: Fact) -> Iterator[dict[str, Fact]]:
    """Time a piece of an attempt; the dictionary takes more facts until it ends."""
    here = _place.get()
    if here is None:
        yield facts
        return
    with _inside(here.below(name), facts):
        yield facts


def drawn(name: str, items: Iterable[T]) -> Iterator[T]:
    """Pass items on, and time them from the first to the last as one piece of what takes them.

    Whoever takes them works in between: ``waited_s`` is the time in which the items were waited
    for.
    """
    return iter(items) if _place.get() is None else _timed_each(name, iter(items))


def record_run(run: Run) -> None:
    """Keep the whole of a run that has ended, and its waits."""
    recording = _recording.get()
    if recording is None or not traces.is_sampled(run.run_id, recording.share):
        return
    trace_id, root_id = traces.trace_id(run.run_id), traces.span_id(run.run_id)
    spans = list(traces.spans(run))
    started_at = min((span.started_at for span in spans), default=run.created_at)
    facts: dict[str, Fact] = {
        "table": run.table,
        "run_id": run.run_id,
        "trigger": str(run.trigger),
        "state": str(run.state),
        "attempts": run.attempt_count,
    }
    root = Timing(
        trace_id=trace_id,
        span_id=root_id,
        parent_id="",
        name=WHOLE,
        started_ns=_nanoseconds(started_at),
        ended_ns=_nanoseconds(run.updated_at),
        facts=_named(facts),
        error=run.failure.error if run.failure else "",
    )
    waits = (
        Timing(
            trace_id=trace_id,
            span_id=span.span_id,
            parent_id=root_id,
            name=span.name,
            started_ns=_nanoseconds(span.started_at),
            ended_ns=_nanoseconds(span.ended_at),
        )
        for span in spans
        if span.is_wait
    )
    recording.timings.extend((root, *waits))


@contextmanager
def _inside(place: _Place, facts: Mapping[str, Fact]) -> Iterator[None]:
    """Work at a place, and end its piece with the facts that are known then."""
    token, error = _place.set(place), ""
    try:
        yield
    except BaseException as exc:
        error = type(exc).__name__
        raise
    finally:
        _place.reset(token)
        place.end(facts, error)


def _timed_each(name: str, items: Iterator[T]) -> Iterator[T]:
    here = _place.get()
    drawing = here.below(name) if here else None
    waited_s, number, error = 0.0, 0, ""
    try:
        while True:
            begun_s = time.monotonic()
            try:
                item = next(items)
            except StopIteration:
                return
            finally:
                waited_s += time.monotonic() - begun_s
            number += 1
            yield item
    except Exception as exc:
        error = type(exc).__name__
        raise
    finally:
        if drawing:
            drawing.end({"batches": number, "waited_s": round(waited_s, 6)}, error)


def _named(facts: Mapping[str, Fact]) -> dict[str, Fact]:
    return {f"{PREFIX}{name}": value for name, value in facts.items()}


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000) * 1_000
