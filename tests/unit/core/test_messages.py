"""The requests that travel on Pub/Sub: read back as they were sent, and anything else refused."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.deliveries import MAX_GENERATION, Delivery
from shared.core.messages import (
    FINALIZE,
    ExtractRequest,
    IngestRequest,
    LoadRequest,
    SweepRequest,
    UnitRequest,
    decode_extract,
)
from shared.core.modes import SyncMode
from shared.core.naming import TABLE_NAME
from shared.errors import InvalidMessageError
from tests.builders import AT, RUN_ID, a_delivery
from tests.unit.core.drawn import JSON, MOMENTS, TEXT

GENERATIONS = st.integers(1, MAX_GENERATION)
TABLES = st.from_regex(TABLE_NAME, fullmatch=True)

# Extract ------------------------------------------------------------------------------------------


@given(
    table=TEXT,
    mode=st.none() | st.sampled_from(SyncMode),
    request_id=TEXT,
    requested_at=MOMENTS,
    published_at=MOMENTS,
)
def test_request_of_a_person_comes_back_with_its_own_time(
    table: str,
    mode: SyncMode | None,
    request_id: str,
    requested_at: datetime,
    published_at: datetime,
) -> None:
    sent = ExtractRequest(table=table, published_at=requested_at, mode=mode, request_id=request_id)

    received = ExtractRequest.decode(
        Delivery(message_id="9", published_at=published_at, data=sent.encode())
    )

    assert received == ExtractRequest(
        table=table,
        message_id="9",
        published_at=requested_at,
        mode=mode,
        request_id=request_id,
    )


@given(table=TEXT, mode=st.none() | st.sampled_from(SyncMode), published_at=MOMENTS)
def test_request_of_the_schedule_takes_the_time_of_publishing(
    table: str, mode: SyncMode | None, published_at: datetime
) -> None:
    sent = ExtractRequest(table=table, published_at=AT, mode=mode)

    received = ExtractRequest.decode(
        Delivery(message_id="9", published_at=published_at, data=sent.encode())
    )

    assert received == ExtractRequest(
        table=table, message_id="9", published_at=published_at, mode=mode
    )


def test_scheduled_message_is_the_same_each_time() -> None:
    messages = {
        ExtractRequest(table="flights", published_at=at).encode()
        for at in (AT, AT + timedelta(hours=1))
    }

    assert messages == {b'{"version":1,"table":"flights"}'}


def test_request_of_a_person_has_one_json() -> None:
    request = ExtractRequest(table="flights", published_at=AT, mode=SyncMode.FULL, request_id="k1")

    assert request.encode() == (
        b'{"version":1,"table":"flights","mode":"full","request_id":"k1",'
        b'"requested_at":"2024-01-31T03:00:00+00:00"}'
    )


def test_run_that_is_there_already_is_asked_to_go_on_by_its_id() -> None:
    sent = ExtractRequest(table="flights", published_at=AT, run_id=RUN_ID)

    assert sent.encode() == (f'{{"version":1,"table":"flights","run_id":"{RUN_ID}"}}'.encode())
    assert ExtractRequest.decode(a_delivery(data=sent.encode())).run_id == RUN_ID


@pytest.mark.parametrize("run_id", [None, "", "latest", 5])
def test_request_for_a_run_that_is_none_is_refused(run_id: Any) -> None:
    with pytest.raises(InvalidMessageError, match="run_id"):
        ExtractRequest.decode(a_delivery({"version": 1, "table": "flights", "run_id": run_id}))


def test_somebody_may_ask_for_a_run_that_passes_the_guards() -> None:
    sent = ExtractRequest(table="t", published_at=AT, request_id="k", allow_empty=True)

    assert b'"allow_empty":true' in sent.encode()
    assert ExtractRequest.decode(a_delivery(data=sent.encode())).allow_empty is True


def test_run_passes_no_guard_unless_asked_to() -> None:
    sent = ExtractRequest(table="t", published_at=AT, request_id="k")

    assert b"allow_empty" not in sent.encode()
    assert ExtractRequest.decode(a_delivery(data=sent.encode())).allow_empty is False


def test_schedule_cannot_ask_to_pass_the_guards() -> None:
    with pytest.raises(InvalidMessageError, match="allow_empty goes with a request_id"):
        ExtractRequest.decode(a_delivery({"version": 1, "table": "t", "allow_empty": True}))


@pytest.mark.parametrize("value", [None, 0, 1, "true", []])
def test_wish_to_pass_the_guards_is_true_or_false(value: Any) -> None:
    body = {"version": 1, "table": "t", "request_id": "k", "allow_empty": value}

    with pytest.raises(InvalidMessageError, match="allow_empty must be true or false"):
        ExtractRequest.decode(a_delivery(body))


@pytest.mark.parametrize("mode", ["", "Full", "fullload", 1, ["full"], {"full": 1}, True])
def test_unknown_mode_is_refused_with_the_known_ones(mode: Any) -> None:
    delivery = a_delivery({"version": 1, "table": "t", "mode": mode})

    with pytest.raises(InvalidMessageError, match="known: full, incremental, append"):
        ExtractRequest.decode(delivery)


@pytest.mark.parametrize("table", [None, "", 5, ["t"], "\ud800"])
def test_request_without_a_table_is_refused(table: Any) -> None:
    with pytest.raises(InvalidMessageError, match="table "):
        ExtractRequest.decode(a_delivery({"version": 1, "table": table}))


@pytest.mark.parametrize(
    "requested_at", ["", "soon", 5, "2024-01-31T03:00:00", "0001-01-01T00:00:00+09:00"]
)
def test_request_with_a_time_that_is_none_is_refused(requested_at: Any) -> None:
    body = {"version": 1, "table": "t", "requested_at": requested_at}

    with pytest.raises(InvalidMessageError, match="requested_at"):
        ExtractRequest.decode(a_delivery(body))


# Units --------------------------------------------------------------------------------------------


@given(TABLES, TEXT)
def test_unit_request_comes_back_as_it_was(table: str, unit: str) -> None:
    sent = UnitRequest(table=table, run_id=RUN_ID, unit=unit)

    assert decode_extract(a_delivery(data=sent.encode())) == sent


def test_unit_request_has_one_json() -> None:
    request = UnitRequest(table="flights", run_id=RUN_ID, unit="3.0")

    assert request.encode() == (
        f'{{"version":1,"table":"flights","run_id":"{RUN_ID}","unit":"3.0"}}'.encode()
    )


def test_request_for_a_table_called_unit_is_one_for_a_whole_run() -> None:
    sent = ExtractRequest(table="unit", published_at=AT, request_id="unit")

    assert decode_extract(a_delivery(data=sent.encode())) == ExtractRequest(
        table="unit", message_id="1", published_at=AT, request_id="unit"
    )


@pytest.mark.parametrize("data", [b"", b"unit", b'["unit"]', b'"unit"', b"[" * 100_000])
def test_message_of_the_extract_topic_that_is_neither_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidMessageError, match="the message's data is"):
        decode_extract(a_delivery(data=data))


# What all requests refuse -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [ExtractRequest, UnitRequest, LoadRequest])
@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "is a list, not an object"),
        (b'"table"', "is a str, not an object"),
        (b"null", "is a NoneType, not an object"),
        (b"{}", "version None is not 1"),
        (b'{"version":2,"table":"t"}', "deployed from different releases"),
        (b'{"version":"1","table":"t"}', "version '1' is not 1"),
        (b'{"version":1,"tabel":"t","x":1}', "unknown keys tabel, x; known: version, "),
    ],
)
def test_undecodable_data_is_refused_with_the_reason(kind: Any, data: bytes, why: str) -> None:
    with pytest.raises(InvalidMessageError) as refused:
        kind.decode(a_delivery(data=data))

    assert why in str(refused.value)


@pytest.mark.parametrize("kind", [ExtractRequest, UnitRequest, LoadRequest, IngestRequest])
@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_data_does_more_than_be_refused(kind: Any, data: bytes) -> None:
    with pytest.raises(InvalidMessageError):
        kind.decode(a_delivery(data=data))


@pytest.mark.parametrize("decode", [decode_extract, LoadRequest.decode])
@given(
    st.fixed_dictionaries(
        {"version": st.just(1), "table": JSON | TABLES},
        optional={
            "run_id": JSON | st.just(RUN_ID),
            **dict.fromkeys(("mode", "request_id", "requested_at", "unit", "part"), JSON),
        },
    )
)
def test_no_value_in_a_request_does_more_than_be_refused(decode: Any, body: dict[str, Any]) -> None:
    try:
        request = decode(a_delivery(body))
    except InvalidMessageError:
        return

    assert request.encode()


# Load ---------------------------------------------------------------------------------------------


@given(TABLES, st.none() | st.integers(0))
def test_load_request_comes_back_as_it_was(table: str, part: int | None) -> None:
    sent = LoadRequest(table=table, run_id=RUN_ID, part=part)

    assert LoadRequest.decode(a_delivery(data=sent.encode())) == sent


def test_load_request_has_one_json() -> None:
    request = LoadRequest(table="flights", run_id=RUN_ID)

    assert request.encode() == f'{{"version":1,"table":"flights","run_id":"{RUN_ID}"}}'.encode()


@pytest.mark.parametrize(
    ("table", "run_id"),
    [("t", "latest"), ("t", "../" + RUN_ID), ("../t", RUN_ID), ("T", RUN_ID), ("t", RUN_ID + "\n")],
)
def test_load_request_that_can_name_no_run_is_refused(table: str, run_id: str) -> None:
    body = {"version": 1, "table": table, "run_id": run_id}

    with pytest.raises(InvalidMessageError, match="can name no run"):
        LoadRequest.decode(a_delivery(body))


@pytest.mark.parametrize("part", [-1, 1.0, True, "0", [0]])
def test_load_request_for_a_part_that_is_no_number_is_refused(part: Any) -> None:
    body = {"version": 1, "table": "t", "run_id": RUN_ID, "part": part}

    with pytest.raises(InvalidMessageError, match="part must be a whole number from 0"):
        LoadRequest.decode(a_delivery(body))


# Sweep --------------------------------------------------------------------------------------------


def test_sweep_request_says_nothing_but_its_version() -> None:
    assert SweepRequest().encode() == b'{"version":1}'
    assert SweepRequest.decode(a_delivery({"version": 1})) == SweepRequest()


@pytest.mark.parametrize("body", [{}, {"version": 2}, {"version": 1, "table": "t"}])
def test_another_sweep_request_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(InvalidMessageError):
        SweepRequest.decode(a_delivery(body))


# Ingest -------------------------------------------------------------------------------------------


@given(bucket=st.text(), name=st.text(), generation=GENERATIONS)
def test_notification_comes_back_as_it_was(bucket: str, name: str, generation: int) -> None:
    sent = IngestRequest(bucket=bucket, name=name, generation=generation)

    assert IngestRequest.decode(a_delivery(attributes=sent.attributes())) == sent


@given(
    bucket=st.from_regex(r"[a-z0-9._-]{3,20}", fullmatch=True),
    name=st.text(min_size=1),
    generation=GENERATIONS,
)
def test_notification_comes_back_from_its_key(bucket: str, name: str, generation: int) -> None:
    request = IngestRequest(bucket=bucket, name=name, generation=generation)

    assert IngestRequest.from_key(request.key) == request


def test_key_is_the_place_of_a_generation() -> None:
    request = IngestRequest(bucket="b", name="t/a#1.csv", generation=17)

    assert request.key == "gs://b/t/a#1.csv#17"


@given(GENERATIONS)
def test_generation_has_a_time_of_its_own(generation: int) -> None:
    at = IngestRequest(bucket="b", name="n", generation=generation).announced_at

    assert (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) == generation


def test_notification_has_cloud_storages_own_attributes() -> None:
    request = IngestRequest(bucket="b", name="t/a.csv", generation=17)

    assert request.attributes() == {
        "eventType": "OBJECT_FINALIZE",
        "bucketId": "b",
        "objectId": "t/a.csv",
        "objectGeneration": "17",
    }


@pytest.mark.parametrize("attributes", [{}, {"eventType": "OBJECT_DELETE", "bucketId": "b"}])
def test_another_event_is_refused(attributes: dict[str, str]) -> None:
    with pytest.raises(InvalidMessageError, match=f"is not {FINALIZE}; the landing bucket's"):
        IngestRequest.decode(a_delivery(attributes=attributes))


@pytest.mark.parametrize("key", ["bucketId", "objectId", "objectGeneration"])
def test_notification_that_lacks_an_attribute_is_refused_with_its_name(key: str) -> None:
    attributes = IngestRequest(bucket="b", name="n", generation=1).attributes()
    del attributes[key]

    with pytest.raises(InvalidMessageError, match=f"lacks a usable attribute: '{key}'"):
        IngestRequest.decode(a_delivery(attributes=attributes))


@pytest.mark.parametrize("generation", ["", "0", "-1", "1_0", " 1", "1.0", "x", "٣", "9" * 18])
def test_notification_whose_generation_is_none_is_refused(generation: str) -> None:
    attributes = IngestRequest(bucket="b", name="n", generation=1).attributes()

    with pytest.raises(InvalidMessageError, match="is not a generation"):
        IngestRequest.decode(a_delivery(attributes=attributes | {"objectGeneration": generation}))
