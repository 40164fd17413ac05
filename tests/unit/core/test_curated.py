"""Runs of models: the same publish asks for the same one, and whoever finds it quiet asks again."""

import pytest

from shared.core import curated, nudges
from shared.core.curated import InputState
from shared.core.messages import LoadRequest, RefreshRequest, decode_load
from shared.core.modes import SyncMode
from shared.core.runs import Failure, RunState
from shared.errors import InvalidMessageError
from tests.builders import AT, RUN_ID, a_delivery, a_run


def test_the_same_publish_asks_for_the_same_refresh() -> None:
    runs = [
        curated.follow_up("m", a_run(updated_at=AT), mode=SyncMode.FULL, generation=n)
        for n in range(2)
    ]

    assert runs[0].run_id == runs[1].run_id
    assert runs[0].run_id[:16] == RUN_ID[:16]
    other = a_run(run_id=RUN_ID[:-1] + "0")
    assert curated.follow_up("m", other, mode=SyncMode.FULL, generation=1).run_id != runs[0].run_id


@pytest.mark.parametrize("state", [RunState.STAGED, RunState.LOADING])
def test_quiet_refresh_is_asked_for_by_the_message_that_began_it(state: RunState) -> None:
    run = a_run(table="m", is_model=True, state=state)

    request = nudges.next_request(run)

    assert request.topic == "load"
    sent = a_delivery().__class__(message_id="1", published_at=AT, data=request.data)
    assert decode_load(sent) == RefreshRequest(model="m", run_id=RUN_ID)


def test_refresh_that_failed_is_replayed_from_its_beginning() -> None:
    run = curated.follow_up("m", a_run(), mode=SyncMode.FULL, generation=1)
    failed = run.to(RunState.FAILED, AT, failure=Failure(error="E", message="m"))

    assert failed.again(AT).state is RunState.STAGED


def test_load_topic_carries_loads_and_refreshes() -> None:
    load = {"version": 1, "table": "t", "run_id": RUN_ID}

    assert decode_load(a_delivery(load)) == LoadRequest(table="t", run_id=RUN_ID)
    for body in ({**load, "model": "m"}, {"version": 1, "model": "M", "run_id": RUN_ID}, [], None):
        with pytest.raises(InvalidMessageError):
            decode_load(a_delivery(body))


def test_token_is_the_same_for_the_same_inputs_in_any_order() -> None:
    a, b = InputState(name="a", epoch=1, run_id="r"), InputState(name="b", epoch=2, run_id="s")

    assert curated.token("d", "t", [a, b]) == curated.token("d", "t", [b, a])
    assert curated.token("d", "t", [a]) != curated.token(
        "d", "t", [InputState(name="a", epoch=2, run_id="r")]
    )


@pytest.mark.parametrize("other", [None, "7", "a token of a loaded table", '{"kind": "table"}'])
def test_only_the_token_of_a_refresh_says_that_rows_are_the_models(other: str | None) -> None:
    mine = curated.token("d", "t", [InputState(name="a", epoch=1, run_id="r")])

    assert (curated.is_in("t", mine), curated.is_made_by("d", mine)) == (True, True)
    assert (curated.is_in("u", mine), curated.is_made_by("e", mine)) == (False, False)
    assert (curated.is_in("t", other), curated.is_made_by("d", other)) == (False, False)
    assert (curated.input_runs(mine), curated.input_runs(other)) == ({"a": "r"}, {})
