"""A run's trace: one id wherever the run is spoken of, and spans that cover its time."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core import traces
from shared.core.runs import Attempt, RunState
from tests.builders import AT, RUN_ID, a_run


def an_attempt(id_: str, step: str, begun_s: float, took_s: float | None, **more: Any) -> Attempt:
    begun = AT + timedelta(seconds=begun_s)
    ended = None if took_s is None else begun + timedelta(seconds=took_s)
    return Attempt(id=id_, step=step, started_at=begun, ended_at=ended, **more)


@given(run_id=st.text(), by=st.text())
def test_context_is_one_of_version_00_and_belongs_to_the_run(run_id: str, by: str) -> None:
    context = traces.attributes(run_id, by)[traces.ATTRIBUTE]

    version, trace, span, flags = context.split("-")
    assert (version, flags, trace) == ("00", "01", traces.trace_id(run_id))
    assert (len(trace), len(span)) == (32, 16)
    assert traces.parent({traces.ATTRIBUTE: context}) == span


@pytest.mark.parametrize("text", ["", "00", "00-xyz-abc-01", "00-" + "a" * 32 + "-" + "b" * 15])
def test_context_of_somebody_who_writes_it_otherwise_is_none(text: str) -> None:
    assert traces.parent({traces.ATTRIBUTE: text}) == ""
    assert traces.parent({}) == ""


def test_attempts_and_the_waits_between_them_cover_the_time_of_a_run() -> None:
    run = a_run(
        created_at=AT,
        updated_at=AT + timedelta(seconds=9),
        state=RunState.COMMITTED,
        attempts=(
            an_attempt("b", "load", 5, 3, outcome="committed"),
            an_attempt("a", "extract", 1, 2, outcome="staged"),
        ),
    )

    found = [
        (s.name, (s.started_at - AT).seconds, (s.ended_at - AT).seconds, s.is_wait)
        for s in traces.spans(run)
    ]

    assert found == [
        ("wait for extract", 0, 1, True),
        ("extract", 1, 3, False),
        ("wait for load", 3, 5, True),
        ("load", 5, 8, False),
        ("wait for the end", 8, 9, True),
    ]


def test_attempt_that_goes_on_lasts_as_long_as_the_record_knows() -> None:
    run = a_run(
        created_at=AT,
        updated_at=AT + timedelta(seconds=4),
        state=RunState.EXTRACTING,
        attempts=(an_attempt("a", "extract", 0, None),),
    )

    (span,) = traces.spans(run)

    assert (span.outcome, (span.ended_at - AT).seconds) == ("under way", 4)
    assert list(traces.spans(a_run(run_id=RUN_ID, created_at=AT, updated_at=AT))) == []


@pytest.mark.parametrize(
    ("waited_s", "told_s"),
    [(5.25, 5.25), (1.9, 0), (7200, 0), (-3600, 0)],
    ids=["seconds", "less than an id can tell", "a slot long ago", "a clock that was moved on"],
)
def test_wait_since_the_trigger_is_told_where_it_is_known(waited_s: float, told_s: float) -> None:
    created_at = AT + timedelta(seconds=waited_s)
    attempt = an_attempt("a", "extract", waited_s, 1)

    first, *_ = traces.spans(a_run(created_at=created_at, attempts=(attempt,)))

    assert (first.ended_at - first.started_at).total_seconds() == (told_s or 1)
    assert first.is_wait is bool(told_s)
