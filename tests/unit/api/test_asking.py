"""What operators ask for: each thing once, as the command line does, told to the audit log."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.core.access import Role
from shared.core.dead_letters import DeadLetter, LetterState
from shared.core.deliveries import Delivery
from shared.core.messages import ExtractRequest
from shared.core.runs import Failure, RunState
from tests.unit.api.test_reading import a_past_run
from tests.unit.api.world import NOW, World

RUN = {"table": "flights"}
LETTER_ID = "20240131T030000Z-0123456789ab"


def asked(world: World) -> list[ExtractRequest]:
    """Return what was published to extract."""
    sent = (each for each in world.bus.sent if each.topic.endswith("extract"))
    return [
        ExtractRequest.decode(Delivery(message_id=m.id, published_at=NOW, data=m.data))
        for m in sent
    ]


def test_a_run_is_asked_for_and_found_under_the_id_that_is_answered(world: World) -> None:
    world.configure()

    reply = world.post("/api/v1/pipeline/run", RUN)

    (request,) = asked(world)
    assert reply.status == 202
    assert reply.data["run"] == f"/api/v1/runs/flights/{reply.data['run_id']}"
    assert request.requested_by == f"key:{world.keys[Role.OPERATE].split('_')[1]}"


def test_the_same_key_asks_once_and_is_answered_alike(world: World) -> None:
    world.configure()

    replies = [world.post("/api/v1/pipeline/run", RUN, idempotency_key="a") for _ in range(3)]

    assert len(asked(world)) == 1
    assert len({reply.body for reply in replies}) == 1
    assert [r.headers.get("idempotency-replayed") for r in replies] == [None, "true", "true"]


def test_another_key_or_none_asks_anew(world: World) -> None:
    world.configure()

    for headers in ({"idempotency_key": "a"}, {"idempotency_key": "b"}, {}, {}):
        world.post("/api/v1/pipeline/run", RUN, **headers)

    assert len({request.request_id for request in asked(world)}) == 4


def test_a_key_stands_for_one_request(world: World) -> None:
    world.configure()
    world.post("/api/v1/pipeline/run", RUN, idempotency_key="a")

    reply = world.post("/api/v1/pipeline/run", {**RUN, "mode": "full"}, idempotency_key="a")

    assert (reply.status, reply.data["code"]) == (422, "key_used_otherwise")


def test_the_key_of_one_caller_means_nothing_for_another(world: World) -> None:
    world.configure()

    for role in (Role.OPERATE, Role.ADMIN):
        world.post("/api/v1/pipeline/run", RUN, role, idempotency_key="a")

    assert len(asked(world)) == 2


def test_a_request_that_was_refused_leaves_its_key_free(world: World) -> None:
    first = world.post("/api/v1/pipeline/run", RUN, idempotency_key="a")
    world.configure()
    second = world.post("/api/v1/pipeline/run", RUN, idempotency_key="a")

    assert (first.status, second.status) == (404, 202)


def test_a_request_that_died_is_carried_out_as_the_same(world: World) -> None:
    world.configure()
    first = world.post("/api/v1/pipeline/run", RUN, idempotency_key="a")
    (name,) = [s.info.name for s in world.storage.history[-1:]]
    kept = world.storage.read("acme-state", name)
    assert kept
    forgotten = kept[0].replace(b'"answer": {', b'"answer": null, "x": {').partition(b'"status"')[0]
    pending = forgotten + b'"status": null, "answer": null}'
    world.storage.put("acme-state", name, pending, kept[1])

    early = world.post("/api/v1/pipeline/run", RUN, idempotency_key="a")
    world.clock[0] += timedelta(minutes=2)
    late = world.post("/api/v1/pipeline/run", RUN, idempotency_key="a")

    assert (early.status, early.data["code"]) == (409, "under_way")
    assert late.body == first.body
    assert len({request.request_id for request in asked(world)}) == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("run", RUN),
        ("backfill", {**RUN, "from": "2024-01-01", "to": "2024-01-02"}),
        ("cancel", {**RUN, "run_id": LETTER_ID}),
        ("rewind", {**RUN, "to": LETTER_ID}),
    ],
)
def test_readers_may_not_ask_for_anything(world: World, path: str, body: Any) -> None:
    reply = world.post(f"/api/v1/pipeline/{path}", body, Role.READ)

    assert (reply.status, reply.data["code"]) == (403, "role_too_low")


def test_a_cancelled_run_has_failed_and_says_by_whom(world: World) -> None:
    run = world.record(a_past_run(timedelta(minutes=1), state=RunState.EXTRACTING))
    body = {"table": run.table, "run_id": run.run_id}

    first = world.post("/api/v1/pipeline/cancel", body)
    second = world.post("/api/v1/pipeline/cancel", body)

    found = world.services.ledger.find(run.table, run.run_id)
    assert found
    assert found.failure
    assert (first.status, second.status) == (202, 409)
    assert (found.state, found.failure.error) == (RunState.FAILED, "RunCancelledError")
    trail = world.call("/api/v1/admin/audit/flights").data["items"]
    assert [(e["kind"], e["by"][:4]) for e in trail] == [("run.failed", "key:")]


def test_a_failed_run_goes_on_where_it_was(world: World) -> None:
    failure = Failure(error="SourceRefusedError", message="no")
    run = world.record(a_past_run(timedelta(hours=1), state=RunState.FAILED, failure=failure))

    reply = world.post("/api/v1/pipeline/replay", {"table": run.table, "run_id": run.run_id})

    found = world.services.ledger.find(run.table, run.run_id)
    assert reply.status == 202
    assert found
    assert found.state is RunState.EXTRACTING
    assert [request.run_id for request in asked(world)] == [run.run_id]


def a_letter() -> DeadLetter:
    """Return a dead letter that waits."""
    return DeadLetter(
        letter_id=LETTER_ID,
        topic="extract",
        data="e30=",
        published_at=NOW,
        died_at=NOW,
        deliveries=5,
        reason="SourceUnavailableError: no answer",
    )


def test_a_dead_letter_is_listed_and_dropped_once(world: World) -> None:
    world.services.dead_letters.record(a_letter())

    (listed,) = world.call("/api/v1/admin/dead-letters").data["items"]
    dropped, again = (world.post(f"/api/v1/admin/dead-letters/{LETTER_ID}/drop") for _ in range(2))

    assert listed["reason"] == "SourceUnavailableError: no answer"
    assert (dropped.data["state"], again.status) == (LetterState.DROPPED, 409)
    assert world.call("/api/v1/admin/dead-letters").data["items"] == []


@pytest.mark.parametrize("decision", ["replay", "drop"])
def test_repeated_decision_about_a_dead_letter_is_answered_as_before(
    world: World, decision: str
) -> None:
    letter = replace(a_letter(), topic="sweep")
    world.services.dead_letters.record(letter)
    path = f"/api/v1/admin/dead-letters/{LETTER_ID}/{decision}"

    first, repeated = (world.post(path, idempotency_key="k") for _ in range(2))

    assert (first.status, repeated.status) == (202, 202)
    assert repeated.data == first.data
    assert repeated.headers["Idempotency-Replayed"] == "true"


def test_a_key_is_made_shown_once_and_revoked(world: World) -> None:
    body = {"role": "read", "note": "Grafana"}

    made, repeated = (
        world.post("/api/v1/admin/keys", body, Role.ADMIN, idempotency_key="k") for _ in range(2)
    )
    token = made.data["key"]
    works = world.call("/api/v1/runs", None, x_api_key=token)
    revoked = world.call(f"/api/v1/admin/keys/{made.data['id']}", Role.ADMIN, method="DELETE")
    refused = world.call("/api/v1/runs", None, x_api_key=token)

    assert (made.status, repeated.status, works.status) == (201, 201, 200)
    assert repeated.data["key"] is None
    assert all(token.encode() not in each.data for each in world.storage.history)
    assert (revoked.status, refused.status) == (204, 401)
    kinds = [event["kind"] for event in world.call("/api/v1/admin/audit/-").data["items"]]
    assert kinds == ["access.revoked", "access.created"]


def test_operators_make_no_keys(world: World) -> None:
    assert world.post("/api/v1/admin/keys", {"role": "admin"}).status == 403
