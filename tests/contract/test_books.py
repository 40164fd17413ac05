"""The ``_sluice`` tables of a new PostgreSQL database, when several come first."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from shared.targets.postgres.dialect import POSTGRES
from shared.targets.relational import bookkeeping
from tests.contract.engines import Engine, PostgresEngine

WAIT_S = 20.0


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Start PostgreSQL."""
    with PostgresEngine.started(tmp_path_factory.mktemp("books-postgres")) as started:
        yield started


def transaction(engine: Engine) -> Any:
    """Open a connection that commits when it is told to."""
    connection = engine.connect()
    connection.autocommit = False
    return connection


def wait_for(engine: Engine, wanted: str) -> None:
    """Wait until a query finds something."""
    deadline_s = time.monotonic() + WAIT_S
    while not engine.query(wanted):
        assert time.monotonic() < deadline_s, f"never: {wanted}"
        time.sleep(0.01)


def test_tables_that_were_made_during_the_wait_for_their_lock_are_not_locked_again(
    engine: Engine,
) -> None:
    with closing(transaction(engine)) as first, closing(transaction(engine)) as second:
        bookkeeping.ensure(first.cursor(), POSTGRES)
        waiting = threading.Thread(target=bookkeeping.ensure, args=(second.cursor(), POSTGRES))
        waiting.start()
        wait_for(engine, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")

        first.commit()
        waiting.join(WAIT_S)

        assert not waiting.is_alive()
        held = "SELECT mode FROM pg_locks WHERE locktype = 'relation'"
        assert {mode for (mode,) in engine.query(held)} == {"AccessShareLock"}
