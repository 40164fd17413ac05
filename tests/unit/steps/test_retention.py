"""Retention: what is older than its table keeps goes, and what anything may still need stays."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.core import naming
from shared.core.runs import Run, RunState
from shared.core.sweeps import SweepReport
from shared.steps.repairs import audit, retention
from shared.steps.repairs.sweeping import Sweep
from shared.storage import HOLD_NOTE
from tests.unit.steps.lake import Lake

OLD = timedelta(days=30)
KEPT = {"raw": "7d", "staged": "7d", "quarantined": "7d"}
OBJECTS: dict[str, Callable[[str], str]] = {
    "raw": lambda run_id: f"people/dt=2024-03-01/{run_id}/people.csv",
    "staging": lambda run_id: naming.part_object("people", run_id, "a", 0),
    "quarantine": lambda run_id: naming.rejects_object("people", run_id, "a"),
}


@pytest.fixture
def lake() -> Lake:
    return Lake()


def enforce(lake: Lake) -> SweepReport:
    """Do what the sweep does about retention, a day after the last time."""
    lake.now += timedelta(days=1)
    sweep = Sweep(lake.services)
    retention.enforce(sweep)
    return sweep.report()


def leave(lake: Lake, run: Run, age: timedelta = OLD) -> None:
    """Put an object of a run into each zone, as if so long ago."""
    for zone, name in OBJECTS.items():
        lake.put(zone, name(run.run_id), age=age)


def left(lake: Lake) -> set[str]:
    """Return the zones that still have an object of the table."""
    return {zone for zone in OBJECTS if lake.names(zone)}


def test_objects_of_ended_runs_are_deleted_once_they_are_older_than_the_table_keeps(
    lake: Lake,
) -> None:
    lake.configure(retention=KEPT)
    old, new = lake.run(RunState.COMMITTED, age=OLD), lake.run(RunState.COMMITTED)
    leave(lake, old)
    leave(lake, new, age=timedelta(0))

    report = enforce(lake)

    assert report.expired.count == len(OBJECTS)
    assert all(old.run_id in name for name in report.expired.names)
    assert all(lake.names(zone) == [name(new.run_id)] for zone, name in OBJECTS.items())


@pytest.mark.parametrize("zone", OBJECTS)
def test_each_zone_has_an_age_of_its_own(lake: Lake, zone: str) -> None:
    key = {"staging": "staged", "quarantine": "quarantined"}.get(zone, zone)
    lake.configure(retention={key: "7d"})
    leave(lake, lake.run(RunState.COMMITTED, age=OLD))

    enforce(lake)

    assert left(lake) == OBJECTS.keys() - {zone}


def test_without_retention_nothing_is_deleted_however_old(lake: Lake) -> None:
    lake.configure()
    leave(lake, lake.run(RunState.COMMITTED, age=OLD))

    assert enforce(lake).expired.count == 0
    assert left(lake) == OBJECTS.keys()


@pytest.mark.parametrize("state", [RunState.EXTRACTING, RunState.STAGED, RunState.LOADING])
def test_objects_of_a_run_that_has_not_ended_are_kept(lake: Lake, state: RunState) -> None:
    lake.configure(retention=KEPT)
    leave(lake, lake.run(state, age=OLD))

    assert enforce(lake).expired.count == 0
    assert left(lake) == OBJECTS.keys()


def test_objects_of_a_run_whose_record_is_long_gone_are_deleted(lake: Lake) -> None:
    lake.configure(retention=KEPT)
    for zone, name in OBJECTS.items():
        lake.put(zone, name("20230101T000000Z-0123456789ab"), age=OLD)

    assert enforce(lake).expired.count == len(OBJECTS)


def test_unloaded_files_are_deleted_with_the_parts(lake: Lake) -> None:
    lake.configure(retention={"staged": "7d"})
    run = lake.run(RunState.FAILED, age=OLD)
    lake.put("staging", f"{naming.unloaded_prefix('people', run.run_id, 'a')}0.parquet", age=OLD)

    assert enforce(lake).expired.count == 1
    assert not lake.names("staging", "unloaded/")


def test_plan_and_parts_are_kept_until_the_last_outcome_of_a_unit_is_old(lake: Lake) -> None:
    lake.configure(retention={"staged": "7d"})
    run = lake.run(RunState.FAILED, age=OLD)
    names = [
        naming.plan_object("people", run.run_id),
        naming.unit_object("people", run.run_id, "0"),
        naming.part_object("people", run.run_id, "a", 0),
    ]
    for name in names:
        lake.put("staging", name, age=OLD)
    younger = naming.unit_object("people", run.run_id, "1")
    lake.put("staging", younger, age=timedelta(days=5))

    assert enforce(lake).expired.count == 0
    assert lake.names("staging") == sorted([younger, *names])
    lake.now += timedelta(days=2)
    enforce(lake)
    assert not lake.names("staging")


def test_parts_are_kept_while_a_rewind_is_under_way_and_originals_go(lake: Lake) -> None:
    lake.configure(retention=KEPT)
    leave(lake, lake.run(RunState.COMMITTED, age=OLD))
    lake.run(RunState.STAGED, rewind_to="20240101T000000Z-0123456789ab")

    enforce(lake)

    assert left(lake) == {"staging"}


def test_parts_of_the_versions_of_a_reference_table_are_kept(lake: Lake) -> None:
    lake.configure(
        retention=KEPT,
        kind="reference",
        keep_versions=1,
        sync_mode="full",
        incremental_column=None,
    )
    runs = [lake.run(RunState.COMMITTED, age=OLD - timedelta(hours=n)) for n in range(3)]
    for run in runs:
        leave(lake, run)

    enforce(lake)

    kept = [naming.run_within(name) for name in lake.names("staging", "parts/")]
    assert kept == [run.run_id for run in runs[1:]]


def test_what_lies_in_no_run_s_folder_is_left_alone(lake: Lake) -> None:
    lake.configure(retention=KEPT)
    lake.put("raw", "people/readme.txt", age=OLD)

    assert enforce(lake).expired.count == 0


def test_legal_hold_keeps_everything_and_is_told_once(lake: Lake) -> None:
    lake.configure(retention=KEPT, legal_hold=True)
    leave(lake, lake.run(RunState.COMMITTED, age=OLD))

    first, second = enforce(lake), enforce(lake)

    assert (first.held.count, first.expired.count, first.held_tables) == (3, 0, ("people",))
    assert second.held.count == 0
    assert left(lake) == OBJECTS.keys()


def test_hold_that_was_lifted_is_taken_away_before_the_next_search_is_due(lake: Lake) -> None:
    lake.configure(legal_hold=True)
    leave(lake, lake.run(RunState.COMMITTED, age=OLD))
    enforce(lake)
    lake.configure(legal_hold=False, retention=KEPT)

    sweep = Sweep(lake.services)
    retention.enforce(sweep)

    report = sweep.report()
    assert (report.released.count, report.expired.count, report.held_tables) == (3, 3, ())


def test_hold_of_somebody_else_is_neither_taken_away_nor_run_into(lake: Lake) -> None:
    lake.configure(legal_hold=True)
    run = lake.run(RunState.COMMITTED, age=OLD)
    leave(lake, run)
    [theirs] = lake.storage.list("acme-raw", "")
    lake.storage.hold(theirs, "court order 7")
    enforce(lake)
    lake.configure(legal_hold=False, retention=KEPT)

    report = enforce(lake)

    assert not report.problems
    [kept] = lake.storage.list("acme-raw", "")
    assert (kept.is_held, kept.metadata[HOLD_NOTE]) == (True, "court order 7")
    assert left(lake) == {"raw"}


def test_table_that_is_not_configured_any_more_keeps_its_holds(lake: Lake) -> None:
    lake.configure(legal_hold=True)
    leave(lake, lake.run(RunState.COMMITTED, age=OLD))
    enforce(lake)
    lake.services.config.deploy([])

    report = enforce(lake)

    assert report.held_tables == ("people",)
    assert all(info.is_held for info in lake.storage.list("acme-raw", ""))


def test_what_expired_and_what_was_held_is_in_the_audit_log(lake: Lake) -> None:
    lake.configure(retention=KEPT)
    leave(lake, lake.run(RunState.COMMITTED, age=OLD))

    report = enforce(lake)
    audit.tell(Sweep(lake.services), report)

    [event] = [e for e in lake.events() if e.kind == "sweep.ended"]
    assert json.loads(event.detail)["expired"] == 3


def test_plans_and_units_go_with_the_parts_of_their_run(lake: Lake) -> None:
    lake.configure(retention=KEPT)
    old, opened = lake.run(RunState.FAILED, age=OLD), lake.run(RunState.EXTRACTING, age=OLD)
    for run in (old, opened):
        lake.put("staging", naming.plan_object("people", run.run_id), age=OLD)
        lake.put("staging", naming.unit_object("people", run.run_id, "0"), age=OLD)

    enforce(lake)

    assert {naming.run_within(name) for name in lake.names("staging")} == {opened.run_id}
    assert len(lake.names("staging")) == 2
