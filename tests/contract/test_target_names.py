"""Any name that a source may have names a table, a schema and a column."""

import pytest

from shared.errors import (
    InvalidSchemaError,
)
from tests.builders import a_schema
from tests.contract.targets import Engine, Table, a_merge, changed


@pytest.fixture
def table(engine: Engine) -> Table:
    """Return a table that is not there yet."""
    return Table(engine)


def longest(engine: Engine) -> str:
    """Return a name of the greatest length."""
    return "x" * engine.longest_name


@pytest.mark.parametrize("number", range(3))
def test_any_name_names_a_table_and_a_schema(engine: Engine, number: int) -> None:
    schema, name = engine.odd_places[number]
    table = Table(engine, place={"schema": schema, "table": name})
    table.query("DROP TABLE IF EXISTS {t}")

    table.load([(1, "1"), (2, "2")])
    published = table.load([(1, "1"), (2, "3"), (3, None)])

    assert changed(published) == (1, 1, 0)
    assert table.rows() == [(1, "1"), (2, "3"), (3, None)]


def test_any_name_names_a_column(engine: Engine) -> None:
    names = [*engine.odd_columns, "Order", "order_", longest(engine)]
    schema = a_schema((names[1], names[2]), **dict.fromkeys(names, "text"))
    table = Table(engine, schema=schema, config={"deletes": {"mode": "soft", "max_percent": 50}})
    first, second = ([f"{text}{n}" for n in range(len(names))] for text in "ab")
    table.load([first, second], **a_merge(keys=[first[1:3], second[1:3]]))

    published = table.load([[*first[:-1], None]], **a_merge(keys=[first[1:3]]))

    assert changed(published) == (0, 1, 1)
    assert table.rows(names[0]) == [(*first[:-1], None), tuple(second)]


def test_name_that_is_too_long_is_refused(engine: Engine) -> None:
    table = Table(engine, schema=a_schema((), **{"x" * (engine.longest_name + 66): "int64"}))

    with pytest.raises(InvalidSchemaError, match="cannot be a name"):
        table.load([(1,)])
