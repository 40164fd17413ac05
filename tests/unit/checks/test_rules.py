"""Which rows break which check, for values of every kind, and what is refused."""

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from shared.checks import require_checkable
from shared.checks.rules import rules
from shared.config.tables import TableConfig
from shared.core.schemas import TableSchema
from shared.errors import InvalidConfigError
from shared.stage.arrow import arrow_schema
from tests.builders import a_schema, table_data

NAN = float("nan")


def a_table(*checks: dict[str, Any], **changes: Any) -> TableConfig:
    return TableConfig.model_validate(table_data(checks=list(checks), **changes))


def bad(kind: str, values: list[Any], /, **check: Any) -> list[Any]:
    """Return those of the values that break a check of column x."""
    schema = a_schema((), x=kind, y="int64")
    table = pa.RecordBatch.from_pydict(
        {"x": values, "y": [0] * len(values)}, schema=arrow_schema(schema)
    )
    of = {} if check["check"] == "predicate" else {"column": "x"}
    (rule,) = rules(a_table(of | check).checks, schema)
    return [values[i] for i in pc.indices_nonzero(rule.find_bad(table)).to_pylist()]


@pytest.mark.parametrize(
    ("kind", "values", "check", "expected"),
    [
        ("int64", [1, 5, 9, None], {"check": "range", "min": 2, "max": 8}, [1, 9]),
        ("int64", [1, 2], {"check": "range", "min": 1.5}, [1]),
        (
            "decimal(38,10)",
            [Decimal("0.1"), Decimal("0.3")],
            {"check": "range", "max": 0.2},
            [Decimal("0.3")],
        ),
        ("float64", [0.5, NAN, 2.0], {"check": "range", "max": 1}, [NAN, 2.0]),
        ("text", ["a", "B", None], {"check": "range", "min": "a"}, ["B"]),
        ("text", ["", "ab", "äöü", None], {"check": "length", "min": 1, "max": 2}, ["", "äöü"]),
        ("binary", [b"ab", b"abc"], {"check": "length", "max": 2}, [b"abc"]),
        ("text", ["N1", "x", None], {"check": "pattern", "matches": "^N[0-9]$"}, ["x"]),
        (
            "text",
            ["EWR", "JFK", "ewr", None],
            {"check": "in_set", "values": ["EWR", "JFK"]},
            ["ewr"],
        ),
        ("int64", [1, 2, None], {"check": "in_set", "values": [1]}, [2]),
        ("bool", [True, False, None], {"check": "in_set", "values": [True]}, [False]),
    ],
)
def test_rows_that_break_a_check_are_found(
    kind: str, values: list[Any], check: dict[str, Any], expected: list[Any]
) -> None:
    assert list(map(repr, bad(kind, values, **check))) == list(map(repr, expected))


@pytest.mark.parametrize(
    ("kind", "low"),
    [
        ("date", "2024-01-31"),
        ("timestamp", "2024-01-31 12:00"),
        ("timestamptz", "2024-01-31T12:00:00+01:00"),
    ],
)
def test_bounds_may_be_days_and_moments(kind: str, low: str) -> None:
    fields = arrow_schema(a_schema((), x=kind))
    texts = ["2024-01-30", "2024-02-01"]
    values = pa.array(texts).cast(pa.timestamp("us")).cast(pa.date32()).cast(pa.timestamp("us"))
    values = values.cast(fields.field("x").type) if kind != "date" else values.cast(pa.date32())

    found = bad(kind, values.to_pylist(), check="range", min=low)

    assert [str(v)[:10] for v in found] == ["2024-01-30"]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("x > y", [-1, 0]),
        ("x > y OR x = 0", [-1]),
        ("NOT x BETWEEN -1 AND 0", [-1, 0]),
        ("x IN (5, 0)", [-1]),
        ("x IS NOT NULL", [None]),
        ("abs(x) * 2 + 1 <= 3.5", [5]),
        ("coalesce(x, 7) <> 7", [None]),
        ("x / 0 > 1 OR x <= 0", []),
    ],
)
def test_condition_is_broken_where_it_is_false_and_not_where_it_is_unknown(
    sql: str, expected: list[Any]
) -> None:
    assert bad("int64", [5, 0, -1, None], check="predicate", sql=sql) == (
        sorted(expected, key=[5, 0, -1, None].index)
    )


@pytest.mark.parametrize(
    ("kind", "value", "sql"),
    [
        ("text", "abc", "x LIKE 'b%'"),
        ("text", "abc", "upper(x) || '!' = 'ABC'"),
        ("text", " ", "length(trim(x)) > 0"),
        ("date", None, "x IS NOT NULL AND x > '2024-01-01'"),
        ("bool", False, "x"),
        ("text", "it's", "\"x\" <> 'it''s'"),
    ],
)
def test_conditions_know_texts_days_and_booleans(kind: str, value: Any, sql: str) -> None:
    assert bad(kind, [value], check="predicate", sql=sql) == [value]


@pytest.mark.parametrize(
    ("check", "why"),
    [
        ({"check": "range", "column": "z", "min": 1}, "names z, but the columns are id, name, doc"),
        ({"check": "range", "column": "id", "min": "low"}, "'low' is no int64"),
        ({"check": "range", "column": "name", "min": 3}, "texts and moments belong in quotes"),
        ({"check": "in_set", "column": "name", "values": [False]}, "belong in quotes"),
        ({"check": "in_set", "column": "id", "values": [1.5]}, "id is int64"),
        ({"check": "length", "column": "id"}, "id is int64"),
        ({"check": "pattern", "column": "name", "matches": "(?=a)"}, "invalid perl operator"),
        ({"check": "predicate", "sql": "name + 1 > 2"}, "no arithmetic with string"),
        ({"check": "predicate", "sql": "id + 1"}, "not true or false"),
        ({"check": "predicate", "sql": "id = 'one'"}, "'one' is no int64"),
        ({"check": "freshness", "column": "id", "max_age": "1d"}, "measures no time"),
        ({"check": "unique", "columns": ["doc"]}, "doc is json"),
    ],
)
def test_check_that_does_not_suit_its_column_is_refused(check: dict[str, Any], why: str) -> None:
    schema = a_schema(id="int64", name="text", doc="json")

    with pytest.raises(InvalidConfigError) as refused:
        require_checkable(a_table(check), schema)

    assert why in refused.value.message
    assert str(check.get("column", "")) in refused.value.message


def test_rules_of_columns_name_columns() -> None:
    with pytest.raises(InvalidConfigError, match="columns of flights names nam"):
        require_checkable(
            a_table(columns={"nam": {"sensitive": True}}), TableSchema(a_schema().columns)
        )
