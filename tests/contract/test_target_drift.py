"""What targets do when the columns of a source change: evolve, freeze, rescue."""

from decimal import Decimal
from typing import Any

import pytest

from shared.core.modes import SyncMode
from shared.core.schemas import TableSchema
from shared.errors import (
    SchemaConflictError,
    TargetRefusedError,
    ValueNotRepresentableError,
)
from shared.stage.rescue import fold
from tests.builders import a_schema
from tests.contract.engines import Engine
from tests.contract.targets import ROWS, Row, Table, a_batch, a_merge, changed

WIDE = a_schema(id="int64", name="text", age="int64")
WIDE_ROWS: list[Row] = [(*row, 5) for row in ROWS]


@pytest.fixture
def table(engine: Engine) -> Table:
    """Return a table that is not there yet."""
    return Table(engine)


def a_table(engine: Engine, policy: str, schema: TableSchema | None = None) -> Table:
    """Return a table with a policy."""
    return Table(engine, schema=schema or a_schema(), config={"drift": policy})


def said(table: Table) -> list[tuple[str, ...]]:
    """Return what the history of the table's schemas says of each."""
    with table.target() as target:
        return [each.changes for each in target.schemas()]


# freeze -------------------------------------------------------------------------------------------


def test_frozen_table_refuses_a_run_that_lacks_a_column(table: Table) -> None:
    table.load()

    with pytest.raises(SchemaConflictError, match="name is gone from the source") as error:
        table.load([(1,), (4,)], schema=a_schema(id="int64"), allow_empty=True)

    assert "To be rid of what is gone: ALTER TABLE" in error.value.message
    assert "Run " not in error.value.message
    assert table.rows() == ROWS


def test_frozen_table_refuses_an_append_that_lacks_a_column(engine: Engine) -> None:
    table = Table(engine, schema=a_schema(()))
    table.load(mode=SyncMode.APPEND)

    with pytest.raises(SchemaConflictError, match="name is gone"):
        table.load([(4,)], schema=a_schema((), id="int64"), mode=SyncMode.APPEND)


def test_column_of_somebody_elses_is_none_that_is_gone(table: Table) -> None:
    table.load()
    added = f"ALTER TABLE {{t}} ADD COLUMN theirs {table.engine.whole}"
    table.query(added.replace(*table.engine.add))

    assert changed(table.load()) == (0, 0, 0)


def test_rename_is_named_as_such_and_not_guessed(table: Table) -> None:
    table.load()

    with pytest.raises(SchemaConflictError, match="title may be name under another name"):
        table.load(schema=a_schema(id="int64", title="text"))


def test_order_of_columns_means_nothing(table: Table) -> None:
    table.load()

    published = table.load([("A", 1), ("b", 2), ("c", 3)], schema=a_schema(name="text", id="int64"))

    assert changed(published) == (0, 1, 0)
    assert table.rows() == [(1, "A"), (2, "b"), (3, "c")]


def test_conflict_is_known_before_anything_is_read(table: Table) -> None:
    table.load()

    with table.target() as target:
        assert target.fit(a_schema()) == a_schema()
        with pytest.raises(SchemaConflictError, match="age is missing"):
            target.fit(WIDE)


# evolve -------------------------------------------------------------------------------------------


def test_new_column_is_added_and_the_receipt_says_so(engine: Engine) -> None:
    table = a_table(engine, "evolve")
    table.load()

    published = table.load([(1, "a", 7)], schema=WIDE, **a_merge())

    assert changed(published) == (0, 1, 0)
    assert published.notes == (f"the table got age {engine.whole}",)
    assert table.query("SELECT id, age FROM {t} ORDER BY id") == [(1, 7), (2, None), (3, None)]


def test_narrower_type_in_the_table_is_widened_with_its_values(engine: Engine) -> None:
    table = a_table(engine, "evolve", a_schema(id="int64", price="decimal(10,2)"))
    table.load([(1, Decimal(1)), (2, Decimal(2))])

    wider = a_schema(id="int64", price="decimal(18,4)")
    published = table.load([(1, Decimal("1.2345"))], schema=wider, **a_merge())

    assert changed(published) == (0, 1, 0)
    assert [row[1] for row in table.rows()] == [Decimal("1.2345"), Decimal(2)]


def test_narrower_type_at_the_source_leaves_the_table_as_it_is(engine: Engine) -> None:
    table = a_table(engine, "evolve", a_schema(id="int64", price="decimal(18,4)"))
    table.load([(1, Decimal("1.2345"))])

    published = table.load(
        [(2, Decimal("1.25"))], schema=a_schema(id="int64", price="decimal(10,2)")
    )

    assert published.notes == ()
    assert [row[1] for row in table.rows()] == [Decimal("1.25")]
    assert said(table) == [(), ("price was decimal(18,4), is decimal(10,2)",)]


def test_type_that_no_widening_reaches_is_refused_by_every_policy(engine: Engine) -> None:
    table = a_table(engine, "evolve")
    table.load()

    with pytest.raises(SchemaConflictError, match=r"name is .*, which would alter values of int64"):
        table.load([(1, 1, 1)], schema=a_schema(id="int64", name="int64", age="int64"))

    with table.target() as target:
        found = target.schema()
    assert found is not None
    assert found.names == ["id", "name"]


def test_history_has_every_schema_and_how_it_differs(engine: Engine) -> None:
    table = a_table(engine, "evolve")
    table.load()
    table.load()
    table.load(WIDE_ROWS, schema=WIDE)
    table.load(schema=a_schema(id="int64", title="text"))

    with table.target() as target:
        past = target.schemas()

    assert [each.schema.names for each in past] == [
        ["id", "name"],
        ["id", "name", "age"],
        ["id", "title"],
    ]
    assert [each.changes for each in past] == [
        (),
        ("age is new (int64)",),
        (
            *("title is new (text)", "name is gone (text)", "age is gone (int64)"),
            "title may be name under another name",
        ),
    ]
    assert [each.epoch for each in past] == [1, 3, 4]


# rescue -------------------------------------------------------------------------------------------


def rescue(table: Table, rows: list[Row], source: TableSchema, **changes: Any) -> Any:
    """Load rows as the steps do it: in the columns that the target says fit."""
    with table.target() as target:
        staged = target.fit(source)
    folded = fold([a_batch(source, rows)], source, staged)
    return table.load([tuple(r.values()) for b in folded for r in b.to_pylist()], schema=staged)


def test_what_has_no_place_is_kept_beside_the_row(engine: Engine) -> None:
    table = a_table(engine, "rescue")
    rescue(table, ROWS, table.schema)

    published = rescue(table, [(1, "a", 7), (2, "b", None), (3, "c", 2**60)], WIDE)

    assert changed(published) == (0, 2, 0)
    assert table.rows() == ROWS
    kept = table.query(f"SELECT CAST(_rescued AS {engine.text}) FROM {{t}} ORDER BY id")
    assert kept == [('{"age": 7}',), (None,), ('{"age": "1152921504606846976"}',)]


def test_column_of_another_type_is_kept_beside_the_row(engine: Engine) -> None:
    table = a_table(engine, "rescue", a_schema(id="int64", n="int64"))
    rescue(table, [(1, 5)], table.schema)

    rescue(table, [(1, "five")], a_schema(id="int64", n="text"))

    text = engine.text
    found = table.query(f"SELECT n, CAST(_rescued AS {text}) FROM {{t}}")
    assert found == [(None, '{"n": "five"}')]


def test_table_that_was_there_before_gets_the_column(engine: Engine) -> None:
    table = a_table(engine, "rescue")
    table.query(engine.made("{t}", id=engine.whole))

    rescue(table, ROWS, table.schema)

    text = engine.text
    found = table.query(f"SELECT id, CAST(_rescued AS {text}) FROM {{t}} ORDER BY id")
    assert found[0] == (1, '{"name": "a"}')


def test_key_is_never_rescued(engine: Engine) -> None:
    table = a_table(engine, "rescue")
    rescue(table, ROWS, table.schema)

    with table.target() as target, pytest.raises(SchemaConflictError, match="id of table"):
        target.fit(a_schema(id="text", name="text"))


# what is refused under any policy -----------------------------------------------------------------


def test_new_column_is_named_with_what_to_do(table: Table) -> None:
    schema = a_schema(id="int64", name="text", age="int64")
    wider = [(*row, 5) for row in ROWS]
    table.load()

    with pytest.raises(SchemaConflictError, match="age is missing") as error:
        table.load(wider, schema=schema)

    table.query(error.value.message.partition(". Run ")[2])
    assert changed(table.load(wider, schema=schema)) == (0, 3, 0)


def test_column_that_the_source_has_lost_stays(engine: Engine) -> None:
    table = Table(engine, config={"drift": "evolve"})
    table.load()

    published = table.load([(1,), (4,)], schema=a_schema(id="int64"))

    assert changed(published) == (1, 0, 2)
    assert table.rows() == [(1, "a"), (4, None)]


def test_type_that_would_alter_values_is_refused(table: Table) -> None:
    table.query(table.engine.made("{t}", id="int", name="decimal(5,2)"))

    with pytest.raises(SchemaConflictError, match=r"name is (?i:numeric|decimal)"):
        table.load()


@pytest.mark.parametrize("text", ["longer", "🦊🦊🦊", "a    "])
def test_text_longer_than_its_column_is_refused(table: Table, text: str) -> None:
    engine = table.engine
    table.query(engine.made("{t}", id=engine.whole, name=engine.fox_text))
    table.load([(1, "a")])

    with pytest.raises(ValueNotRepresentableError, match="name"):
        table.load([(1, text)])

    assert table.rows() == [(1, "a")]


def test_missing_right_or_constraint_is_the_targets_own_refusal(table: Table) -> None:
    engine = table.engine
    name = f"{engine.short_text}(9) NOT NULL"
    table.query(engine.made("{t}", id=engine.whole, name=name))

    with pytest.raises((TargetRefusedError, ValueNotRepresentableError)):
        table.load([(1, None)])
