"""Refreshes: the lease is kept while the SELECT runs, and nobody's run is committed."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta

import pytest

from shared.config.curated import ResolvedModel
from shared.core.messages import RefreshRequest
from shared.core.runs import Run, RunState
from shared.errors import LeaseHeldError
from shared.operations import requests
from shared.steps import models, refreshes
from shared.targets.curated import CuratedTarget, Order, Refresh, Refreshed
from shared.wiring import Services
from tests.builders import a_receipt
from tests.unit.steps.lake import Lake
from tests.unit.steps.test_models import a_model

DEADLINE_S = 10.0
DONE = Refreshed(outcome=Refresh.COMMITTED, receipt=a_receipt())


@dataclass
class Select:
    """A target in which something happens while the SELECT runs."""

    meanwhile: Callable[[], None] = lambda: None
    answer: Refreshed = DONE
    commits: list[str] = field(default_factory=list)

    def refresh(self, order: Order, confirm: Callable[[], None]) -> Refreshed:
        self.meanwhile()
        confirm()
        self.commits.append(order.run_id)
        return self.answer

    def close(self) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class Refreshing(Services):
    """Services of which a model's target is given."""

    select: Select = field(default_factory=Select)

    def model(self, resolved: ResolvedModel) -> CuratedTarget:
        """Return the target."""
        return self.select


@pytest.fixture
def lake() -> Lake:
    made = Lake()
    made.services.models.deploy([a_model("m", "people"), a_model("n", "m")], "kim")
    return made


def asked(lake: Lake) -> Run:
    """Ask for a refresh; return its run."""
    models.ask(lake.services, lake.run(RunState.COMMITTED))
    [run] = lake.services.ledger.runs("m")
    return run


def refresh(lake: Lake, run: Run, select: Select, lease_s: float = 600) -> Run:
    """Refresh with a target; return the record."""
    given = {each.name: getattr(lake.services, each.name) for each in fields(Services)}
    services = Refreshing(**given, select=select)
    services = replace(services, settings=replace(services.settings, lease_s=lease_s))
    try:
        refreshes.refresh(RefreshRequest(model="m", run_id=run.run_id), services)
    finally:
        found = lake.services.ledger.find("m", run.run_id)
    assert found
    return found


def test_lease_is_renewed_while_the_select_runs(lake: Lake) -> None:
    run = asked(lake)

    def expiry() -> object:
        found = lake.services.ledger.find("m", run.run_id)
        assert found
        assert found.lease
        return found.lease.expires_at

    def take_long() -> None:
        before, deadline_s = expiry(), time.monotonic() + DEADLINE_S
        lake.now += timedelta(minutes=5)
        while expiry() == before:
            assert time.monotonic() < deadline_s, "the lease is as it was"
            time.sleep(0.005)

    assert refresh(lake, run, Select(take_long), lease_s=0.04).state is RunState.COMMITTED


def test_refresh_that_is_cancelled_meanwhile_is_not_committed(lake: Lake) -> None:
    run = asked(lake)

    def cancel() -> None:
        requests.cancel(lake.services, run, "kim")

    select = Select(cancel)

    with pytest.raises(LeaseHeldError):
        refresh(lake, run, select)

    found = lake.services.ledger.find("m", run.run_id)
    assert found
    assert (found.state, select.commits) == (RunState.FAILED, [])
    assert not list(lake.services.ledger.runs("n"))


def test_commit_that_the_ledger_did_not_hear_of_gets_its_receipt(lake: Lake) -> None:
    before = Refreshed(outcome=Refresh.ALREADY, receipt=a_receipt(), inputs={"people": "r"})

    found = refresh(lake, asked(lake), Select(answer=before))

    assert (found.state, found.receipt) == (RunState.COMMITTED, a_receipt())
    assert [each.state for each in lake.services.ledger.runs("n")] == [RunState.STAGED]
