"""Any name that a source may have names a table, a schema and a column."""

import unicodedata
from importlib import import_module

import pytest

from shared.errors import InvalidSchemaError, SluiceError, TargetRefusedError
from tests.builders import a_schema
from tests.contract.engines import Engine
from tests.contract.targets import Table, a_merge, changed
from tests.hostile import NAMES


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


@pytest.mark.parametrize("what", ["VIEW", "MATERIALIZED VIEW"])
def test_view_in_the_place_of_a_table_is_refused_in_words(
    postgres_engine: Engine, what: str
) -> None:
    table = Table(postgres_engine)
    table.query(f"CREATE {what} {{t}} AS SELECT 1::bigint AS id, 'a'::text AS name")

    with table.target() as target, pytest.raises(TargetRefusedError, match=r"is a (mat.+ )?view"):
        target.fit(table.schema)


def kept_by(engine: Engine, names: tuple[str, ...]) -> list[str]:
    """Return those names that a database takes for columns, each one once to it."""
    quote = import_module(f"shared.targets.{engine.kind}.identifiers").quote
    kept: dict[str, str] = {}
    for name in names:
        try:
            quote(name)
        except InvalidSchemaError:
            continue
        kept.setdefault(unicodedata.normalize("NFKC", name).casefold(), name)
    return list(kept.values())


def test_hostile_names_name_columns_and_do_nothing_else(engine: Engine) -> None:
    canary = Table(engine)
    canary.load([(1, "alive")])
    names = kept_by(engine, NAMES)
    table = Table(engine, schema=a_schema((), **dict.fromkeys(names, "text")))
    values = [f"value {number}" for number in range(len(names))]

    table.load([values])

    assert len(names) > len(NAMES) / 4
    assert table.rows(names[0]) == [tuple(values)]
    assert canary.rows() == [(1, "alive")]


def test_a_refusal_does_not_quote_what_was_refused(engine: Engine) -> None:
    table = Table(engine)
    table.query(engine.made("{t}", id=engine.whole, name=engine.fox_text))
    table.load([(1, "a")])

    with pytest.raises(SluiceError) as refused:
        table.load([(2, "4711-0815")])

    assert "4711" not in f"{refused.value.message}{refused.value.facts}"
    assert "name" in refused.value.message
