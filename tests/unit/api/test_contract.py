"""The API against its own OpenAPI document, with inputs that nobody would think of.

A few examples of each call in CI; ``make fuzz-api`` tries many more.
"""

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from pydantic import BaseModel
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from shared.api.app import build
from shared.api.context import Context
from shared.core.access import Role
from shared.core.runs import RunState
from shared.settings import ApiSettings
from tests.builders import a_receipt
from tests.unit.api.test_reading import a_past_run
from tests.unit.api.world import World

EXAMPLES = int(os.environ.get("SLUICE_API_EXAMPLES", "1"))

CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Serve an API whose cloud holds a table and some runs."""
    started = World.start()
    started.context.calls._burst = 10**9
    started.context.failures._burst = 10**9
    started.configure("flights", schedule="hourly")
    started.record(a_past_run(timedelta(hours=1), receipt=a_receipt()))
    started.record(a_past_run(timedelta(hours=2), state=RunState.FAILED))
    yield started
    started.stop()


DOCUMENT = build(ApiSettings(), cast(Context, None)).openapi()
STREAM = "/api/v1/runs/live"
"""It has no end while somebody listens."""

schema = schemathesis.openapi.from_dict(DOCUMENT).exclude(path=STREAM)


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    derandomize=EXAMPLES == 1,
    suppress_health_check=list(HealthCheck),
)
def test_every_call_answers_as_the_document_says(case: Any, world: World) -> None:
    headers = {"X-API-Key": world.keys[Role.ADMIN]}

    base_url = f"http://127.0.0.1:{world.port}"
    reply = case.call_and_validate(base_url=base_url, headers=headers, checks=CHECKS, timeout=10)

    # The ends of this world do not answer, which is 503; whatever nobody foresaw is 500.
    assert reply.status_code != 500


def test_every_call_has_a_name_of_its_own_and_says_what_it_does() -> None:
    operations = [o for path in DOCUMENT["paths"].values() for o in path.values()]

    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    assert all(operation["description"] for operation in operations)


SUCCESSES = [
    (path, method, reply["content"]["application/json"]["schema"])
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
    for status, reply in operation["responses"].items()
    if status.startswith("2") and "application/json" in reply.get("content", {})
]


def subclasses(kind: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Yield the models of the API."""
    for each in kind.__subclasses__():
        if each.__module__.startswith("shared.api"):
            yield each
        yield from subclasses(each)


def test_every_answer_has_an_example() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    without = [
        (path, method)
        for path, method, schema in SUCCESSES
        if not schemas.get(schema.get("$ref", "").rpartition("/")[2], {}).get("examples")
    ]

    assert without == [("/api/v1/admin/sweep", "get"), ("/ready", "get")]  # free in their form


MODELS = sorted(set(subclasses(BaseModel)), key=lambda model: (model.__module__, model.__name__))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_an_example_is_one_of_its_model(model: type[BaseModel]) -> None:
    extra = model.model_config.get("json_schema_extra")

    for example in extra["examples"] if isinstance(extra, dict) else ():
        assert model.model_validate(example).model_dump(mode="json", by_alias=True).keys() >= (
            example.keys()  # type: ignore[union-attr]
        )


def test_every_list_comes_in_pages() -> None:
    assert [path for path, _, schema in SUCCESSES if schema.get("type") == "array"] == []


def test_every_post_may_be_sent_again() -> None:
    posts = {path: each["post"] for path, each in DOCUMENT["paths"].items() if "post" in each}

    assert [
        path
        for path, post in posts.items()
        if "Idempotency-Key" not in {p["name"] for p in post["parameters"]}
    ] == []
