"""The versions of a reference table that every target keeps and brings back."""

import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from shared.core.manifests import Rewind
from shared.core.naming import NO_RUN
from shared.errors import RewindError, SluiceError, TargetUnavailableError
from shared.targets.base import Published
from shared.targets.bigquery.bookkeeping import Books
from shared.targets.bigquery.changes import Changes
from shared.targets.bigquery.versions import Versions
from tests.contract.engines import Engine
from tests.contract.targets import Table, changed


@pytest.fixture
def table(engine: Engine) -> Table:
    """Return a table that is not there yet."""
    return Table(engine)


def a_rewind(table: Table, run_id: str) -> Published:
    """Go back to a version that the target keeps, as the steps do it."""
    with table.target() as target:
        kept = target.version(run_id)
        assert kept is not None
        run = table.run([], schema=kept.schema)
        rewind = Rewind(run_id=run_id, watermark=None, layers=(), kept_rows=kept.rows)
        epoch = target.state().epoch
        manifest = replace(
            run.manifest, rewind=rewind, epoch=epoch, parts=(), staged=None, allow_empty=True
        )
        target.open_staging(manifest)
        for _ in range(2):
            target.restage_version(manifest)
        return target.publish(manifest)


def test_reference_table_keeps_what_a_load_replaces_and_brings_it_back(engine: Engine) -> None:
    table = Table(engine, config={"kind": "reference", "keep_versions": 2})
    table.place = {"schema": "ref"}
    first = table.load([(1, "first")])
    loads = [table.load([(1, text), (n, text)]) for n, text in enumerate("bcd", 2)]

    ids = [load.record.run_id for load in (first, *loads) if load.record]
    with table.target() as target:
        kept = [target.version(run_id) for run_id in ids]
    assert [version and version.rows for version in kept] == [None, 2, 2, None]

    back = a_rewind(table, ids[1])

    assert changed(back) == (1, 1, 1)
    assert back.record is not None
    assert back.record.rows_loaded == 2
    assert table.rows() == [(1, "b"), (2, "b")]
    assert changed(a_rewind(table, ids[3])) == (1, 1, 1)
    assert table.rows() == [(1, "d"), (4, "d")]


def test_what_was_there_before_the_first_load_is_kept_too(engine: Engine) -> None:
    table = Table(engine, config={"kind": "reference"})
    table.place = {"schema": engine.default_schema}
    table.query(engine.made("{t}", id=engine.whole))
    table.query("INSERT INTO {t} (id) VALUES (7)")
    table.query(f"ALTER TABLE {{t}} ADD COLUMN name {engine.text}".replace(*engine.add))

    table.load(allow_empty=True)

    assert changed(a_rewind(table, NO_RUN)) == (1, 0, 3)
    assert table.rows() == [(7, None)]


def test_rewind_that_brings_nothing_back_is_refused(engine: Engine) -> None:
    table = Table(engine, config={"kind": "reference"})
    table.place = {"schema": "ref"}
    first = table.load([(1, "first")])
    assert first.record is not None
    run = table.run([])
    rewind = Rewind(run_id=first.record.run_id, watermark=None, layers=())
    manifest = replace(
        run.manifest, rewind=rewind, epoch=1, parts=(), staged=None, allow_empty=True
    )

    with table.target() as target:
        target.open_staging(manifest)
        with pytest.raises(RewindError, match="names no run whose rows it brings back"):
            target.publish(manifest)

    assert table.rows() == [(1, "first")]


def test_versions_of_tables_whose_names_begin_alike_are_counted_apart(engine: Engine) -> None:
    short = f"t{uuid.uuid4().hex[:23]}"
    config = {"kind": "reference", "keep_versions": 2}
    for name in (f"{short}_and_much_more", short):
        table = Table(engine, name, place={"schema": "ref"}, config=config)
        loads = [table.load([(1, text)]).record for text in "abcd"]

        with table.target() as target:
            versions = [target.version(record.run_id) for record in loads if record]

        assert [bool(version) for version in versions] == [False, True, True, False]


# BigQuery -----------------------------------------------------------------------------------------


def before(
    monkeypatch: pytest.MonkeyPatch, owner: type, name: str, meanwhile: Callable[[], Any]
) -> None:
    """Have something happen before a method is first called."""
    real, called = getattr(owner, name), []

    def method(*args: Any) -> Any:
        if not called:
            called.append(name)
            meanwhile()
        return real(*args)

    monkeypatch.setattr(owner, name, method)


@pytest.mark.parametrize("is_same_run", [True, False], ids=["same run", "another run"])
@pytest.mark.parametrize("is_first", [True, False], ids=["first load", "later load"])
@pytest.mark.parametrize(
    ("owner", "name"),
    [(Changes, "check"), (Books, "require_epoch"), (Versions, "keep"), (Changes, "create")],
    ids=["check", "require_epoch", "keep", "create"],
)
def test_version_is_of_its_run_though_an_attempt_stood_still(
    bigquery_engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    owner: type,
    name: str,
    is_first: bool,
    is_same_run: bool,
) -> None:
    table = Table(bigquery_engine, config={"kind": "reference"}, place={"schema": "ref"})
    good = None if is_first else table.load([(1, "good")]).record
    slow = table.run([(1, "bad"), (2, "bad")])
    faster = slow if is_same_run else table.run([(1, "bad"), (2, "bad")])
    before(monkeypatch, owner, name, faster.load)

    with suppress(SluiceError):
        slow.load()

    with table.target() as target:
        version = target.version(good.run_id if good else NO_RUN)
    assert (version.rows if version else 0) == (1 if good else 0)


def test_version_has_what_people_changed_after_a_publish_that_failed(
    bigquery_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = Table(bigquery_engine, config={"kind": "reference"}, place={"schema": "ref"})
    good = table.load([(1, "good")]).record
    later = table.run([(1, "later"), (2, "later")])

    def fail() -> None:
        raise TargetUnavailableError("the network went away")

    before(monkeypatch, Changes, "create", fail)
    with pytest.raises(TargetUnavailableError):
        later.load()
    table.query("INSERT INTO {t} (id, name) VALUES (7, 'by hand')")
    later.load()

    with table.target() as target:
        version = target.version(good.run_id if good else "")
    assert version is not None
    assert version.rows == 2
