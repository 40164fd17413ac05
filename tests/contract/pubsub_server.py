"""Fixtures of the Pub/Sub contract: the servers with Google's clients, an endpoint to push to."""

from collections.abc import Iterator

import pytest

from tests.contract.pubsub_process import (
    GOOGLES_JAR,
    Bus,
    Overrun,
    Receiver,
    googles_process,
    our_process,
)


@pytest.fixture(scope="session")
def buses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Bus]]:
    """Every server there is, started once, all at the same time."""
    process, control_port = our_process(tmp_path_factory.mktemp("pubsub"))
    started = {"ours": (process, control_port)}
    if GOOGLES_JAR:
        started["googles"] = (googles_process(GOOGLES_JAR), None)
    for process, _ in started.values():
        process.launch()
    for process, _ in started.values():
        process.wait()
    buses = {name: Bus(*each) for name, each in started.items()}
    for bus in buses.values():
        bus.overrun = Overrun(bus)
    yield buses
    for bus in buses.values():
        bus.close()
        bus.process.stop()
        bus.overrun.receiver.close()


@pytest.fixture
def bus(request: pytest.FixtureRequest, buses: dict[str, Bus]) -> Bus:
    """Ours, unless the test asks for another one."""
    return buses[getattr(request, "param", "ours")]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """An endpoint to push to, which takes everything unless the test says otherwise."""
    receiver = Receiver()
    yield receiver
    receiver.close()
