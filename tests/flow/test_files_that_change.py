"""Files that are overwritten, deleted and dropped again while they are read: each by itself."""

from collections import Counter
from collections.abc import Callable

from shared.core.runs import Run, RunState
from tests.flow.cloud import Cloud

ROWS = 40_000
TABLE = "restless"
NAME = f"{TABLE}/one.csv"


def test_each_generation_is_loaded_whole_or_skipped_as_gone(cloud: Cloud) -> None:
    columns = {"generation": "int64", "row": "int64", "note": "text"}
    cloud.configure(TABLE, sync_mode="append", csv={"columns": columns})
    landing = cloud.services.settings.bucket("landing")

    dropped = [cloud.upload(NAME, content(1)), cloud.upload(NAME, content(2))]
    cloud.services.storage.delete(landing, NAME, dropped[-1])
    dropped.append(cloud.upload(NAME, content(3)))

    states = {
        number: cloud.await_run(TABLE, ended(f"gs://{landing}/{NAME}#{generation}")).state
        for number, generation in enumerate(dropped, 1)
    }
    assert states[3] is RunState.COMMITTED
    assert set(states.values()) <= {RunState.COMMITTED, RunState.SKIPPED}
    found = dict(cloud.target(f"SELECT generation, count(*) FROM {TABLE} GROUP BY 1"))
    loaded = {number: ROWS for number, state in states.items() if state is RunState.COMMITTED}
    assert found == loaded
    assert Counter(run.trigger_key for run in cloud.runs(TABLE)).most_common(1)[0][1] == 1


def content(number: int) -> bytes:
    """Return a file that takes a while to read."""
    rows = (f"{number},{row},some words for the {row}th row\n" for row in range(ROWS))
    return ("generation,row,note\n" + "".join(rows)).encode()


def ended(key: str) -> Callable[[Run], bool]:
    """Return a test for the run of a generation, once it has ended."""
    return lambda run: run.trigger_key == key and run.is_terminal
