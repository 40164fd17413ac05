"""Rewinds: their message, their fence, what they leave behind, what their manifest adds up to."""

import json
from typing import Any

import pytest

from shared.core import fencing
from shared.core.fencing import TargetState
from shared.core.manifests import Layer, Manifest, Rewind
from shared.core.messages import ExtractRequest
from shared.core.modes import SyncMode
from shared.errors import InvalidMessageError
from shared.wire import from_json, to_json
from tests.builders import AT, RUN_ID, SNAPSHOT, a_delivery, a_manifest, a_part, a_run, a_schema

LATER = "2024-02-01 00:00:00.000000000"
STATE = TargetState(
    watermark="20", snapshot=LATER, run_id="other", epoch=3, change_token="seen before"
)


def a_layer(run_id: str = RUN_ID, **changes: Any) -> Layer:
    given = {
        "run_id": run_id,
        "mode": SyncMode.INCREMENTAL,
        "schema": a_schema(),
        "parts": (a_part(),),
    }
    return Layer(**given | changes)


def a_rewind(*layers: Layer, epoch: int = 3) -> Manifest:
    return a_manifest(
        mode=SyncMode.FULL,
        window=None,
        epoch=epoch,
        parts=(),
        rewind=Rewind(run_id=RUN_ID, watermark="10", layers=layers or (a_layer(),)),
    )


def test_rewind_is_published_over_newer_snapshots() -> None:
    assert fencing.stands_in_the_way(a_rewind(epoch=3), STATE) is None


@pytest.mark.parametrize("epoch", [2, 4])
def test_rewind_of_a_table_that_has_moved_since_is_superseded(epoch: int) -> None:
    obstacle = fencing.stands_in_the_way(a_rewind(epoch=epoch), STATE)

    assert obstacle is not None
    assert obstacle.startswith("run other was published meanwhile")


def test_rewind_brings_the_watermark_back_and_lets_the_next_run_read() -> None:
    after = fencing.next_state(a_rewind(), STATE)

    assert after == TargetState(watermark="10", snapshot=LATER, run_id=RUN_ID, epoch=4)


def test_older_full_loads_stay_fenced_after_a_rewind() -> None:
    after = fencing.next_state(a_rewind(), STATE)

    late = a_manifest(mode=SyncMode.FULL, window=None, snapshot=SNAPSHOT)
    assert fencing.stands_in_the_way(late, after) is not None


def test_manifest_counts_the_rows_of_all_layers_but_no_keys() -> None:
    keys = (a_part(),)
    manifest = a_rewind(a_layer("a"), a_layer("b", key_parts=keys))

    assert manifest.rows_staged == 2 * a_part().rows
    assert manifest.size_bytes == 3 * a_part().size_bytes
    assert manifest.all_parts == ()


def test_all_parts_and_comparisons_of_keys_must_be_done() -> None:
    rewind = a_rewind(a_layer("a"), a_layer("b", parts=(), key_parts=())).rewind

    assert rewind is not None
    assert rewind.names == {a_part().name, "keys of b"}


def test_manifest_of_a_rewind_survives_the_wire() -> None:
    manifest = a_rewind(a_layer(key_parts=(a_part(),)))

    assert from_json(Manifest, to_json(manifest), "m") == manifest


def test_request_names_the_run_to_go_back_to() -> None:
    sent = ExtractRequest(table="t", published_at=AT, request_id="k", rewind_to=RUN_ID)

    assert ExtractRequest.decode(a_delivery(data=sent.encode())).rewind_to == RUN_ID


@pytest.mark.parametrize(
    "more",
    [{"mode": "full"}, {"allow_empty": True}, {"from": "1", "to": "2"}],
)
def test_request_to_rewind_asks_for_nothing_else(more: dict[str, Any]) -> None:
    sent = ExtractRequest(table="t", published_at=AT, request_id="k", rewind_to=RUN_ID)
    body = json.loads(sent.encode())

    with pytest.raises(InvalidMessageError, match="rewind_to goes with a request_id and nothing"):
        ExtractRequest.decode(a_delivery(body | more))


def test_schedule_never_rewinds() -> None:
    body = {"version": 1, "table": "t", "rewind_to": RUN_ID}

    with pytest.raises(InvalidMessageError, match="rewind_to goes with a request_id"):
        ExtractRequest.decode(a_delivery(body))


def test_run_to_go_back_to_must_be_the_id_of_a_run() -> None:
    sent = ExtractRequest(table="t", published_at=AT, request_id="k", rewind_to="../x")

    with pytest.raises(InvalidMessageError, match="can name no run"):
        ExtractRequest.decode(a_delivery(data=sent.encode()))


@pytest.mark.parametrize(("changes", "is_repair"), [({}, False), ({"rewind_to": RUN_ID}, True)])
def test_rewind_does_not_bring_a_table_up_to_date(
    changes: dict[str, Any], *, is_repair: bool
) -> None:
    assert a_run(**changes).is_repair is is_repair
