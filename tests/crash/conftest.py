"""A world for the tests of one module, so that nothing of it is left for those of others."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.lab import Lab, opened


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Start servers, put in the fault points, and take both away at the end."""
    logger = logging.getLogger("shared")
    quiet, was_propagating = logging.NullHandler(), logger.propagate
    logger.addHandler(quiet)
    logger.propagate = False
    folder: Path = tmp_path_factory.mktemp("crash")
    folder.chmod(0o755)
    with opened(folder) as world:
        yield world
    logger.removeHandler(quiet)
    logger.propagate = was_propagating
