"""What people watch: how far runs are, what tables cost, promises that are kept, who did what."""

import json
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.core import costs, naming
from shared.core.access import Role
from shared.core.audit import Event
from shared.core.plans import Unit
from shared.core.runs import RunState, StepStats
from tests.builders import a_manifest, a_plan, a_receipt, an_attempt
from tests.unit.api.test_reading import a_past_run, pages
from tests.unit.api.world import NOW, TIMEOUT_S, World

STEPS = {"extract": StepStats(duration_s=2.0, rows=9, bytes=50, peak_mib=1.0, source_s=1.5)}


def now(lines: Iterator[bytes]) -> Any:
    """Return what runs, as the next event of a stream says."""
    data = next(line for line in lines if line.startswith(b"data: "))
    return json.loads(data.removeprefix(b"data: "))["running"]


def test_every_change_of_a_run_is_told_to_those_who_watch(world: World) -> None:
    run = world.record(a_past_run(timedelta(minutes=2), state=RunState.EXTRACTING))
    request = urllib.request.Request(
        f"http://127.0.0.1:{world.port}/api/v1/runs/live",
        headers={"X-API-Key": world.keys[Role.READ]},
    )

    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as stream:
        first = now(stream)
        world.services.ledger.change(
            run.table, run.run_id, lambda r: replace(r, state=RunState.STAGED)
        )
        second = now(stream)

    assert [(r["state"], r["progress"]["share"]) for r in first] == [("extracting", None)]
    assert [(r["state"], r["progress"]["share"]) for r in second] == [("staged", 1.0)]


def test_progress_is_in_units_where_a_run_was_cut(world: World) -> None:
    changes = {"attempts": (an_attempt(step="extract 0"),), "state": RunState.EXTRACTING}
    run = world.record(a_past_run(timedelta(minutes=2), **changes))
    manifest = a_manifest(run_id=run.run_id, parts=(), rows_source=0)
    world.services.manifests.create_plan(replace(a_plan(4), manifest=manifest))
    world.services.manifests.create_unit("flights", run.run_id, "0", Unit())

    found = world.call(f"/api/v1/runs/flights/{run.run_id}").data["progress"]

    assert found == {"units_planned": 4, "units_done": 1, "rows_expected": None, "share": 0.25}


@pytest.mark.parametrize(("rows", "share"), [(0, 0.0), (5, 0.5), (70, 0.99)])
def test_progress_is_in_rows_of_the_last_run_that_is_like_it(
    world: World, rows: int, share: float
) -> None:
    world.record(a_past_run(timedelta(hours=2), receipt=a_receipt()))
    run = a_past_run(timedelta(minutes=2), state=RunState.EXTRACTING, progress_rows=rows)
    world.record(run)

    found = world.call(f"/api/v1/runs/flights/{run.run_id}").data["progress"]

    assert (found["rows_expected"], found["share"]) == (10, share)


def test_costs_are_those_of_the_records_the_dearest_table_first(world: World) -> None:
    dear = [a_past_run(timedelta(hours=n), "dear", steps=STEPS) for n in (1, 2)]
    cheap = a_past_run(timedelta(hours=3), "cheap", steps=STEPS)
    for run in (*dear, cheap, a_past_run(timedelta(days=9), "old", steps=STEPS)):
        world.record(run)

    found = world.call("/api/v1/costs?days=7").data

    assert [(t["table"], t["runs"]) for t in found["tables"]] == [("dear", 2), ("cheap", 1)]
    assert found["total"]["total_usd"] == pytest.approx(3 * costs.of(cheap).total_usd)
    assert found["is_complete"] is True


def test_runs_that_an_earlier_release_wrote_are_counted_from_their_records(world: World) -> None:
    run = world.record(a_past_run(timedelta(hours=1), steps=STEPS, receipt=a_receipt()))
    (info,) = world.storage.list("acme-state", "ledger/runs/")
    content = world.storage.read("acme-state", info.name)
    assert content
    listed = {name: text for name, text in info.metadata.items() if name != "tally"}
    world.clock[0] = run.updated_at
    world.storage.put("acme-state", info.name, content[0], info.generation, listed)
    world.clock[0] = NOW

    found = world.call("/api/v1/runs/statistics?number=2").data["stretches"][0]

    assert (found["rows_loaded"], found["bytes_staged"], found["worked_s"]) == (9, 50, 2.0)


def test_a_promise_is_told_with_how_well_it_was_kept(world: World) -> None:
    promise = {"max_age": "2h", "objective_percent": 90}
    world.configure("kept", schedule="hourly", freshness=promise)
    world.configure("unpromised")
    for hours in range(1, 11):
        if hours != 5:
            world.record(a_past_run(timedelta(hours=hours), "kept"))

    found = world.call("/api/v1/tables/kept").data
    other = world.call("/api/v1/tables/unpromised").data

    assert (found["max_age_s"], found["objective_percent"]) == (7200, 90)
    assert found["kept"]["is_kept"] is False  # nothing moved before: it was known for two months
    assert found["kept"]["max_age_s"] == 7200
    assert (other["max_age_s"], other["kept"]) == (None, None)


def test_the_audit_trail_comes_in_pages_the_newest_first_each_chained_to_the_next(
    world: World,
) -> None:
    for number in range(7):
        world.services.audit.append(
            Event(table="flights", event_id=f"e/{number}", kind="a.b", at=NOW, by="ann")
        )

    found = pages(world, "/api/v1/admin/audit/flights?limit=3")

    events = [event for page in found for event in page]
    assert [len(page) for page in found] == [3, 3, 1]
    assert [event["sequence"] for event in events] == [7, 6, 5, 4, 3, 2, 1]
    assert [e["previous"] for e in events] == [*(e["sha256"] for e in events[1:]), ""]
    assert world.call("/api/v1/admin/audit").data["items"] == [{"table": "flights"}]
    assert world.call("/api/v1/admin/audit/flights?cursor=WzBd").status == 400


def test_a_damaged_event_does_not_end_the_audit_trail(world: World) -> None:
    for number in range(5):
        world.services.audit.append(
            Event(table="flights", event_id=f"e/{number}", kind="a.b", at=NOW, by="ann")
        )
    bucket, name = world.services.settings.bucket("audit"), naming.audit_object("flights", 4)
    damaged = world.storage.info(bucket, name)
    assert damaged
    world.storage.put(bucket, name, b"{}", damaged.generation, damaged.metadata)

    found = pages(world, "/api/v1/admin/audit/flights?limit=2")

    assert [[event["sequence"] for event in page] for page in found] == [[5], [3, 2], [1]]
