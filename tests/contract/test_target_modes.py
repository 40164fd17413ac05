"""How every target loads: full, merge, append, deletes, and what it refuses to lose."""

import datetime as dt

import pytest

from shared.core.modes import SyncMode
from shared.core.schemas import TableSchema
from shared.errors import (
    EmptySourceError,
    IntegrityError,
    TargetRefusedError,
)
from shared.targets.base import Outcome
from tests.builders import a_schema
from tests.contract.engines import Engine
from tests.contract.targets import ROWS, Table, a_merge, changed

APPEND = {"mode": SyncMode.APPEND, "schema": a_schema(())}


@pytest.fixture
def table(engine: Engine) -> Table:
    """Return a table that is not there yet."""
    return Table(engine)


# modes --------------------------------------------------------------------------------------------


def test_full_load_makes_the_table_with_its_key(table: Table) -> None:
    published = table.load()

    assert published.outcome is Outcome.COMMITTED
    assert changed(published) == (3, 0, 0)
    assert published.record is not None
    assert published.record.is_base
    assert table.rows() == ROWS
    with table.target() as target:
        schema = target.schema()
        assert schema is not None
        assert (schema.primary_key, schema.names) == (("id",), ["id", "name"])
        assert target.count() == 3


def test_full_load_by_key_touches_only_what_differs(table: Table) -> None:
    table.load()

    published = table.load([(2, "b"), (3, "C"), (4, "d")])

    assert changed(published) == (1, 1, 1)
    assert table.rows() == [(2, "b"), (3, "C"), (4, "d")]


def test_full_load_without_a_key_replaces_every_row(engine: Engine) -> None:
    table = Table(engine, schema=a_schema(()))
    table.load([(1, "a"), (1, "a")])

    published = table.load([(1, "a"), (None, None)])

    assert changed(published) == (2, 0, 2)
    assert sorted(table.rows(), key=repr) == [(1, "a"), (None, None)]


def test_older_snapshot_never_replaces_a_newer_one(table: Table) -> None:
    older, newer = table.run([(9, "old")]), table.run()
    newer.load()

    published = older.load()

    assert published.outcome is Outcome.SUPERSEDED
    assert table.rows() == ROWS


def test_merge_updates_what_changed_and_inserts_what_is_new(table: Table) -> None:
    table.load(**a_merge())

    published = table.load([(3, None), (4, "d"), (2, "b")], **a_merge())

    assert changed(published) == (1, 1, 0)
    assert table.rows() == [(1, "a"), (2, "b"), (3, None), (4, "d")]


def test_values_that_differ_in_case_or_blanks_alone_are_different(table: Table) -> None:
    table.load([(1, "a"), (2, "b"), (3, None)], **a_merge())

    published = table.load([(1, "A"), (2, "b "), (3, "")], **a_merge())

    assert changed(published) == (0, 3, 0)
    assert table.rows() == [(1, "A"), (2, "b "), (3, "")]


def test_keys_that_differ_in_case_alone_are_two_also_where_the_column_takes_them_for_one(
    postgres_engine: Engine,
) -> None:
    table = Table(postgres_engine, schema=TableSchema(a_schema().columns, ("name",)))
    table.query("CREATE EXTENSION IF NOT EXISTS citext")
    table.query("CREATE TABLE {t} (id bigint, name citext PRIMARY KEY)")
    table.load([(1, "a"), (2, "b")])

    with pytest.raises(TargetRefusedError, match="unique"):
        table.load([(1, "a"), (2, "b"), (3, "A")])
    renamed = table.load([(1, "A"), (2, "b")])

    assert changed(renamed) == (1, 0, 1)
    assert table.rows() == [(1, "A"), (2, "b")]


def test_append_adds_rows_whatever_is_there(table: Table) -> None:
    table.load(**APPEND)

    published = table.load(**APPEND)

    assert changed(published) == (3, 0, 0)
    assert table.rows() == sorted([*ROWS, *ROWS])


def test_empty_run_makes_an_empty_table_and_moves_the_state(table: Table) -> None:
    published = table.load([], **a_merge())

    assert changed(published) == (0, 0, 0)
    assert table.rows() == []
    with table.target() as target:
        state = target.state()
        assert (state.epoch, state.run_id) == (1, published.record and published.record.run_id)


# guards -------------------------------------------------------------------------------------------


def test_guard_stops_a_full_load_that_would_lose_too_much(engine: Engine) -> None:
    table = Table(engine, config={"guard": {"max_shrink_percent": 30}})
    table.load()

    with pytest.raises(EmptySourceError, match="1 rows would replace 3 rows"):
        table.load([(1, "a")])

    assert table.rows() == ROWS
    assert changed(table.load([(1, "a")], allow_empty=True)) == (0, 0, 2)


def test_null_in_the_key_is_refused(table: Table) -> None:
    with pytest.raises(IntegrityError, match="1 rows have NULL in it"):
        table.load([(1, "a"), (None, "b")])


# deletes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["hard", "soft"])
def test_rows_whose_key_is_gone_go_too(engine: Engine, mode: str) -> None:
    table = Table(engine, config={"deletes": {"mode": mode, "max_percent": 50}})
    table.load(**a_merge(keys=[(1,), (2,), (3,)]))

    published = table.load([(4, "d")], **a_merge(keys=[(1,), (3,), (4,)]))

    assert changed(published) == (1, 0, 1)
    if mode == "hard":
        assert [row[0] for row in table.rows()] == [1, 3, 4]
        return
    marked = table.query("SELECT id, _deleted_at FROM {t} WHERE _deleted_at IS NOT NULL")
    moment = dt.datetime(2024, 1, 31, tzinfo=dt.UTC)
    assert [(key, at.replace(microsecond=0)) for key, at in marked] == [(2, moment)]
    back = table.load([], **a_merge(keys=[(1,), (2,), (3,), (4,)]))
    assert changed(back) == (0, 1, 0)
    assert table.query("SELECT count(*) FROM {t} WHERE _deleted_at IS NULL") == [(4,)]


def test_too_many_keys_gone_stop_the_run(engine: Engine) -> None:
    table = Table(engine, config={"deletes": {"mode": "hard", "max_percent": 10}})
    table.load(**a_merge(keys=[(1,), (2,), (3,)]))

    with pytest.raises(EmptySourceError, match="1 of 3 rows"):
        table.load([], **a_merge(keys=[(1,), (2,)]))

    assert table.rows() == ROWS
