"""What a sweep may remove: never what a manifest names, never what an unfinished run may use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core import naming, sweeps
from shared.core.runs import TERMINAL, RunState
from shared.core.sweeps import Found, SweepReport
from shared.wire import from_json, to_json
from tests.builders import AT, RUN_ID

PART = naming.part_object("flights", RUN_ID, "a", 0)
NAMES = st.sampled_from([PART, naming.unit_object("flights", RUN_ID, "0"), "plans/flights/x.json"])
STATES = st.none() | st.sampled_from(RunState)


@given(NAMES, STATES, st.booleans())
def test_part_that_the_manifest_names_is_kept_whatever_became_of_the_run(
    name: str, state: RunState | None, is_wanted: bool
) -> None:
    assert not sweeps.is_orphan(PART, state, frozenset({PART}), is_wanted=is_wanted)


@given(STATES, st.booleans())
def test_part_of_an_attempt_that_lost_is_an_orphan_once_there_is_a_manifest(
    state: RunState | None, is_wanted: bool
) -> None:
    assert sweeps.is_orphan(PART, state, frozenset({"parts/other"}), is_wanted=is_wanted)


@given(NAMES, st.sampled_from(sorted(set(RunState) - TERMINAL)))
def test_object_of_an_unfinished_run_without_a_manifest_is_kept(name: str, state: RunState) -> None:
    assert not sweeps.is_orphan(name, state, None, is_wanted=False)


@given(NAMES)
def test_object_of_an_unknown_run_proves_nothing_and_is_kept(name: str) -> None:
    assert not sweeps.is_orphan(name, None, None, is_wanted=False)


@given(NAMES, st.sampled_from(sorted(TERMINAL)))
def test_object_of_an_ended_run_is_an_orphan_unless_a_replay_may_need_it(
    name: str, state: RunState
) -> None:
    assert sweeps.is_orphan(name, state, None, is_wanted=False)
    assert not sweeps.is_orphan(name, state, None, is_wanted=True)


@pytest.mark.parametrize(
    "name", ["units/flights/r/0", "plans/flights/r.json", "unloaded/flights/r/a/data"]
)
def test_plan_of_a_committed_run_is_an_orphan_beside_its_manifest(name: str) -> None:
    assert sweeps.is_orphan(name, RunState.COMMITTED, frozenset({PART}), is_wanted=False)


def test_report_comes_back_from_json_as_it_was() -> None:
    some = Found(count=30, names=("flights/r",))
    report = SweepReport(
        swept_at=AT,
        duration_s=1.5,
        open_runs=2,
        nudged=some,
        given_up=Found(),
        announced=some,
        strays=Found(),
        dead_letters=Found(),
        stale=(sweeps.StaleTable(table="flights", due_since=AT, last_success=None),),
        deleted=some,
        dropped=Found(),
        problems=("the target of flights did not answer",),
        collected_at=None,
        collected_upto=PART,
    )

    assert from_json(SweepReport, to_json(report), "s") == report
