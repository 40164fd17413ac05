"""What a step's time goes into: kept only if somebody wants it, each piece in its place."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from shared import spans, timings
from shared.ahead import ahead
from shared.core import traces
from shared.core.runs import Attempt, Failure, RunState
from shared.errors import MismatchError
from shared.settings import Settings
from tests.builders import AT, RUN_ID, a_run
from tests.bytes_server import parted, reply, serving

ATTEMPT = Attempt(id="0123456789ab", step="load of part 3", started_at=AT)
TRACE = traces.trace_id(RUN_ID)
ROOT, HERE = traces.span_id(RUN_ID), traces.span_id(ATTEMPT.id)


def named(recording: timings.Recording) -> dict[str, Any]:
    return {timing.name: timing for timing in recording.timings}


def test_pieces_are_below_their_attempt_and_it_below_who_asked() -> None:
    asked_by = traces.attributes(RUN_ID, "ba9876543210")

    with timings.recorded(asked_by, 1.0) as recording, timings.of_attempt(a_run(), ATTEMPT) as of:
        with timings.timed("publish", rows=7), timings.timed("commit"):
            pass
        of["rows"] = 7

    found = named(recording)
    assert {each.trace_id for each in found.values()} == {TRACE}
    assert found["commit"].parent_id == found["publish"].span_id
    assert found["publish"].parent_id == found["load"].span_id == HERE
    assert found["load"].parent_id == traces.span_id("ba9876543210")
    assert found["publish"].facts == {"sluice.rows": 7}
    assert found["load"].facts["sluice.rows"] == 7
    assert all(each.started_ns <= each.ended_ns for each in found.values())


@pytest.mark.parametrize("asked_by", [{}, traces.attributes("of another run", "ba9876543210")])
def test_attempt_that_nobody_of_its_run_asked_for_is_below_the_run(
    asked_by: dict[str, str],
) -> None:
    with timings.recorded(asked_by, 1.0) as recording, timings.of_attempt(a_run(), ATTEMPT):
        pass

    assert named(recording)["load"].parent_id == ROOT


def test_error_is_told_by_its_class_alone() -> None:
    def fail() -> None:
        with timings.of_attempt(a_run(), ATTEMPT), timings.timed("verify"):
            raise MismatchError("the value is 4711")

    with timings.recorded({}, 1.0) as recording, pytest.raises(MismatchError):
        fail()

    assert [each.error for each in recording.timings] == ["MismatchError", "MismatchError"]
    assert "4711" not in repr(recording.timings)


def test_items_of_another_thread_belong_to_the_piece_that_started_it() -> None:
    with (
        timings.recorded({}, 1.0) as recording,
        timings.of_attempt(a_run(), ATTEMPT),
        timings.timed("stage"),
        ahead(timings.drawn("read source", range(3))) as items,
    ):
        assert list(items) == [0, 1, 2]

    found = named(recording)
    assert found["read source"].parent_id == found["stage"].span_id
    assert found["read source"].facts["sluice.batches"] == 3
    assert found["read source"].facts["sluice.waited_s"] >= 0


def test_items_are_the_same_and_what_they_raise_is_told() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ConnectionError

    with timings.recorded({}, 1.0) as recording, timings.of_attempt(a_run(), ATTEMPT):
        items = timings.drawn("read source", broken())
        assert next(items) == 1
        with pytest.raises(ConnectionError):
            next(items)

    assert named(recording)["read source"].error == "ConnectionError"


def test_end_of_a_run_gives_the_whole_and_its_waits() -> None:
    ended_at = AT + timedelta(seconds=5)
    begun_at = AT + timedelta(seconds=1)
    attempt = Attempt(id="a", step="extract", started_at=begun_at, ended_at=ended_at)
    run = a_run(
        created_at=AT,
        updated_at=ended_at,
        state=RunState.FAILED,
        attempts=(attempt,),
        failure=Failure(error="SchemaConflictError", message="column a is gone"),
    )

    with timings.recorded({}, 1.0) as recording:
        timings.record_run(run)

    found = named(recording)
    assert found.keys() == {"run", "wait for extract"}
    assert (found["run"].span_id, found["run"].parent_id) == (ROOT, "")
    assert found["run"].error == "SchemaConflictError"
    assert found["wait for extract"].parent_id == ROOT
    assert found["run"].ended_ns - found["run"].started_ns == 5_000_000_000


def test_without_a_recording_nothing_is_kept() -> None:
    items = iter(range(2))

    with timings.of_attempt(a_run(), ATTEMPT), timings.timed("stage", rows=1) as facts:
        facts["bytes"] = 2
        assert timings.drawn("read source", items) is items
        timings.record_run(a_run())


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_share_of_the_runs_is_recorded_whole_or_not_at_all(share: float) -> None:
    ids = [f"20240131T030000Z-{number:012x}" for number in range(1000)]

    recorded = [run_id for run_id in ids if traces.is_sampled(run_id, share)]

    assert abs(len(recorded) / len(ids) - share) < 0.05
    with timings.recorded({}, 0.0) as recording, timings.of_attempt(a_run(), ATTEMPT):
        timings.record_run(a_run())
    assert recording.timings == []


def test_spans_of_a_delivery_that_fails_are_delivered_before_the_answer(tmp_path: Path) -> None:
    place = tmp_path / "spans.ndjson"
    settings = Settings(project="acme", prefix="acme-dev", traces=f"file:{place}")

    with (
        pytest.raises(MismatchError),
        spans.collected(settings, "load", {}),
        timings.of_attempt(a_run(), ATTEMPT),
    ):
        raise MismatchError("rows differ")

    (line,) = place.read_text().splitlines()
    (of,) = json.loads(line)["resourceSpans"]
    (span,) = of["scopeSpans"][0]["spans"]
    assert span["status"] == {"code": 2, "message": "MismatchError"}
    assert {"key": "service.name", "value": {"stringValue": "acme-dev-load"}} in of["resource"][
        "attributes"
    ]


def test_delivery_that_did_nothing_sends_nothing(tmp_path: Path) -> None:
    place = tmp_path / "spans.ndjson"

    with spans.collected(Settings(project="a", prefix="a", traces=f"file:{place}"), "load", {}):
        pass

    assert not place.exists()


def test_collector_is_sent_the_binary_form() -> None:
    with serving(reply("200 OK")) as (url, asked):
        settings = Settings(project="acme", prefix="acme", traces=f"otlp:{url}/v1/traces")
        with spans.collected(settings, "load", {}), timings.of_attempt(a_run(), ATTEMPT):
            pass

    path, headers, body = parted(*asked)
    assert (path, headers["Content-Type"]) == ("/v1/traces", "application/x-protobuf")
    request = ExportTraceServiceRequest.FromString(body)
    assert request.resource_spans[0].scope_spans[0].spans[0].trace_id.hex() == TRACE


@pytest.mark.parametrize(
    "place",
    [
        "otlp:http://127.0.0.1:9/v1/traces",
        "otlp:http://collector.example.com/v1/traces",
        "otlp:https://metadata.google.internal/v1/traces",
        "file:/no/such/folder/spans",
        "file:",
        "somewhere",
    ],
)
def test_place_that_takes_no_spans_stops_nothing_and_is_logged(
    place: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(project="acme", prefix="acme", traces=place)

    with spans.collected(settings, "load", {}), timings.of_attempt(a_run(), ATTEMPT):
        pass

    assert [record.message for record in caplog.records] == ["spans were not delivered"]
