"""What is shown of a run while somebody waits for it."""

import io
import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from rich.console import Console

from shared.cli.direct import Direct
from shared.cli.watching import LOOK_S, Whole, watch
from shared.core.runs import Run, RunState
from shared.wiring import Services
from tests.builders import AT, RUN_ID, a_manifest, a_plan, a_run, an_attempt
from tests.model.interleaving import Baton
from tests.model.memory import MemoryBus, MemoryStorage
from tests.unit.api.world import MemorySecrets, services_in_memory


@pytest.fixture
def services() -> Services:
    baton = Baton()
    storage = MemoryStorage(baton, lambda: datetime.now(UTC))
    return services_in_memory(storage, MemoryBus(baton), MemorySecrets(), lambda: AT)


def running(state: RunState = RunState.EXTRACTING, **changes: Any) -> Run:
    return replace(a_run(), state=state, attempts=(an_attempt(),), attempt_count=1, **changes)


def test_run_in_units_is_counted_in_units(services: Services) -> None:
    services.manifests.create_plan(a_plan(slices=3))

    assert Whole(services).of(running(progress_rows=7)) == (0, 3, "units")


def test_rows_have_a_whole_once_they_are_staged(services: Services) -> None:
    now_s = [0.0]
    whole = Whole(services, lambda: now_s[0])
    before = whole.of(running(progress_rows=4))
    services.manifests.create(a_manifest())

    still = whole.of(running(RunState.LOADING, progress_rows=5))
    now_s[0] += LOOK_S
    after = whole.of(running(RunState.LOADING, progress_rows=6))

    assert before == (4, None, "rows")
    assert still == (5, None, "rows"), "a look is a request, so not every poll has one"
    assert after == (6, 10, "rows")


def test_log_gets_a_line_for_each_state_and_a_terminal_a_bar(services: Services) -> None:
    services.ledger.open(running())
    shown = {is_live: io.StringIO() for is_live in (False, True)}
    ended: list[Run | None] = []

    def wait(is_live: bool) -> None:
        console = Console(file=shown[is_live], force_terminal=is_live, width=100)
        ended.append(watch(Direct(services), "flights", RUN_ID, 5.0, console))

    threads = [threading.Thread(target=wait, args=(is_live,)) for is_live in shown]
    for thread in threads:
        thread.start()
    while not all("extracting" in text.getvalue() for text in shown.values()):
        threads[0].join(0.01)
    services.ledger.change("flights", RUN_ID, lambda run: run.to(RunState.SKIPPED, AT))
    for thread in threads:
        thread.join()

    assert shown[False].getvalue() == "flights: extracting\n"
    assert [cast(Run, run).state for run in ended] == [RunState.SKIPPED] * 2


def test_run_that_does_not_end_is_given_back_as_it_is(services: Services) -> None:
    services.ledger.open(running())

    found = watch(Direct(services), "flights", RUN_ID, 0.0, None)

    assert found is not None
    assert found.state is RunState.EXTRACTING
    assert watch(Direct(services), "weather", RUN_ID, 0.0, None) is None
