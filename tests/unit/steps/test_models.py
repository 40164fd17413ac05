"""What a publish asks for: the models that follow it, once, and nothing that could undo it."""

from datetime import timedelta
from typing import Any

import pytest

from shared.config.curated import ResolvedModel
from shared.core import naming
from shared.core.runs import RunState
from shared.steps import models
from shared.steps.repairs import stuck_runs
from shared.steps.repairs.sweeping import Sweep
from tests.unit.steps.lake import CONNECTIONS, Lake

HOUR = timedelta(hours=1)


@pytest.fixture
def lake() -> Lake:
    return Lake()


def a_model(name: str, *follows: str) -> ResolvedModel:
    given: dict[str, Any] = {
        "environment": "test",
        "model": {"name": name, "postgres": {"table": name}},
        "sql": "SELECT 1",
        "inputs": follows,
        "follows": follows,
        "connections": CONNECTIONS,
    }
    return ResolvedModel.model_validate(given)


def test_publish_asks_once_for_each_model_that_follows_it(lake: Lake) -> None:
    lake.services.models.deploy([a_model("m", "people"), a_model("n", "m")], "kim")
    published = lake.run(RunState.COMMITTED)

    models.ask(lake.services, published)
    models.ask(lake.services, published)

    [asked] = lake.services.ledger.runs("m")
    assert (asked.state, asked.is_model) == (RunState.STAGED, True)
    assert asked.trigger_key == f"people/{published.run_id}"
    assert not list(lake.services.ledger.runs("n"))


def test_models_that_cannot_be_read_do_not_fail_what_was_published_and_are_logged(
    lake: Lake, caplog: pytest.LogCaptureFixture
) -> None:
    lake.put("config", naming.MODELS, b"{")

    models.ask(lake.services, lake.run(RunState.COMMITTED))

    assert [record.message for record in caplog.records] == ["models were not asked for"]


def test_refresh_whose_message_is_lost_is_asked_for_by_the_sweep_while_there_is_the_model(
    lake: Lake,
) -> None:
    lake.services.models.deploy([a_model("m", "people")], "kim")
    models.ask(lake.services, lake.run(RunState.COMMITTED))
    lake.now += HOUR

    sweep = Sweep(lake.services)
    stuck_runs.ask_on(sweep)
    assert sweep.report().nudged.count == 1

    lake.services.models.deploy([], "kim")
    lake.now += HOUR
    sweep = Sweep(lake.services)
    stuck_runs.ask_on(sweep)
    assert sweep.report().given_up.count == 1


def test_models_that_are_the_same_are_not_written_again(lake: Lake) -> None:
    assert lake.services.models.deploy([a_model("m", "people")], "kim")
    assert not lake.services.models.deploy([a_model("m", "people")], "kim")
    assert [event.kind for event in lake.events()] == ["models.written"]
