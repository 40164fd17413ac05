"""Backfills: what a span means for each kind of cursor, and what its publish leaves alone."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core import fencing
from shared.core.fencing import TargetState
from shared.core.messages import ExtractRequest
from shared.core.windows import CursorKind, Span, Window, backfill_window, require_some_span
from shared.errors import InvalidMessageError
from shared.wire import from_json, to_json
from tests.builders import AT, SNAPSHOT, a_delivery, a_manifest, a_run

MARK = "2024-02-01 00:00:00.000000000"


@pytest.mark.parametrize(
    ("kind", "first", "last", "read_from", "high"),
    [
        (
            *(CursorKind.TIME, "2024-01-01", "2024-01-31"),
            *("2023-12-31 23:59:59.999999999", "2024-01-31 23:59:59.999999999"),
        ),
        (
            *(CursorKind.TIME, "2024-01-01 12:00:00", "2024-01-01T12:00:00"),
            *("2024-01-01 11:59:59.999999999", "2024-01-01 12:00:00.000000000"),
        ),
        (
            *(CursorKind.TIME, "2024-01-01 12:00:00.000000001", "2024-01-01 12:00:00.1"),
            *("2024-01-01 12:00:00.000000000", "2024-01-01 12:00:00.100000000"),
        ),
        (CursorKind.DATE, "2024-03-01", "2024-03-01", "2024-02-29", "2024-03-01"),
        (CursorKind.NUMBER, "-1", "1", "-2", "1"),
        (CursorKind.NUMBER, "9", "10", "8", "10"),
    ],
)
def test_both_ends_of_a_span_are_included(
    kind: CursorKind, first: str, last: str, read_from: str, high: str
) -> None:
    span = Span(first=first, last=last)

    assert backfill_window(kind, span, low=MARK) == Window(low=MARK, high=high, read_from=read_from)


@pytest.mark.parametrize(
    ("kind", "first", "last"),
    [
        (CursorKind.TIME, "2024-01-01 12:00:00.5", "2024-01-01 12:00:00.123456789"),
        (CursorKind.DATE, "2024-01-02", "2024-01-01"),
        (CursorKind.NUMBER, "10", "9"),
    ],
)
def test_span_that_ends_before_it_begins_is_refused(
    kind: CursorKind, first: str, last: str
) -> None:
    with pytest.raises(InvalidMessageError, match="exchange the two"):
        backfill_window(kind, Span(first=first, last=last), low=MARK)


@pytest.mark.parametrize(
    ("kind", "ends"),
    [
        (
            CursorKind.TIME,
            ["", "yesterday", "2024-13-01", "2024-01-01 24:00:00", "2024-01-01 12"],
        ),
        (CursorKind.TIME, ["2024-01-01 12:00:00 +0200", "2024-01-01 12:00:00.0123456789", "7"]),
        (CursorKind.DATE, ["2024-01-01 12:00:00", "2024-02-30", "0001-01-01", "7"]),
        (CursorKind.NUMBER, ["", "1.5", "1e3", "2024-01-01", "٣"]),
    ],
)
def test_end_of_another_kind_is_refused_with_an_example(kind: CursorKind, ends: list[str]) -> None:
    for end in ends:
        with pytest.raises(InvalidMessageError, match="write ends like "):
            backfill_window(kind, Span(first=end, last=end), low=None)


def test_moment_may_be_written_without_seconds() -> None:
    window = backfill_window(
        CursorKind.TIME, Span(first="2024-01-01 12:00", last="2024-01-01 12:30"), low=None
    )

    assert window.high == "2024-01-01 12:30:00.000000000"
    assert window.read_from == "2024-01-01 11:59:59.999999999"


@pytest.mark.parametrize(
    ("first", "last", "reason"),
    [
        ("yesterday", "today", "no span of a cursor; write both ends like 2024-01-31"),
        ("2024-02-30", "2024-03-01", "write both ends like"),
        ("2024-01-02", "2024-01-01", "exchange the two"),
        ("7", "2024-01-01", "write both ends like"),
    ],
)
def test_span_of_no_cursor_is_refused_before_it_is_known_which(
    first: str, last: str, reason: str
) -> None:
    with pytest.raises(InvalidMessageError, match=reason) as refused:
        require_some_span(Span(first=first, last=last))

    assert "does not match format" not in refused.value.message


@given(st.integers(-(10**30), 10**30), st.integers(0, 10**30))
def test_span_of_numbers_holds_as_many_as_it_says(first: int, more: int) -> None:
    window = backfill_window(
        CursorKind.NUMBER, Span(first=str(first), last=str(first + more)), low=None
    )

    assert window.read_from is not None
    assert window.high is not None
    assert int(window.high) - int(window.read_from) == more + 1


def test_publish_of_a_backfill_leaves_the_watermark_and_proves_nothing() -> None:
    state = TargetState(watermark=MARK, snapshot=MARK, epoch=3, change_token="t")
    window = Window(low=MARK, high="2024-01-01 00:00:00.000000000", read_from=None)
    manifest = a_manifest(window=window, epoch=3, is_backfill=True, snapshot=SNAPSHOT)

    after = fencing.next_state(manifest, state)

    assert fencing.stands_in_the_way(manifest, state) is None
    assert (after.watermark, after.snapshot) == (MARK, MARK)
    assert (after.epoch, after.change_token) == (4, None)


def test_backfill_gives_way_to_whatever_was_published_since() -> None:
    state = TargetState(watermark=MARK, snapshot=MARK, epoch=4)
    window = Window(low=MARK, high="2024-01-01 00:00:00.000000000", read_from=None)

    obstacle = fencing.stands_in_the_way(
        a_manifest(window=window, epoch=3, is_backfill=True), state
    )

    assert obstacle is not None


def test_manifest_of_a_backfill_says_where_it_read() -> None:
    window = Window(low=MARK, high="b", read_from="a")

    backfill, usual = a_manifest(window=window, is_backfill=True), a_manifest(window=window)

    assert (backfill.low, backfill.high) == ("a", "b")
    assert (usual.low, usual.high) == (MARK, "b")
    assert (a_manifest(window=None).low, a_manifest(window=None).high) == (None, None)


def test_request_and_run_keep_their_span() -> None:
    span = Span(first="2024-01-01", last="2024-01-31")
    sent = ExtractRequest(table="flights", published_at=AT, request_id="k1", span=span)
    run = a_run(span=span)

    assert ExtractRequest.decode(a_delivery(json.loads(sent.encode()))).span == span
    assert from_json(type(run), to_json(run), "r") == run


@pytest.mark.parametrize(
    "body",
    [
        {"from": "1", "to": "2"},
        {"from": "1", "request_id": "k1", "requested_at": AT.isoformat()},
        {"to": "1", "request_id": "k1", "requested_at": AT.isoformat()},
        {"from": 1, "to": 2, "request_id": "k1", "requested_at": AT.isoformat()},
        {"from": "", "to": "2", "request_id": "k1", "requested_at": AT.isoformat()},
    ],
)
def test_span_without_both_ends_or_without_a_request_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(InvalidMessageError):
        ExtractRequest.decode(a_delivery({"version": 1, "table": "t", **body}))
