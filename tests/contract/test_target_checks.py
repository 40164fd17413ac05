"""Tests that only a target can make of rows: before a run is published, and of the table itself."""

import datetime as dt
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from shared.core.checks import Breach
from shared.core.modes import SyncMode
from shared.core.schemas import TableSchema
from shared.errors import IntegrityError
from shared.targets.base import Outcome, Parent, Published, RowTest, StagedTests
from tests.builders import a_schema
from tests.contract.engines import Engine
from tests.contract.targets import Table, a_merge

UNIQUE = RowTest(name="unique", columns=("name",))
APPEND = {"mode": SyncMode.APPEND, "schema": a_schema(())}


@pytest.fixture
def table(engine: Engine) -> Table:
    """Return a table that is not there yet."""
    return Table(engine)


def publish(table: Table, rows: list[Any], *tests: RowTest, **changes: Any) -> Published:
    """Stage rows and publish them with tests that stop nothing."""
    run = table.run(rows, **changes)
    with table.target() as target:
        run.stage(target)
        return target.publish(run.manifest, StagedTests(tests))


def refers(table: Table, parent: Table, *columns: str) -> RowTest:
    """Return a test that names stand in a column of another table."""
    place = parent.resolved.table.place
    to = Parent(schema=place.schema_, table=place.table, columns=columns)
    return RowTest(name="references", columns=("name",), parent=to)


def test_repeated_values_of_a_full_load_are_counted_row_by_row_and_shown(table: Table) -> None:
    table.load([(9, "a")])
    rows = [(1, "a"), (2, "a"), (3, "b"), (4, None), (5, None), (6, "A"), (7, "a ")]

    published = publish(table, rows, UNIQUE)

    assert published.outcome is Outcome.COMMITTED
    assert published.breaches == {"unique": Breach(rows=2, sample=({"name": "a"},))}
    with table.target() as target:
        assert target.test([UNIQUE]) == published.breaches


def test_appended_row_is_compared_with_all_that_is_there(engine: Engine) -> None:
    table = Table(engine, schema=a_schema(()))
    table.load([(1, "a"), (2, "b")], **APPEND)

    published = publish(table, [(3, "b"), (4, "c"), (5, None)], UNIQUE, **APPEND)

    assert published.breaches["unique"] == Breach(rows=1, sample=({"name": "b"},))


def test_merged_row_is_compared_with_the_rows_that_it_does_not_replace(table: Table) -> None:
    table.load([(1, "a"), (2, "b"), (3, "c")], **a_merge())

    swapped = publish(table, [(1, "b"), (2, "a")], UNIQUE, **a_merge())
    taken = publish(table, [(1, "c")], UNIQUE, **a_merge())

    assert swapped.breaches["unique"].rows == 0
    assert taken.breaches["unique"] == Breach(rows=1, sample=({"name": "c"},))


def test_reference_is_looked_for_in_the_columns_of_the_other_table(
    engine: Engine, table: Table
) -> None:
    parent = Table(engine, schema=TableSchema(a_schema().columns, ("name",)))
    parent.load([(1, "a"), (2, "b")])

    published = publish(table, [(1, "b"), (2, "x"), (3, None)], refers(table, parent, "name"))

    assert published.breaches["references"] == Breach(rows=1, sample=({"name": "x"},))
    with table.target() as target:
        assert target.test([refers(table, parent, "name")])["references"].rows == 1


def test_table_that_is_not_there_has_no_row_to_refer_to(engine: Engine, table: Table) -> None:
    published = publish(table, [(1, "b")], refers(table, Table(engine), "name"))

    assert published.breaches["references"].rows == 1


def test_row_may_refer_to_another_of_its_own_table(engine: Engine) -> None:
    schema = a_schema(id="text", name="text")
    table = Table(engine, schema=schema)
    test = refers(table, table, "id")

    first = publish(table, [("a", None), ("b", "a"), ("c", "x")], test, schema=schema)
    merged = publish(table, [("d", "a"), ("e", "d"), ("f", "y")], test, **a_merge(schema=schema))
    replaced = publish(table, [("g", "a")], test, schema=schema, allow_empty=True)

    found = [p.breaches["references"].sample for p in (first, merged, replaced)]
    assert found == [({"name": "x"},), ({"name": "y"},), ({"name": "a"},)]


def test_test_that_must_not_be_broken_leaves_the_table_as_it_was(table: Table) -> None:
    table.load([(1, "a")])
    run = table.run([(1, "z"), (2, "z")])

    def require(breaches: Mapping[str, Breach]) -> None:
        raise IntegrityError(f"{breaches['unique'].rows} rows")

    with table.target() as target:
        run.stage(target)
        with pytest.raises(IntegrityError, match="2 rows"):
            target.publish(run.manifest, StagedTests([UNIQUE], require))
        committed = target.committed(run.manifest.run_id)

    assert committed is None
    assert table.rows() == [(1, "a")]


def test_table_that_was_never_loaded_has_nothing_to_test(table: Table) -> None:
    with table.target() as target:
        assert target.test([UNIQUE]) == {}


def test_values_of_every_kind_can_be_unique(engine: Engine) -> None:
    kinds = {"flag": "bool", "day": "date", "at": "timestamptz", "size": "decimal(9,2)"}
    schema = a_schema(id="int64", **kinds)
    row = (True, dt.date(2024, 1, 31), dt.datetime(2024, 1, 31, tzinfo=dt.UTC), Decimal("1.50"))
    table = Table(engine, schema=schema)
    tests = [RowTest(name=name, columns=(name,)) for name in kinds]

    published = publish(table, [(1, *row), (2, *row), (3, *[None] * 4)], *tests)

    assert {name: breach.rows for name, breach in published.breaches.items()} == (
        dict.fromkeys(kinds, 2)
    )
    assert all(len(breach.sample) == 1 for breach in published.breaches.values())


def test_scan_yields_the_values_that_were_loaded(engine: Engine) -> None:
    kinds = {"n": "decimal(20,4)", "t": "text", "b": "bool", "at": "timestamptz", "doc": "json"}
    schema = a_schema(id="int64", **kinds)
    moment = dt.datetime(2024, 1, 31, 12, 0, 0, 123456, tzinfo=dt.UTC)
    rows = [(1, Decimal("1.5000"), "ä'", True, moment, '{"a": 1}'), (2, *[None] * 5)]
    table = Table(engine, schema=schema)
    table.load(rows)

    with table.target() as target:
        found = [row for batch in target.scan(schema.names) for row in batch.to_pylist()]
        part = [row for batch in target.scan(["t"]) for row in batch.to_pylist()]

    one, two = sorted(found, key=lambda row: row["id"])
    assert json.loads(one.pop("doc")) == {"a": 1}
    assert tuple(one.values()) == rows[0][:-1]
    assert set(two.values()) == {2, None}
    assert sorted(part, key=repr) == [{"t": "ä'"}, {"t": None}]
    with Table(engine).target() as target:
        assert list(target.scan(["id"])) == []
