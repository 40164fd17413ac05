"""What Pub/Sub pushes: read as it was sent, and anything else refused with the form expected."""

import base64
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.deliveries import Delivery, parse_time
from shared.errors import InvalidMessageError
from tests.builders import AT, a_push
from tests.unit.core.drawn import JSON, MOMENTS, TEXT


def test_push_request_is_read() -> None:
    body = a_push({"attributes": {"a": "b"}, "data": "w6Q="}, subscription="x", deliveryAttempt=3)

    assert Delivery.from_push(body) == Delivery(
        message_id="1",
        published_at=datetime(2024, 1, 31, 3, 0, 0, 123000, tzinfo=UTC),
        data="ä".encode(),
        attributes={"a": "b"},
        subscription="x",
        attempt=3,
    )


def test_what_pubsub_may_leave_out_is_empty() -> None:
    message = {"messageId": "7", "publishTime": "2024-01-31T03:00:00Z"}

    delivery = Delivery.from_push(json.dumps({"message": message}).encode())

    assert delivery == Delivery(message_id="7", published_at=AT, data=b"")


@given(TEXT, MOMENTS, st.binary(), st.dictionaries(TEXT, st.text()), st.integers(0, 10))
def test_any_push_is_read_as_it_was_sent(
    message_id: str, at: datetime, data: bytes, attributes: dict[str, str], attempt: int
) -> None:
    body = a_push(
        {
            "messageId": message_id,
            "publishTime": at.isoformat(),
            "data": base64.b64encode(data).decode(),
            "attributes": attributes,
        },
        deliveryAttempt=attempt,
    )

    assert Delivery.from_push(body) == Delivery(
        message_id=message_id,
        published_at=at,
        data=data,
        attributes=attributes,
        subscription="s",
        attempt=attempt,
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"\xff\xfe",
        b"[]",
        b'"message"',
        b"null",
        b"{}",
        b'{"message": null}',
        b'{"message": "text"}',
        b"[" * 100_000,
        a_push({"messageId": None}),
        a_push({"messageId": 5}),
        a_push({"messageId": ""}),
        a_push({"messageId": "\ud800"}),
        a_push({"publishTime": None}),
        a_push({"publishTime": "yesterday"}),
        a_push({"publishTime": "2024-01-31T03:00:00"}),
        a_push({"publishTime": "0001-01-01T00:00:00+01:00"}),
        a_push({"data": "not base64!"}),
        a_push({"data": 5}),
        a_push({"data": "ä"}),
        a_push({"attributes": ["a"]}),
        a_push({"attributes": {"a": 1}}),
        a_push({"attributes": {"a": None}}),
        a_push(deliveryAttempt="many"),
        a_push(deliveryAttempt=float("inf")),
        a_push(deliveryAttempt={"n": 1}),
    ],
)
def test_malformed_push_is_refused_with_the_form_that_is_expected(body: bytes) -> None:
    with pytest.raises(InvalidMessageError) as refused:
        Delivery.from_push(body)

    message = str(refused.value)
    assert message.startswith("messageId ") or 'expected {"message": {"messageId": …' in message


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_body_does_more_than_be_refused(body: bytes) -> None:
    with pytest.raises(InvalidMessageError):
        Delivery.from_push(body)


@given(JSON, st.sampled_from(["messageId", "publishTime", "data", "attributes"]))
def test_no_value_in_a_message_does_more_than_be_refused(value: Any, key: str) -> None:
    try:
        delivery = Delivery.from_push(a_push({key: value}))
    except InvalidMessageError:
        return

    assert isinstance(delivery, Delivery)


# Times --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "microsecond"),
    [
        ("2024-01-31T03:00:00Z", 0),
        ("2024-01-31T03:00:00.1Z", 100_000),
        ("2024-01-31T03:00:00.123456789Z", 123_456),
        ("2024-01-31T03:00:00.999999999Z", 999_999),
        ("2024-01-31T04:00:00.5+01:00", 500_000),
        ("2024-01-30T22:00:00.000001-05:00", 1),
    ],
)
def test_times_are_cut_to_microseconds_and_brought_to_utc(text: str, microsecond: int) -> None:
    moment = parse_time(text)

    assert moment == AT.replace(microsecond=microsecond)
    assert moment.tzinfo is UTC


@given(MOMENTS, st.integers(-14 * 60, 14 * 60))
def test_times_of_any_zone_are_read(moment: datetime, offset_minutes: int) -> None:
    local = moment.astimezone(timezone(timedelta(minutes=offset_minutes)))

    assert parse_time(local.isoformat()) == moment


@pytest.mark.parametrize("text", ["", "2024-01-31", "2024-01-31T03:00:00", "2024-13-01T00:00:00Z"])
def test_what_is_no_moment_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"time zone|Invalid|month"):
        parse_time(text)
