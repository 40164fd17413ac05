"""Files that are overwritten, deleted and dropped again while they are read: each by itself."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from shared.core.messages import IngestRequest
from shared.core.runs import Run, RunState
from tests.flow.cloud import Cloud

ROWS = 40_000
TABLE = "restless"
NAME = f"{TABLE}/one.csv"

GONE = (
    (RunState.FAILED, "FileGoneError", ""),
    (RunState.SKIPPED, None, "this generation was deleted or overwritten"),
)
"""How a run may end whose file went before it was read: overwritten, or deleted unseen."""


def test_each_generation_is_loaded_whole_or_not_at_all(cloud: Cloud) -> None:
    columns = {"generation": "int64", "row": "int64", "note": "text"}
    cloud.configure(TABLE, sync_mode="append", csv={"columns": columns})
    landing = cloud.services.settings.bucket("landing")

    dropped = [cloud.upload(NAME, content(1)), cloud.upload(NAME, content(2))]
    cloud.services.storage.delete(landing, NAME, dropped[-1])
    dropped.append(cloud.upload(NAME, content(3)))

    runs = {
        number: cloud.await_run(TABLE, ended(f"gs://{landing}/{NAME}#{generation}"))
        for number, generation in enumerate(dropped, 1)
    }
    assert runs[3].state is RunState.COMMITTED
    for run in (each for each in runs.values() if each.state is not RunState.COMMITTED):
        assert (run.state, run.failure and run.failure.error, run.reason) in GONE
    found = dict(cloud.target(f"SELECT generation, count(*) FROM {TABLE} GROUP BY 1"))
    loaded = {number: ROWS for number, run in runs.items() if run.state is RunState.COMMITTED}
    assert found == loaded
    assert Counter(run.trigger_key for run in cloud.runs(TABLE)).most_common(1)[0][1] == 1


def test_overwritten_file_is_read_from_its_original(cloud: Cloud) -> None:
    first, second = overwritten_while_the_target_was_down(cloud, "feed", sync_mode="append")

    assert (first.state, second.state) == (RunState.COMMITTED, RunState.COMMITTED)
    assert cloud.target("SELECT id FROM feed ORDER BY id") == [(0,), (1,), (2,)]
    manifest = cloud.services.manifests.find("feed", first.run_id)
    assert manifest is not None
    assert manifest.file is not None
    assert (
        first.trigger_key == f"gs://{manifest.file.bucket}/feed/next.csv#{manifest.file.generation}"
    )
    assert manifest.file.original.endswith(f"{first.run_id}/next.csv")


def test_overwritten_file_of_which_no_original_is_kept_fails(cloud: Cloud) -> None:
    first, second = overwritten_while_the_target_was_down(
        cloud, "feed_unkept", sync_mode="append", raw=False
    )

    assert (first.state, second.state) == (RunState.FAILED, RunState.COMMITTED)
    assert first.failure is not None
    assert first.failure.error == "FileGoneError"
    assert "feed_unkept/next.csv" in first.failure.message
    assert cloud.target("SELECT id FROM feed_unkept ORDER BY id") == [(0,), (2,)]


def test_newer_file_takes_the_place_of_one_that_it_replaces_anyway(cloud: Cloud) -> None:
    first, second = overwritten_while_the_target_was_down(cloud, "feed_whole", sync_mode="full")

    assert (first.state, second.state) == (RunState.SKIPPED, RunState.COMMITTED)
    assert cloud.target("SELECT id FROM feed_whole") == [(2,)]


def test_deleted_file_whose_run_had_begun_is_read_from_its_original(cloud: Cloud) -> None:
    with unreachable_target(cloud, "feed_deleted", sync_mode="append"):
        generation = cloud.upload("feed_deleted/next.csv", b"id,name\n1,monday\n")
        key = await_failure(cloud, "feed_deleted", generation)
        landing = cloud.services.settings.bucket("landing")
        cloud.services.storage.delete(landing, "feed_deleted/next.csv", generation)

    run = cloud.await_run("feed_deleted", ended(key))

    assert run.state is RunState.COMMITTED
    assert cloud.target("SELECT id FROM feed_deleted ORDER BY id") == [(0,), (1,)]


def test_file_that_was_overwritten_before_anybody_looked_fails(cloud: Cloud) -> None:
    cloud.configure("feed_late", sync_mode="append", csv={})
    newer = cloud.drop("feed_late/next.csv", b"id\n1\n")
    landing = cloud.services.settings.bucket("landing")
    lost = IngestRequest(
        bucket=landing, name="feed_late/next.csv", generation=1_700_000_000_000_000
    )

    status = cloud.push("ingest", b"", attributes=lost.attributes())

    run = cloud.await_run("feed_late", ended(lost.key))
    assert status == 204
    assert (newer.state, run.state) == (RunState.COMMITTED, RunState.FAILED)
    assert run.failure is not None
    assert "was overwritten before it was read" in run.failure.message


@contextmanager
def unreachable_target(
    cloud: Cloud, table: str, *, sync_mode: str, raw: bool = True
) -> Iterator[None]:
    """Load a file, and let the target be down for the next ones."""
    rules: dict[str, Any] = {
        "sync_mode": sync_mode,
        "csv": {"columns": {"id": "int64", "name": "text"}, "raw": raw},
    }
    cloud.configure(table, **rules)
    assert cloud.drop(f"{table}/first.csv", b"id,name\n0,zero\n").state is RunState.COMMITTED
    cloud.configure(table, **rules, connections=cloud.connections(port=1))
    yield
    cloud.configure(table, **rules)


def overwritten_while_the_target_was_down(
    cloud: Cloud, table: str, *, sync_mode: str, raw: bool = True
) -> tuple[Run, Run]:
    """Write over a file whose run waits to try again; return the runs of both generations."""
    name = f"{table}/next.csv"
    with unreachable_target(cloud, table, sync_mode=sync_mode, raw=raw):
        first = await_failure(cloud, table, cloud.upload(name, b"id,name\n1,monday\n"))
        generation = cloud.upload(name, b"id,name\n2,tuesday\n")
    second = f"{first.rpartition('#')[0]}#{generation}"
    return cloud.await_run(table, ended(first)), cloud.await_run(table, ended(second))


def await_failure(cloud: Cloud, table: str, generation: int) -> str:
    """Wait for a failed attempt at a file, and return its key."""
    key = f"gs://{cloud.services.settings.bucket('landing')}/{table}/next.csv#{generation}"
    cloud.await_run(table, lambda run: run.trigger_key == key and run.failure is not None)
    return key


def content(number: int) -> bytes:
    """Return a file that takes a while to read."""
    rows = (f"{number},{row},some words for the {row}th row\n" for row in range(ROWS))
    return ("generation,row,note\n" + "".join(rows)).encode()


def ended(key: str) -> Callable[[Run], bool]:
    """Return a test for the run of a generation, once it has ended."""
    return lambda run: run.trigger_key == key and run.is_terminal
