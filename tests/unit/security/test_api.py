"""Hostile names and documents through the API: answered with what is wrong, and nothing else."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from shared.core.access import Role
from tests.hostile import NAMES
from tests.unit.api.world import World

PLACES = (
    "/api/v1/tables/{}",
    "/api/v1/runs/{}/20260101T000000Z-0123456789ab",
    "/api/v1/runs?table={}",
    "/api/v1/runs?cursor={}",
    "/api/v1/data/flights?column={}",
    "/api/v1/data/flights?where={}:eq:1",
    "/page/{}",
)
REFUSED = {400, 404, 409, 422, 503}
"""Not 500; 503 is the target, which is away here."""

DEEP = b'{"a":' * 50_000


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Serve an API that knows one table; nobody is told to slow down."""
    started = World.start()
    started.configure("flights")
    yield started
    started.stop()


def sample() -> Iterator[str]:
    """Yield each name for one place, and each place several names: a call takes its time."""
    for number, name in enumerate(NAMES):
        yield PLACES[number % len(PLACES)].format(quote(name[:200], safe=""))


def test_a_hostile_name_is_refused_or_not_found(world: World) -> None:
    asked = [path for path in sample() if not path.endswith(("=", "/"))]

    replies = {path: world.call(path, Role.READ) for path in asked}

    wrong = {p: r.status for p, r in replies.items() if r.status >= 500 and r.status != 503}
    assert wrong == {}
    assert {r.status for p, r in replies.items() if "/tables/" in p} <= REFUSED
    refused = {p: r for p, r in replies.items() if r.status in REFUSED and "/api/" in p}
    kinds = {r.headers["content-type"] for r in refused.values()}
    assert kinds == {"application/problem+json"}


def test_no_header_of_the_answer_is_made_of_a_name(world: World) -> None:
    name = quote("a\r\nSet-Cookie: x=1", safe="")

    for place in PLACES:
        assert "set-cookie" not in world.call(place.format(name), Role.READ).headers


@pytest.mark.parametrize("path", ["run", "replay", "cancel", "backfill", "rewind", "restore"])
def test_a_document_that_is_too_deep_is_refused(world: World, path: str) -> None:
    reply = world.call(
        f"/api/v1/pipeline/{path}",
        Role.OPERATE,
        method="POST",
        body=DEEP,
        idempotency_key="deep",
    )

    assert reply.status in (400, 422)
    assert reply.headers["content-type"] == "application/problem+json"
    assert len(reply.body) < 10_000


@pytest.mark.parametrize(
    "value", ["../flights", "flights/../x", "x'; --", "a" * 64, "\u0430", "_sluice"]
)
def test_a_run_of_what_is_no_table_is_refused_by_name(world: World, value: str) -> None:
    reply = world.post("/api/v1/pipeline/run", {"table": value}, idempotency_key=ascii(value))

    assert reply.status in (404, 422)
    assert world.bus.sent == []
