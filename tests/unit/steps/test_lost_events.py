"""Dropped files of which no event told: announced where a table takes them, else strays."""

from datetime import timedelta

import pytest

from shared.core.messages import IngestRequest
from shared.core.runs import Run, RunState, Trigger
from shared.core.sweeps import SweepReport
from shared.steps.repairs import lost_events
from shared.steps.repairs.sweeping import Sweep
from tests.unit.steps.lake import Lake

OLD = timedelta(minutes=10)
OF_FILES = {
    "snowflake": None,
    "csv": {},
    "sync_mode": "append",
    "incremental_column": None,
    "primary_key": None,
}


@pytest.fixture
def lake() -> Lake:
    """Return buckets of one table that is read from Snowflake, and one that takes files."""
    lake = Lake()
    lake.configure("aaa")
    lake.configure("zzz", **OF_FILES)
    return lake


def sweep(lake: Lake) -> SweepReport:
    found = Sweep(lake.services)
    lost_events.announce(found)
    return found.report()


def taken_in(lake: Lake, name: str) -> Run:
    [info] = lake.storage.list("acme-landing", name)
    request = IngestRequest(bucket=info.bucket, name=info.name, generation=info.generation)
    named = lost_events.file_run(request)
    assert named is not None
    return lake.run(
        RunState.COMMITTED,
        table=named[0],
        run_id=named[1],
        trigger=Trigger.FILE,
        trigger_key=request.key,
    )


def test_files_for_a_table_that_takes_none_are_strays_and_keep_no_others_waiting(
    lake: Lake,
) -> None:
    for number in range(lost_events.MAX_ANNOUNCED):
        lake.put("landing", f"aaa/{number:04}.csv", age=OLD)
    lake.put("landing", "zzz/lost.csv", age=OLD)

    report = sweep(lake)

    assert report.strays.count == lost_events.MAX_ANNOUNCED
    assert [name.partition("#")[0] for name in report.announced.names] == [
        "gs://acme-landing/zzz/lost.csv"
    ]


def test_file_that_was_taken_in_before_its_table_took_none_is_no_stray(lake: Lake) -> None:
    taken_in(lake, lake.put("landing", "zzz/known.csv", age=OLD))
    lake.configure("zzz")

    report = sweep(lake)

    assert (report.strays.count, report.announced.count) == (0, 0)
