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
