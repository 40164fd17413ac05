"""Runs: an identity that repeats with its trigger, and states that change only legally."""

import dataclasses
from datetime import datetime, timedelta, timezone
from itertools import pairwise, product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core import naming, runs
from shared.core.runs import (
    KEPT_ATTEMPTS,
    REPLAYS,
    TERMINAL,
    TRANSITIONS,
    Failure,
    Lease,
    Milestone,
    Nudge,
    Run,
    RunState,
    StepStats,
    Trigger,
)
from shared.errors import IllegalTransitionError
from shared.wire import from_json, to_json
from tests.builders import AT, a_receipt, a_run, an_attempt
from tests.unit.core.drawn import MOMENTS

LEGAL = {
    "requested": "extracting skipped quarantined failed",
    "extracting": "staged skipped quarantined failed",
    "staged": "loading committed failed",
    "loading": "committed skipped superseded quarantined failed",
    "failed": "committed",
    "superseded": "committed",
    "quarantined": "committed",
    "committed": "",
    "skipped": "",
}
PAIRS = list(product(RunState, RunState))
STATES = st.sampled_from(RunState)
TRIGGERS = st.sampled_from(Trigger)


def is_legal(before: RunState, after: RunState) -> bool:
    return before is after or after in LEGAL[before].split()


# Identity -----------------------------------------------------------------------------------------


def test_run_id_is_the_same_for_ever() -> None:
    assert (
        runs.run_id("flights", Trigger.SCHEDULE, AT.isoformat(), AT)
        == "20240131T030000Z-e43a33c4120d"
    )


@given(st.text(), TRIGGERS, st.text(), MOMENTS)
def test_run_id_repeats_with_its_trigger(
    table: str, trigger: Trigger, key: str, at: datetime
) -> None:
    elsewhere = at.astimezone(timezone(timedelta(hours=-7)))

    assert runs.run_id(table, trigger, key, at) == runs.run_id(table, trigger, key, elsewhere)


@given(st.text(), TRIGGERS, st.text(), MOMENTS)
def test_run_id_has_the_form_that_names_are_built_from(
    table: str, trigger: Trigger, key: str, at: datetime
) -> None:
    assert naming.RUN_ID.fullmatch(runs.run_id(table, trigger, key, at))


@given(st.lists(st.tuples(MOMENTS, st.text()), min_size=2))
def test_run_ids_sort_by_time(triggers: list[tuple[datetime, str]]) -> None:
    triggers.sort(key=lambda t: t[0])

    ids = [runs.run_id("t", Trigger.REQUEST, key, at) for at, key in triggers]

    assert all(a[:16] <= b[:16] for a, b in pairwise(ids))


@pytest.mark.parametrize(
    ("table", "trigger", "key"),
    [
        ("flight", Trigger.SCHEDULE, "k"),
        ("flights", Trigger.REQUEST, "k"),
        ("flights", Trigger.SCHEDULE, "k2"),
    ],
)
def test_run_ids_of_other_triggers_at_the_same_time_differ(
    table: str, trigger: Trigger, key: str
) -> None:
    assert runs.run_id(table, trigger, key, AT) != runs.run_id("flights", Trigger.SCHEDULE, "k", AT)


# States -------------------------------------------------------------------------------------------


def test_every_state_has_its_transitions() -> None:
    assert set(TRANSITIONS) == set(RunState)


def test_terminal_states_lead_nowhere_but_to_what_the_target_committed() -> None:
    assert all(TRANSITIONS[state] <= {RunState.COMMITTED} for state in TERMINAL)
    assert all(TRANSITIONS[state] - {RunState.COMMITTED} for state in set(RunState) - TERMINAL)


@pytest.mark.parametrize(("before", "after"), [p for p in PAIRS if is_legal(*p)])
def test_legal_change_of_state_is_made(before: RunState, after: RunState) -> None:
    later = AT + timedelta(seconds=1)

    changed = a_run(state=before).to(after, later, reason="why")

    assert (changed.state, changed.updated_at, changed.reason) == (after, later, "why")


@pytest.mark.parametrize(("before", "after"), [p for p in PAIRS if not is_legal(*p)])
def test_illegal_change_of_state_is_refused_with_both_states(
    before: RunState, after: RunState
) -> None:
    run = a_run(state=before)

    with pytest.raises(IllegalTransitionError) as refused:
        run.to(after, AT)

    assert str(refused.value) == (
        f"run {run.run_id} of flights is {before} and cannot become {after}"
    )
    assert refused.value.facts == {"run_id": run.run_id}


@given(st.lists(STATES))
def test_no_path_leads_through_an_illegal_change(wanted: list[RunState]) -> None:
    run, path = a_run(), [RunState.REQUESTED]
    for state in wanted:
        try:
            run = run.to(state, AT)
        except IllegalTransitionError:
            continue
        path.append(run.state)

    assert all(is_legal(a, b) for a, b in pairwise(path))
    assert RunState.COMMITTED not in path or path[-1] is RunState.COMMITTED


@pytest.mark.parametrize("state", RunState)
def test_run_is_terminal_in_the_terminal_states_only(state: RunState) -> None:
    names = {"committed", "skipped", "quarantined", "failed", "superseded"}

    assert a_run(state=state).is_terminal == (state in names)


@pytest.mark.parametrize("state", TERMINAL)
def test_end_of_a_run_gives_its_lease_back(state: RunState) -> None:
    run = a_run(state=RunState.LOADING if state is not RunState.SKIPPED else RunState.EXTRACTING)
    run = dataclasses.replace(run, lease=Lease(attempt="a", expires_at=AT))

    assert run.to(state, AT).lease is None


def test_change_of_state_keeps_the_lease_while_the_run_goes_on() -> None:
    lease = Lease(attempt="a", expires_at=AT)

    assert a_run(state=RunState.EXTRACTING, lease=lease).to(RunState.STAGED, AT).lease == lease


def test_note_of_the_sweep_is_forgotten_when_the_run_moves_and_kept_when_it_does_not() -> None:
    run = a_run(state=RunState.EXTRACTING, nudge=Nudge(count=1, progress=0, at=AT))

    assert run.to(RunState.EXTRACTING, AT).nudge == run.nudge
    assert run.to(RunState.STAGED, AT).nudge is None


@pytest.mark.parametrize(
    ("manifest", "state"), [(None, RunState.EXTRACTING), ("m", RunState.STAGED)]
)
@pytest.mark.parametrize("ended", REPLAYS)
def test_replayed_run_goes_on_where_it_was_before_it_ended(
    ended: RunState, manifest: str | None, state: RunState
) -> None:
    later = AT + timedelta(hours=1)
    failed = a_run(
        state=ended,
        manifest=manifest,
        failure=Failure(error="X", message="m"),
        nudge=Nudge(count=12, progress=0, at=AT),
    )

    again = failed.again(later, "alice")

    assert again == a_run(
        state=state,
        manifest=manifest,
        updated_at=later,
        milestones=(Milestone(state="replayed", at=later, by="alice", why="X: m"),),
    )


@pytest.mark.parametrize(
    ("trigger", "state", "told"),
    [
        (Trigger.SCHEDULE, RunState.SKIPPED, []),
        (Trigger.FILE, RunState.SKIPPED, ["skipped"]),
        (Trigger.SCHEDULE, RunState.FAILED, ["failed"]),
    ],
)
def test_end_is_a_milestone_unless_there_was_nothing_to_move(
    trigger: Trigger, state: RunState, told: list[str]
) -> None:
    ended = a_run(trigger=trigger, state=RunState.EXTRACTING).to(state, AT)

    assert [m.state for m in ended.milestones] == told


def test_run_that_ends_twice_has_both_ends() -> None:
    failed = a_run(state=RunState.LOADING).to(RunState.FAILED, AT, by="sweep")
    committed = failed.to(RunState.COMMITTED, AT)

    assert [(m.state, m.by) for m in committed.milestones] == [
        ("failed", "sweep"),
        ("committed", ""),
    ]
    assert committed.to(RunState.COMMITTED, AT).milestones == committed.milestones


@pytest.mark.parametrize("state", sorted(set(RunState) - REPLAYS.keys()))
@pytest.mark.parametrize("manifest", [None, "m"])
def test_run_that_did_not_fail_is_not_replayed(state: RunState, manifest: str | None) -> None:
    with pytest.raises(IllegalTransitionError, match=f"is {state}; only one that failed or was"):
        a_run(state=state, manifest=manifest).again(AT)


# Attempts and leases ------------------------------------------------------------------------------


def test_beginning_an_attempt_takes_the_lease() -> None:
    run = a_run().begin(RunState.EXTRACTING, an_attempt("a"), 60.0)

    assert run.state is RunState.EXTRACTING
    assert run.lease == Lease(attempt="a", expires_at=AT + timedelta(seconds=60))
    assert run.attempts == (an_attempt("a"),)
    assert run.attempt_count == 1
    assert run.updated_at == AT


def test_lease_is_live_until_the_moment_it_expires() -> None:
    run = a_run().begin(RunState.EXTRACTING, an_attempt(), 60.0)

    assert run.is_held(AT + timedelta(seconds=59.999))
    assert not run.is_held(AT + timedelta(seconds=60))


def test_run_without_a_lease_is_not_held() -> None:
    assert not a_run().is_held(AT)


def test_ending_an_attempt_closes_it_and_gives_its_lease_back() -> None:
    later = AT + timedelta(seconds=5)
    run = a_run().begin(RunState.EXTRACTING, an_attempt("a"), 60.0)

    ended = run.end("a", later, "staged")

    assert ended.lease is None
    assert ended.attempts[0].ended_at == later
    assert ended.attempts[0].outcome == "staged"
    assert ended.updated_at == later
    assert ended.state is RunState.EXTRACTING


def test_ending_an_overtaken_attempt_leaves_the_others_lease() -> None:
    run = a_run().begin(RunState.EXTRACTING, an_attempt("a"), 60.0)
    run = run.begin(RunState.EXTRACTING, an_attempt("b"), 60.0)

    ended = run.end("a", AT, "too late")

    assert ended.lease
    assert ended.lease.attempt == "b"
    assert [a.outcome for a in ended.attempts] == ["too late", None]


def test_ending_twice_changes_nothing_more() -> None:
    once = a_run().begin(RunState.EXTRACTING, an_attempt("a"), 60.0).end("a", AT, "staged")

    assert once.end("a", AT, "staged") == once


@given(st.integers(0, 3 * KEPT_ATTEMPTS))
def test_newest_attempts_are_kept_and_all_are_counted(number: int) -> None:
    run = a_run(state=RunState.EXTRACTING)
    for i in range(number):
        run = run.begin(RunState.EXTRACTING, an_attempt(str(i)), 60.0)

    kept = [str(i) for i in range(number)][-KEPT_ATTEMPTS:]
    assert [a.id for a in run.attempts] == kept
    assert run.attempt_count == number


def test_attempt_at_a_finished_run_is_refused() -> None:
    with pytest.raises(IllegalTransitionError):
        a_run(state=RunState.COMMITTED).begin(RunState.LOADING, an_attempt(), 60.0)


# Receipts and records -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "adds_up"),
    [
        ({}, True),
        ({"rows_source": 11}, False),
        ({"rows_loaded": 8}, False),
        ({"rows_rejected": 0}, False),
        ({"rows_staged": 10, "rows_rejected": 0, "rows_loaded": 10}, True),
        ({"rows_source": 0, "rows_staged": 0, "rows_loaded": 0, "rows_rejected": 0}, True),
    ],
)
def test_receipt_adds_up_when_no_row_is_missing_anywhere(
    changes: dict[str, Any], *, adds_up: bool
) -> None:
    assert a_receipt(**changes).adds_up is adds_up


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9))
def test_receipt_of_lost_rows_never_adds_up(
    source: int, staged: int, loaded: int, bad: int
) -> None:
    receipt = a_receipt(
        rows_source=source, rows_staged=staged, rows_loaded=loaded, rows_rejected=bad
    )

    assert receipt.adds_up == (source - bad == staged == loaded)


def test_record_comes_back_from_json_as_it_was() -> None:
    run = a_run().begin(RunState.EXTRACTING, an_attempt("a"), 60.0).end("a", AT, "staged")
    run = run.to(RunState.STAGED, AT, manifest="m", config_generation=3)
    run = run.begin(RunState.LOADING, an_attempt("b", step="load"), 60.0)
    stats = {"load": StepStats(duration_s=1.5, rows=9, bytes=100, peak_mib=80.2)}
    failure = Failure(error="IntegrityError", message="m", facts={"rows": 1})
    run = run.to(RunState.LOADING, AT, receipt=a_receipt(), steps=stats, failure=failure)

    assert from_json(Run, to_json(run), "r") == run
