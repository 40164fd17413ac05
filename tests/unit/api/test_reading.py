"""What readers get: runs page by page, one as it happens, tables as they stand, numbers, errors."""

import asyncio
import json
import re
import socket
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.exceptions import HTTPException

from shared.api import problems
from shared.api.guarding import HEADERS, MAX_BODY_BYTES, Call
from shared.api.paging import cursor_of
from shared.core import naming
from shared.core.access import Role
from shared.core.checks import Observed
from shared.core.runs import Failure, Run, RunState, StepStats, Trigger, run_id
from shared.core.windows import Span
from shared.settings import ApiSettings
from shared.steps.quarantined_rows import PIECE_BYTES
from shared.storage import ABSENT
from tests.builders import a_manifest, a_receipt, a_run, an_attempt
from tests.unit.api.world import NOW, World


def a_past_run(
    age: timedelta, table: str = "flights", state: RunState = RunState.COMMITTED, **changes: Any
) -> Run:
    """Return a run that began so long ago."""
    at = NOW - age
    key = at.isoformat()
    return a_run(
        run_id=run_id(table, Trigger.SCHEDULE, key, at),
        table=table,
        trigger_key=key,
        state=state,
        created_at=at,
        updated_at=at + timedelta(seconds=5),
        **changes,
    )


def pages(world: World, path: str) -> list[list[Any]]:
    """Return the items of all pages of a list."""
    found, cursor = [], ""
    while True:
        page = world.call(f"{path}{cursor}").data
        found.append(page["items"])
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


def rows_of(world: World, number: int) -> tuple[str, str]:
    """Let a run reject so many rows; return the call that lists them, and their object."""
    run = a_past_run(
        timedelta(hours=1), attempts=(an_attempt(),), receipt=a_receipt(rows_rejected=number)
    )
    world.record(run)
    name = naming.rejects_object(run.table, run.run_id, run.attempts[0].id)
    world.storage.put("acme-quarantine", name, lines_of(number), ABSENT)
    return f"/api/v1/quarantine/{run.table}/{run.run_id}/rows", name


def lines_of(number: int) -> bytes:
    """Return rejected rows of a table as they are kept."""
    lines = [
        {
            **dict.fromkeys(("file", "line", "byte_offset", "byte_count")),
            "column": "id",
            "raw": json.dumps({"id": str(at)}),
            "is_truncated": False,
            "rule": "unique",
            "reason": "it is there twice",
        }
        for at in range(number)
    ]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def test_rejected_rows_of_a_table_have_no_place_in_a_file_and_come_in_pages(world: World) -> None:
    path, _ = rows_of(world, 3)

    found = pages(world, f"{path}?limit=2")

    assert [[row["raw"] for row in page] for page in found] == [
        ['{"id": "0"}', '{"id": "1"}'],
        ['{"id": "2"}'],
    ]
    assert {row["line"] for page in found for row in page} == {None}


def test_pages_of_rejected_rows_read_each_row_once_however_many_came_before(world: World) -> None:
    path, _ = rows_of(world, 6_000)

    found = pages(world, f"{path}?limit=500")

    assert [json.loads(r["raw"])["id"] for page in found for r in page] == [
        str(number) for number in range(6_000)
    ]
    assert len(found) == world.storage.streams == 12
    # One page reads the pieces that hold its rows: at most one piece more than their bytes.
    spare = len(found) * 2 * PIECE_BYTES
    assert world.storage.streamed_bytes <= len(lines_of(6_000)) + spare
    assert world.storage.streamed_bytes < len(lines_of(6_000)) * len(found) / 3


def test_a_page_of_rejected_rows_goes_on_in_the_next_object(world: World) -> None:
    run = a_past_run(timedelta(hours=1), receipt=a_receipt(rows_rejected=4))
    world.record(run)
    names = tuple(f"{run.table}/{run.run_id}/{unit}/rejects.ndjson" for unit in "abc")
    for name in (names[0], names[2]):  # the unit between them rejected nothing
        world.storage.put("acme-quarantine", name, lines_of(2), ABSENT)
    observed = Observed(rejects=names)
    world.services.manifests.create(a_manifest(run_id=run.run_id, observed=observed))

    found = pages(world, f"/api/v1/quarantine/{run.table}/{run.run_id}/rows?limit=2")

    assert [len(page) for page in found] == [2, 2]


@pytest.mark.parametrize(
    ("name", "generation", "offset", "refused"),
    [
        ("", 0, 3, (400, "invalid_cursor")),
        ("", 0, -1, (400, "invalid_cursor")),
        ("", 0, 10**9, (400, "invalid_cursor")),
        ("", 1, 0, (409, "rows_replaced")),
        ("weather/elsewhere", 0, 0, (409, "rows_replaced")),
    ],
)
def test_a_cursor_of_rejected_rows_leads_to_no_other_bytes(
    world: World, name: str, generation: int, offset: int, refused: tuple[int, str]
) -> None:
    path, kept = rows_of(world, 3)
    found = world.storage.info("acme-quarantine", kept)
    assert found
    cursor = cursor_of(name or kept, found.generation + generation, offset)

    reply = world.call(f"{path}?cursor={cursor}")

    assert (reply.status, reply.data["code"]) == refused


def test_rejected_rows_that_a_purge_rewrote_are_listed_anew(world: World) -> None:
    path, name = rows_of(world, 3)
    following = world.call(f"{path}?limit=1").data["next"]
    before = world.storage.info("acme-quarantine", name)
    assert before
    world.storage.put("acme-quarantine", name, lines_of(2), before.generation)

    reply = world.call(f"{path}?limit=1&cursor={following}")

    assert (reply.status, reply.data["code"]) == (409, "rows_replaced")
    assert len(pages(world, f"{path}?limit=1")) == 2


def test_pages_hold_every_run_once_the_newest_first(world: World) -> None:
    ages = [timedelta(hours=3 * n) for n in range(12)] + [timedelta(days=n) for n in (5, 40, 800)]
    runs = [world.record(a_past_run(age, table)) for age in ages for table in ("a", "b")]

    found = pages(world, "/api/v1/runs?limit=7")

    ids = [(run["run_id"], run["table"]) for page in found for run in page]
    assert ids == sorted(((r.run_id, r.table) for r in runs), reverse=True)
    assert [len(page) for page in found] == [7, 7, 7, 7, 2]


def test_runs_are_chosen_by_table_and_state(world: World) -> None:
    failed = Failure(error="SourceRefusedError", message="no such table")
    world.record(a_past_run(timedelta(hours=1), "a"))
    world.record(a_past_run(timedelta(days=20), "a", RunState.FAILED, failure=failed))
    world.record(a_past_run(timedelta(hours=2), "b", RunState.FAILED, failure=failed))

    (found,) = world.call("/api/v1/runs?table=a&state=failed&state=quarantined").data["items"]

    assert (found["table"], found["state"]) == ("a", "failed")
    assert found["failure"]["error"] == "SourceRefusedError"


@pytest.mark.parametrize("cursor", ["x", "bm8", "WzFd", "WyJhIiwiYiJd", "%00", "a" * 4000])
def test_a_cursor_of_nobody_is_refused(world: World, cursor: str) -> None:
    reply = world.call(f"/api/v1/runs?cursor={cursor}")

    assert (reply.status, reply.data["code"]) == (400, "invalid_cursor")


def test_one_run_is_told_with_its_timeline_and_receipt(world: World) -> None:
    run = a_past_run(
        timedelta(hours=1),
        receipt=a_receipt(),
        attempts=(an_attempt(at=NOW - timedelta(minutes=59)),),
        attempt_count=1,
        steps={"extract": StepStats(duration_s=2.5, rows=10, bytes=99, peak_mib=1.0)},
    )
    world.record(run)

    found = world.call(f"/api/v1/runs/flights/{run.run_id}").data

    assert [moment["what"] for moment in found["timeline"]] == ["triggered", "ended", "attempt"]
    assert found["receipt"]["adds_up"] is True
    assert (found["bytes_staged"], found["worked_s"]) == (99, 2.5)
    assert found["progress"]["share"] is None
    assert found["cost"]["total_usd"] > 0


def test_a_run_that_is_not_there_is_a_problem_with_advice(world: World) -> None:
    reply = world.call("/api/v1/runs/flights/20240131T030000Z-0123456789ab")

    assert reply.status == 404
    assert reply.data["code"] == "unknown_run"
    assert reply.data["type"].endswith("#unknown-run")


def test_a_run_is_followed_to_its_end(world: World) -> None:
    run = world.record(a_past_run(timedelta(0), state=RunState.LOADING))
    path = f"/api/v1/runs/flights/{run.run_id}/events"
    world.services.ledger.change(
        "flights", run.run_id, lambda r: r.to(RunState.COMMITTED, NOW, receipt=a_receipt())
    )

    reply = world.call(path)

    assert reply.headers["content-type"].startswith("text/event-stream")
    events = re.findall(r"^event: (\w+)$", reply.body.decode(), re.MULTILINE)
    assert events == ["run", "end"]


def test_statistics_count_what_ended_in_each_hour(world: World) -> None:
    step = {"extract": StepStats(duration_s=2.0, rows=9, bytes=50, peak_mib=1.0)}
    for minutes in (5, 10, 70):
        world.record(a_past_run(timedelta(minutes=minutes), receipt=a_receipt(), steps=step))
    world.record(a_past_run(timedelta(minutes=75), state=RunState.FAILED))
    world.record(a_past_run(timedelta(hours=30), receipt=a_receipt()))

    found = world.call("/api/v1/runs/statistics?number=3").data

    counts = [(s["runs"], s["failed"], s["rows_loaded"]) for s in found["stretches"]]
    assert counts == [(0, 0, 0), (2, 1, 9), (2, 0, 18)]
    assert found["stretches"][-1]["bytes_staged"] == 100


def test_tables_are_listed_as_they_stand(world: World) -> None:
    world.configure("late", schedule="hourly")
    world.configure("fresh", schedule="hourly")
    world.configure("asked")
    world.record(a_past_run(timedelta(minutes=20), "fresh"))
    world.record(a_past_run(timedelta(hours=9), "late", receipt=a_receipt()))
    world.storage.history.clear()

    found = world.call("/api/v1/tables").data["items"]

    assert {t["name"]: t["freshness"] for t in found} == {
        "asked": "unscheduled",
        "fresh": "fresh",
        "late": "late",
    }
    assert found[2]["last_run"]["rows_loaded"] == 9


@pytest.mark.parametrize(("minutes", "freshness"), [(50, "waiting"), (70, "late")])
def test_a_table_without_a_success_is_late_once_it_is_older_than_promised(
    world: World, minutes: int, freshness: str
) -> None:
    world.found_at(NOW - timedelta(minutes=minutes))
    world.configure(freshness={"max_age": "1h"}, schedule="hourly")
    world.record(a_past_run(timedelta(minutes=minutes), state=RunState.FAILED))

    found = world.call("/api/v1/tables/flights").data

    assert (found["freshness"], found["kept"]["last_success"]) == (freshness, None)


def test_backfills_in_a_row_do_not_hide_the_success_before_them(world: World) -> None:
    world.configure(freshness={"max_age": "6h"}, schedule="hourly")
    moved = a_past_run(timedelta(hours=1))
    world.record(moved)
    for minutes in range(10, 60, 5):
        world.record(
            replace(a_past_run(timedelta(minutes=minutes)), span=Span(first="1", last="2"))
        )

    found = world.call("/api/v1/tables/flights").data

    assert found["freshness"] == "fresh"
    assert found["kept"]["last_success"] == f"{moved.updated_at:%Y-%m-%dT%H:%M:%SZ}"


def test_last_run_of_a_table_is_the_one_that_changed_last(world: World) -> None:
    world.configure()
    last = a_past_run(timedelta(minutes=10))
    ahead = replace(a_past_run(timedelta(hours=-9)), updated_at=NOW - timedelta(hours=1))
    for run in (last, ahead):
        world.record(run)

    listed = world.call("/api/v1/runs").data["items"]
    shown = world.call("/api/v1/tables/flights").data["last_run"]

    assert [run["run_id"] for run in listed] == [ahead.run_id, last.run_id]
    assert shown["run_id"] == last.run_id


def test_tables_come_in_pages_by_name(world: World) -> None:
    for name in ("c", "a", "e", "b", "d"):
        world.configure(name)

    found = pages(world, "/api/v1/tables?limit=2")

    assert [[table["name"] for table in page] for page in found] == [["a", "b"], ["c", "d"], ["e"]]


def test_one_table_has_its_configuration_and_the_etag_of_its_generation(world: World) -> None:
    world.configure(primary_key=["id"])

    reply = world.call("/api/v1/tables/flights")

    assert reply.headers["etag"] == f'"{reply.data["generation"]}"'
    assert reply.data["config"]["primary_key"] == ["id"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("runs?tabel=flights", "known: cursor, limit, state, table; did you mean table?"),
        ("runs/live?table=flights", "known: none"),
        ("data/flights?colum=id", "known: column, cursor, limit, where; did you mean column?"),
    ],
)
def test_an_unknown_query_parameter_is_refused(world: World, path: str, said: str) -> None:
    reply = world.call(f"/api/v1/{path}")

    assert (reply.status, reply.data["code"]) == (422, "invalid_request")
    assert reply.data["detail"].endswith(said)


def test_a_body_without_its_kind_is_told_the_header(world: World) -> None:
    body = b'{"table": "flights"}'

    reply = world.post("/api/v1/pipeline/run", body, content_type="text/plain")

    assert reply.status == 422
    assert "Content-Type: application/json" in reply.data["detail"]


def test_an_unknown_table_is_a_problem_that_names_the_known_ones(world: World) -> None:
    world.configure("flights")

    reply = world.call("/api/v1/tables/fligths")

    assert (reply.status, reply.data["code"]) == (404, "unknown_table")
    assert "known: flights; did you mean flights?" in reply.data["detail"]
    assert reply.data["type"] == "docs/runbook.md#unknowntableerror"
    assert reply.data["instance"] == "/api/v1/tables/fligths"


def test_numbers_are_in_the_form_that_prometheus_reads(world: World) -> None:
    world.configure("late", schedule="hourly")
    world.record(a_past_run(timedelta(hours=9), "late"))

    reply = world.call("/metrics")

    lines = [line for line in reply.body.decode().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r'[a-z_]+(\{[a-z]+="\w+"\})? [0-9.e+]+', line) for line in lines)
    assert 'sluice_table_late{table="late"} 1' in lines
    assert 'sluice_runs_last_day{state="committed"} 1' in lines


def test_health_asks_nobody_and_readiness_the_cloud(world: World) -> None:
    assert world.call("/health", None).data == {"status": "ok", "version": "1.2.3"}
    ready = world.call("/ready", None)
    world.secrets.versions.clear()
    world.context.callers.__init__(world.context.callers._secrets)  # type: ignore[misc]
    unready = world.call("/ready", None)

    assert (ready.status, unready.status) == (200, 503)
    assert unready.data["checks"] == {"storage": True, "access": False}


@pytest.mark.parametrize("path", ["/", "/health", "/api/v1/runs", "/api/v1/nowhere", "/page/none"])
def test_every_answer_has_the_security_headers(world: World, path: str) -> None:
    reply = world.call(path, None)

    assert {name: reply.headers[name] for name in HEADERS} == HEADERS
    assert "unsafe" not in reply.headers["content-security-policy"]
    assert "access-control-allow-origin" not in reply.headers


def test_other_origins_may_call_where_they_are_named_and_nowhere_else(world: World) -> None:
    named = World.start(ApiSettings(origins=("https://intranet.example.com",)))
    asked = {"origin": "https://intranet.example.com", "access_control_request_method": "GET"}

    open_, closed = (
        each.call("/api/v1/runs", None, method="OPTIONS", **asked) for each in (named, world)
    )
    other = named.call("/health", None, origin="https://elsewhere.example.com")
    named.stop()

    assert open_.headers["access-control-allow-origin"] == asked["origin"]
    assert "access-control-allow-origin" not in closed.headers
    assert "access-control-allow-origin" not in other.headers


def test_a_body_without_end_is_cut_off(world: World) -> None:
    head = f"POST /api/v1/runs HTTP/1.1\r\nHost: a\r\nContent-Length: {MAX_BODY_BYTES + 1}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", world.port), timeout=10) as connection:
        connection.sendall(head.encode())
        answer = connection.recv(65_536)

    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_body_that_does_not_say_how_long_it_is_is_cut_off_too() -> None:
    async def endless() -> dict[str, Any]:
        return {"type": "http.request", "body": b"a" * 2**20, "more_body": True}

    async def nowhere(message: Any) -> None:
        raise AssertionError(message)

    async def read_all() -> None:
        call = Call({"type": "http", "method": "POST", "headers": []}, endless, nowhere)
        while (await call.receive())["more_body"]:
            continue

    with pytest.raises(HTTPException) as refused:
        asyncio.run(read_all())

    assert refused.value.status_code == 413


def test_a_failure_that_nobody_foresaw_is_a_problem_without_its_secrets(world: World) -> None:
    world.context.history.newest = None  # type: ignore[assignment,method-assign]

    reply = world.call("/api/v1/runs", Role.READ)

    assert (reply.status, reply.data["code"]) == (500, "unforeseen")
    assert b"NoneType" not in reply.body
    assert reply.headers["x-content-type-options"] == "nosniff"


def test_every_refusal_has_a_heading_in_the_runbook() -> None:
    runbook = Path("docs/runbook.md").read_text().lower()
    code = "".join(p.read_text() for p in Path("shared/api").rglob("*.py"))
    codes = set(re.findall(r'HTTPStatus\.\w+,\s*"([a-z_]+)"', code)) | {"invalid_request"}
    apart = {"unforeseen"}

    assert {c for c in codes | apart if f"### {c.replace('_', ' ')}\n" not in runbook} == set()
    assert "unknown_table" not in codes
    assert set(problems.STATUSES)
