"""One server for each module's tests that only look, and a new one for those that change."""

from collections.abc import Iterator

import pytest

from tests.unit.api.world import World


@pytest.fixture
def world() -> Iterator[World]:
    """Serve an API whose cloud holds nothing."""
    started = World.start()
    yield started
    started.stop()
