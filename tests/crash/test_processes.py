"""Real processes die by SIGKILL or stand still, and Pub/Sub delivers again: a few of all cases."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from local.faultpoints.boards import Fault
from local.faultpoints.points import Action, Moment
from tests.crash.lanes import find
from tests.crash.matrix import Case, Verdict
from tests.crash.processes import City, ProcessTrack, opened

TABLE = "incremental, deletes"
FILE = "file, append"

CASES = (
    (TABLE, "extract", "http: PUT upload_id part", Action.KILL),
    (TABLE, "load", "postgres: send block to staged rows", Action.KILL),
    (TABLE, "load", "postgres: INSERT _sluice.loads", Action.KILL),
    (TABLE, "load", "storage: write run record #2", Action.KILL),
    (FILE, "ingest", "http: PUT upload_id part", Action.KILL),
    (TABLE, "load", "postgres: COMMIT transaction #4", Action.PAUSE),
)
"""Mid-upload; mid-COPY, before and after COMMIT; a file; and a zombie.

A zombie that held a lock would keep the others from their work until PostgreSQL ends its session.
"""


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """Start a cloud of its own: its functions die."""
    with opened(tmp_path_factory.mktemp("city")) as started:
        yield started


@pytest.mark.timeout(240)
def test_process_that_dies_or_stands_still_loses_and_doubles_nothing(city: City) -> None:
    with ThreadPoolExecutor(len(CASES)) as pool:
        verdicts = list(pool.map(lambda given: play(city, *given), CASES))
    city.await_quiet()

    assert {str(v.case): v.troubles for v in verdicts if v.troubles} == {}


def play(city: City, lane: str, step: str, point: str, action: Action) -> Verdict:
    """Play a case on a table of its own."""
    fault = Fault(step=step, point=point, moment=Moment.AFTER, action=action)
    track = ProcessTrack(find(lane), city)
    try:
        return track.play(Case(lane=lane, faults=(fault,)))
    finally:
        track.close()
