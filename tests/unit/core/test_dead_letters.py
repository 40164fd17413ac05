"""Dead letters: read as Pub/Sub forwards them, one identity each, and the message as it was."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.dead_letters import (
    ATTRIBUTES,
    DeadLetter,
    LetterState,
    decode_sweep,
    letter_id,
)
from shared.core.deliveries import Delivery
from shared.core.messages import IngestRequest, LoadRequest, SweepRequest
from shared.core.naming import RUN_ID as RUN_ID_FORM
from shared.errors import InvalidMessageError
from shared.wire import from_json, to_json
from tests.builders import AT, RUN_ID, a_delivery

PUBLISHED = datetime(2024, 1, 31, 2, 0, 0, 123000, tzinfo=UTC)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def forwarded(data: bytes = b"{}", *, attributes: dict[str, str] | None = None) -> Delivery:
    """Return a message as Pub/Sub sends it to the topic of the dead letters."""
    added = {
        f"{ATTRIBUTES}DeliveryCount": "5",
        f"{ATTRIBUTES}Subscription": "acme-dev-load",
        f"{ATTRIBUTES}SubscriptionProject": "acme",
        f"{ATTRIBUTES}TopicPublishTime": "2024-01-31T02:00:00.123+00:00",
    }
    return a_delivery(data=data, attributes=(attributes or {}) | added)


def test_letter_says_where_and_how_often_the_message_failed() -> None:
    letter = DeadLetter.decode(forwarded())

    assert letter.topic == "load"
    assert letter.deliveries == 5
    assert (letter.published_at, letter.died_at) == (PUBLISHED, AT)
    assert letter.is_open


@given(st.binary(), st.dictionaries(TEXT, TEXT))
def test_message_comes_back_as_it_was(data: bytes, attributes: dict[str, str]) -> None:
    given_ = {k: v for k, v in attributes.items() if not k.startswith(ATTRIBUTES)}

    message = DeadLetter.decode(forwarded(data, attributes=given_)).message()

    assert (message.data, message.attributes) == (data, given_)
    assert message.published_at == PUBLISHED


@pytest.mark.parametrize(
    "request_",
    [LoadRequest(table="flights", run_id=RUN_ID, part=3), LoadRequest(table="t", run_id=RUN_ID)],
)
def test_request_can_be_read_out_of_its_letter(request_: LoadRequest) -> None:
    letter = DeadLetter.decode(forwarded(request_.encode()))

    assert LoadRequest.decode(letter.message()) == request_


def test_announcement_can_be_read_out_of_its_letter() -> None:
    request = IngestRequest(bucket="b", name="flights/ä.csv", generation=17)

    letter = DeadLetter.decode(forwarded(b"", attributes=request.attributes()))

    assert IngestRequest.decode(letter.message()) == request


def test_same_message_that_dies_again_is_the_same_letter() -> None:
    first = forwarded(b"x", attributes={"a": "1", "b": "2"})
    again = forwarded(b"x", attributes={"b": "2", "a": "1"})
    later = Delivery(
        message_id="other",
        published_at=AT + timedelta(hours=1),
        data=again.data,
        attributes=again.attributes,
    )

    assert DeadLetter.decode(first).letter_id == DeadLetter.decode(later).letter_id


@pytest.mark.parametrize(
    "other",
    [
        forwarded(b"y", attributes={"a": "1"}),
        forwarded(b"x", attributes={"a": "2"}),
        forwarded(b"x"),
        forwarded(b"x", attributes={"a": "1", "b": ""}),
    ],
)
def test_another_message_is_another_letter(other: Delivery) -> None:
    first = DeadLetter.decode(forwarded(b"x", attributes={"a": "1"}))

    assert DeadLetter.decode(other).letter_id != first.letter_id


@given(TEXT, st.datetimes(datetime(1970, 1, 1), timezones=st.just(UTC)))
def test_letter_id_sorts_by_time_and_names_an_object(key: str, at: datetime) -> None:
    found = letter_id(key, at)

    assert RUN_ID_FORM.fullmatch(found)
    assert found.startswith(f"{at:%Y%m%dT%H%M%SZ}-")


@pytest.mark.parametrize("name", ["DeliveryCount", "Subscription", "TopicPublishTime"])
@pytest.mark.parametrize("value", [None, ""])
def test_letter_without_an_attribute_of_the_forwarding_is_refused(
    name: str, value: str | None
) -> None:
    attributes = dict(forwarded().attributes)
    del attributes[ATTRIBUTES + name]
    if value is not None and name != "Subscription":
        attributes[ATTRIBUTES + name] = value

    with pytest.raises(InvalidMessageError, match="not a dead letter of Pub/Sub: "):
        DeadLetter.decode(a_delivery(attributes=attributes))


def test_sweep_function_tells_requests_from_letters() -> None:
    assert decode_sweep(a_delivery(data=SweepRequest().encode())) == SweepRequest()
    assert isinstance(decode_sweep(forwarded(SweepRequest().encode())), DeadLetter)


@pytest.mark.parametrize("data", [b"", b"{}", b'{"version":1,"table":"t"}'])
def test_what_is_neither_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidMessageError):
        decode_sweep(a_delivery(data=data))


@pytest.mark.parametrize("state", [s for s in LetterState if s is not LetterState.OPEN])
def test_letter_is_open_until_somebody_decides(state: LetterState) -> None:
    letter = DeadLetter.decode(forwarded())

    closed = letter.close(state, AT)

    assert (closed.state, closed.closed_at, closed.is_open) == (state, AT, False)
    assert closed.letter_id == letter.letter_id


def test_record_comes_back_from_json_as_it_was() -> None:
    letter = DeadLetter.decode(forwarded(b"\xff", attributes={"a": "ä"}))

    assert from_json(DeadLetter, to_json(letter), "d") == letter
    closed = letter.close(LetterState.REPLAYED, AT)
    assert from_json(DeadLetter, to_json(closed), "d") == closed
