"""Nudges: which quiet run is asked to go on, how often, and by which request."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core import nudges
from shared.core.messages import ExtractRequest, IngestRequest, LoadRequest, decode_extract
from shared.core.nudges import Decision
from shared.core.runs import Lease, Nudge, Run, RunState, Trigger
from tests.builders import AT, a_delivery, a_run

GRACE_S = 600.0
LATER = AT + timedelta(seconds=GRACE_S)
JUST_BEFORE = LATER - timedelta(milliseconds=1)


def a_note(count: int = 0, progress: int = 0) -> Nudge:
    return Nudge(count=count, progress=progress, at=AT)


# Quiet --------------------------------------------------------------------------------------------


def test_run_is_quiet_once_nothing_was_written_for_so_long() -> None:
    assert nudges.is_quiet(a_run(), LATER, GRACE_S)
    assert not nudges.is_quiet(a_run(), JUST_BEFORE, GRACE_S)


def test_note_of_a_sweep_counts_as_written() -> None:
    run = a_run(updated_at=AT - timedelta(hours=1), nudge=a_note())

    assert nudges.is_quiet(run, LATER, GRACE_S)
    assert not nudges.is_quiet(run, JUST_BEFORE, GRACE_S)


def test_what_was_written_after_the_note_counts_more() -> None:
    run = a_run(updated_at=AT, nudge=Nudge(count=1, progress=0, at=AT - timedelta(hours=1)))

    assert not nudges.is_quiet(run, JUST_BEFORE, GRACE_S)


def test_run_that_somebody_works_on_is_not_quiet() -> None:
    held = a_run(lease=Lease(attempt="a", expires_at=LATER + timedelta(seconds=1)))
    abandoned = a_run(lease=Lease(attempt="a", expires_at=LATER))

    assert not nudges.is_quiet(held, LATER, GRACE_S)
    assert nudges.is_quiet(abandoned, LATER, GRACE_S)


@pytest.mark.parametrize("state", RunState)
def test_run_that_is_over_is_never_quiet(state: RunState) -> None:
    run = a_run(state=state)

    assert nudges.is_quiet(run, LATER, GRACE_S) is not run.is_terminal


# Verdicts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nudge", "progress", "decision"),
    [
        (None, 0, Decision.ASK),
        (None, 1, Decision.WAIT),
        (a_note(count=11), 0, Decision.ASK),
        (a_note(count=12), 0, Decision.GIVE_UP),
        (a_note(count=13), 0, Decision.GIVE_UP),
        (a_note(count=12, progress=3), 4, Decision.WAIT),
        (a_note(count=0, progress=3), 3, Decision.ASK),
        (a_note(count=0, progress=3), 2, Decision.ASK),
    ],
)
def test_run_is_asked_so_often_unless_it_gets_on(
    nudge: Nudge | None, progress: int, decision: Decision
) -> None:
    assert nudges.decide(a_run(nudge=nudge), progress, 12) is decision


@pytest.mark.parametrize(
    ("decision", "count"), [(Decision.ASK, 3), (Decision.WAIT, 0), (Decision.GIVE_UP, 0)]
)
def test_note_counts_the_asking_and_forgets_it_when_the_run_gets_on(
    decision: Decision, count: int
) -> None:
    note = nudges.noted(a_run(nudge=a_note(count=2)), decision, 7, LATER)

    assert note == Nudge(count=count, progress=7, at=LATER)


def test_first_note_counts_from_one() -> None:
    assert nudges.noted(a_run(), Decision.ASK, 0, LATER).count == 1


@given(st.lists(st.integers(0, 3), max_size=40), st.integers(1, 5))
def test_run_is_given_up_only_after_so_many_askings_in_a_row_without_progress(
    steps: list[int], max_nudges: int
) -> None:
    run, progress, in_vain = a_run(), 0, 0
    for step in steps:
        progress += step
        decision = nudges.decide(run, progress, max_nudges)
        in_vain = 0 if step else in_vain + 1
        assert decision is (
            Decision.WAIT if step else Decision.GIVE_UP if in_vain > max_nudges else Decision.ASK
        )
        if decision is Decision.GIVE_UP:
            break
        run = a_run(nudge=nudges.noted(run, decision, progress, AT))


# Requests -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [RunState.STAGED, RunState.LOADING])
@pytest.mark.parametrize("trigger", [Trigger.SCHEDULE, Trigger.FILE])
def test_staged_run_is_asked_to_load(state: RunState, trigger: Trigger) -> None:
    run = a_run(state=state, trigger=trigger)

    request = nudges.next_request(run)

    assert request.topic == "load"
    assert LoadRequest.decode(a_delivery(data=request.data)) == LoadRequest(
        table=run.table, run_id=run.run_id
    )


@pytest.mark.parametrize("state", [RunState.REQUESTED, RunState.EXTRACTING])
@pytest.mark.parametrize("trigger", [Trigger.SCHEDULE, Trigger.REQUEST])
def test_run_that_is_not_staged_is_asked_to_go_on_by_its_id(
    state: RunState, trigger: Trigger
) -> None:
    run = a_run(state=state, trigger=trigger, trigger_key="anything")

    request = nudges.next_request(run)

    decoded = decode_extract(a_delivery(data=request.data))
    assert request.topic == "extract"
    assert isinstance(decoded, ExtractRequest)
    assert (decoded.table, decoded.run_id, decoded.request_id) == (run.table, run.run_id, None)


@pytest.mark.parametrize("state", [RunState.REQUESTED, RunState.EXTRACTING])
def test_file_that_is_not_staged_is_announced_again(state: RunState) -> None:
    file = IngestRequest(bucket="b", name="flights/a#1.csv", generation=17)
    run: Run = a_run(state=state, trigger=Trigger.FILE, trigger_key=file.key)

    request = nudges.next_request(run)

    assert (request.topic, request.data) == ("ingest", b"")
    assert IngestRequest.decode(a_delivery(attributes=dict(request.attributes))) == file
