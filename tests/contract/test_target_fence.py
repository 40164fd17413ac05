"""What every target promises under repeats, rivals, breaks and readers."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from shared.core.modes import SyncMode
from shared.errors import (
    IntegrityError,
    NotStagedError,
    SchemaConflictError,
)
from shared.targets.base import Outcome
from shared.targets.bigquery.bookkeeping import Books
from tests.builders import a_file, a_schema, a_window
from tests.contract.engines import Engine
from tests.contract.targets import ROWS, Table, a_merge, changed

APPEND = {"mode": SyncMode.APPEND, "schema": a_schema(())}


@pytest.fixture
def table(engine: Engine) -> Table:
    """Return a table that is not there yet."""
    return Table(engine)


# fence --------------------------------------------------------------------------------------------


def test_table_that_was_never_loaded_has_an_empty_state(table: Table) -> None:
    with table.target() as target:
        assert target.state().epoch == 0
        assert target.committed("20240131T000001Z-0123456789ab") is None
        assert target.schema() is None
        assert target.count() == 0
        assert target.lineage("20240131T000001Z-0123456789ab") == ()


def test_repeated_run_changes_nothing_and_gets_its_record(table: Table) -> None:
    run = table.run(**APPEND)
    first = run.load()

    again = run.load()

    assert (again.outcome, again.record) == (Outcome.ALREADY, first.record)
    assert table.rows() == ROWS


def test_window_that_starts_elsewhere_is_superseded(table: Table) -> None:
    table.load(**a_merge(window=a_window(None, "5"), epoch=0))

    published = table.load([(9, "z")], **a_merge(window=a_window(None, "9"), epoch=0))

    assert published.outcome is Outcome.SUPERSEDED
    assert "stands at 5, epoch 1" in published.reason
    assert table.rows() == ROWS
    with table.target() as target:
        assert (target.state().watermark, target.state().epoch) == ("5", 1)


def test_of_many_publishers_of_one_window_exactly_one_gets_through(table: Table) -> None:
    runs = [table.run([(n, "row")], **a_merge(window=a_window(), epoch=0)) for n in range(4)]
    outcomes: list[Outcome] = []

    def publish(run: Any) -> None:
        with table.target() as target:
            run.stage(target)
            barrier.wait()
            outcomes.append(target.publish(run.manifest).outcome)

    barrier = threading.Barrier(len(runs))
    with table.target() as target:
        target.open_staging(runs[0].manifest)
    threads = [threading.Thread(target=publish, args=(run,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == [Outcome.COMMITTED] + [Outcome.SUPERSEDED] * 3
    assert len(table.rows()) == 1


def test_file_of_the_same_content_is_loaded_once(table: Table) -> None:
    first = table.load(file=a_file(), **APPEND)
    other = table.load(file=a_file(name="again.csv"), **APPEND)

    assert (first.outcome, other.outcome) == (Outcome.COMMITTED, Outcome.DUPLICATE)
    assert "gs://acme-landing/feedback/january.csv#" in other.reason
    assert table.rows() == ROWS


@pytest.mark.parametrize("changes", [{}, {"is_backfill": True}, APPEND])
def test_table_that_is_gone_is_not_made_anew_by_a_run_that_reads_on(
    table: Table, changes: dict[str, Any]
) -> None:
    table.load(**a_merge(window=a_window(None, "5"), epoch=0))
    later = table.run([(9, "z")], **a_merge(window=a_window("5", "9"), epoch=1) | changes)
    table.query("DROP TABLE {t}")

    for publish in (later.load, later.load_directly):
        with pytest.raises(SchemaConflictError, match=f"run {table.name} --mode full` once"):
            publish()

    with table.target() as target:
        assert target.schema() is None
        assert (target.state().watermark, target.state().epoch) == ("5", 1)
    assert table.load().outcome is Outcome.COMMITTED
    assert later.load().outcome is Outcome.SUPERSEDED


@pytest.mark.parametrize("mode", SyncMode)
def test_files_whose_rows_are_gone_with_their_table_are_loaded_again(
    table: Table, mode: SyncMode
) -> None:
    table.schema = a_schema(()) if mode is SyncMode.APPEND else table.schema
    first, second = (a_file(name=f"{table.name}/{n}", sha256=f"{n:064}") for n in range(2))
    for file in (first, second):
        table.load(mode=mode, file=file)
    table.query("DROP TABLE {t}")

    for file in (second, first):
        run = table.run(mode=mode, file=replace(file, generation=2))
        assert run.load_directly().outcome is Outcome.COMMITTED
    again = table.load(mode=mode, file=replace(first, generation=3))

    assert again.outcome is Outcome.DUPLICATE
    assert len(table.rows()) == (6 if mode is SyncMode.APPEND else 3)


def test_slow_file_does_not_forget_the_one_that_made_the_table_anew(
    bigquery_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = Table(bigquery_engine)
    files = [a_file(name=f"{table.name}/{n}", sha256=f"{n:064}") for n in range(3)]
    table.load(file=files[0], **APPEND)
    table.query("DROP TABLE {t}")
    slow, faster = (table.run(file=file, **APPEND) for file in files[1:])
    real, calls = Books.forget_files, []

    def forget(self: Books, epoch: int) -> None:
        calls.append(epoch)
        if len(calls) == 1:
            faster.load()
        real(self, epoch)

    monkeypatch.setattr(Books, "forget_files", forget)
    slow.load()

    again = table.run(file=replace(files[2], generation=2), **APPEND)
    assert again.load().outcome is Outcome.DUPLICATE
    assert len(table.rows()) == 6


def test_lineage_begins_with_the_last_run_that_left_its_rows_alone(table: Table) -> None:
    full = table.load()
    merge = table.load([(4, "d")], **a_merge(epoch=1, window=a_window(None, "7")))

    with table.target() as target:
        assert merge.record is not None
        found = target.lineage(merge.record.run_id)

    assert full.record is not None
    assert [(load.run_id, load.watermark) for load in found] == [
        (full.record.run_id, None),
        (merge.record.run_id, "7"),
    ]


# staging ------------------------------------------------------------------------------------------


def test_part_is_staged_once_however_often_and_by_whomever(table: Table) -> None:
    run = table.run([(n, "row") for n in range(10)], parts=3)
    part = run.manifest.parts[0]

    with table.target() as one, table.target() as other:
        one.open_staging(run.manifest)
        for target in (one, other, one):
            target.stage(run.manifest, part, [run.batches[part.name]])
        assert other.open_staging(run.manifest) == {part.name}
        assert other.staging_runs()[run.manifest.run_id] > 0
        with pytest.raises(NotStagedError, match="4 rows of 10"):
            other.publish(run.manifest)
        run.stage(other)
        assert changed(one.publish(run.manifest)) == (10, 0, 0)
        assert run.manifest.run_id not in one.staging_runs()


def test_parts_come_at_once_over_several_connections(table: Table) -> None:
    run = table.run([(n, "x" * 500) for n in range(800)], parts=4)

    def stage(number: int) -> None:
        with table.target() as target:
            for part in run.manifest.parts[number:] + run.manifest.parts[:number]:
                target.stage(run.manifest, part, [run.batches[part.name]])

    with table.target() as target:
        target.open_staging(run.manifest)
        threads = [threading.Thread(target=stage, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        published = target.publish(run.manifest)

    assert changed(published) == (800, 0, 0)


def test_part_of_a_discarded_run_has_nowhere_to_go(table: Table) -> None:
    run = table.run()
    with table.target() as target:
        run.stage(target)
        target.discard(run.manifest)

        table.run().stage(target)  # another run's tables are there
        with pytest.raises(NotStagedError, match="gone"):
            target.stage(run.manifest, run.manifest.parts[0], [])


def test_part_that_breaks_off_leaves_nothing_staged(table: Table) -> None:
    run = table.run()
    part = run.manifest.parts[0]

    def broken() -> Iterator[Any]:
        yield run.batches[part.name]
        raise ConnectionResetError("the bucket went away")

    with table.target() as target:
        target.open_staging(run.manifest)
        with pytest.raises((ConnectionResetError, Exception), match="went away"):
            target.stage(run.manifest, part, broken())

    with table.target() as target:
        assert target.open_staging(run.manifest) == set()
        run.stage(target)
        assert changed(target.publish(run.manifest)) == (3, 0, 0)


# readers ------------------------------------------------------------------------------------------


def test_reader_sees_all_of_a_run_or_nothing(table: Table) -> None:
    table.load([(n, "old") for n in range(200)])
    is_done = threading.Event()
    seen: set[tuple[Any, ...]] = set()

    def read() -> None:
        connection = table.engine.connect()
        cursor = connection.cursor()
        while not is_done.is_set():
            cursor.execute(f"SELECT count(*), min(name), max(name) FROM {table.qualified}")
            seen.add(tuple(cursor.fetchone()))
        connection.close()

    reader = threading.Thread(target=read)
    reader.start()
    for text, size in (("new", 250), ("newer", 300)):
        table.load([(n, text) for n in range(size)])
    is_done.set()
    reader.join()

    assert seen <= {(200, "old", "old"), (250, "new", "new"), (300, "newer", "newer")}


def test_failed_publish_leaves_the_table_as_it_was(table: Table) -> None:
    table.load()

    with pytest.raises(IntegrityError, match="primary key"):
        table.load([(7, "x"), (7, "y")])

    assert table.rows() == ROWS
    with table.target() as target:
        assert target.state().epoch == 1
