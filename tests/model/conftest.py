"""One world per directed scenario, on virtual time."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest

from shared.core.modes import SyncMode
from tests.model.world import Setup, World, on_virtual_time

NewWorld = Callable[..., World]


@pytest.fixture
def new_world() -> Iterator[NewWorld]:
    """Return a function that makes a world; its time is virtual until the test ends."""
    with ExitStack() as stack:

        def make(mode: SyncMode, *, lag_s: int = 0, **setup: Any) -> World:
            world = World(Setup(mode=mode, lag=timedelta(seconds=lag_s), **setup))
            stack.enter_context(on_virtual_time(world.clock))
            return world

        yield make
