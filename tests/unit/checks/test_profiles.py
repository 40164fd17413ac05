"""Profiles of columns, and the checks that they suggest."""

from typing import Any

import pyarrow as pa
import pytest

from shared.checks.profiles import MAX_COUNTED, MIN_ROWS, ColumnProfile, Profiler, suggested
from shared.checks.rules import rules
from shared.core.schemas import TableSchema
from shared.stage.arrow import arrow_schema
from tests.builders import a_schema
from tests.unit.checks.test_rules import a_table


def profiled(
    schema: TableSchema, *batches: dict[str, list[Any]], sensitive: tuple[str, ...] = ()
) -> dict[str, ColumnProfile]:
    profiler = Profiler(schema, sensitive)
    for values in batches:
        profiler.add(pa.RecordBatch.from_pydict(values, schema=arrow_schema(schema)))
    return {column.name: column for column in profiler.profile()}


def test_profile_counts_over_all_batches() -> None:
    schema = a_schema((), size="decimal(5,2)", name="text")

    found = profiled(
        schema, {"size": [None, 2], "name": ["a", "bb"]}, {"size": [1, 2], "name": ["bb", None]}
    )

    size, name = found["size"].as_data(), found["name"].as_data()
    assert (size["rows"], size["nulls"], size["distinct"], size["is_exact"]) == (4, 1, 2, True)
    assert (size["minimum"], size["maximum"]) == (1, 2)
    assert size["mean"] == pytest.approx(5 / 3)
    assert (name["shortest"], name["longest"], name["minimum"]) == (1, 2, "a")
    assert name["top"] == [["bb", 2], ["a", 1]]


def test_many_different_values_are_estimated_and_the_frequent_ones_are_kept() -> None:
    schema = a_schema((), name="text")
    count = 2 * MAX_COUNTED
    rows = [{"name": ["often", *map(str, range(i, i + 1000))]} for i in range(0, count, 1000)]

    found = profiled(schema, *rows)["name"]

    assert not found.is_exact
    assert found.distinct == pytest.approx(count, rel=0.15)
    assert found.top[0] == ("often", 20)


def test_empty_column_has_a_profile_too() -> None:
    found = profiled(a_schema((), x="int64", doc="json"), {"x": [None], "doc": [None]})

    assert (found["x"].nulls, found["x"].distinct, found["x"].minimum) == (1, 0, None)
    assert suggested(list(found.values())) == []


def test_suggested_checks_are_passed_by_the_rows_that_they_come_from() -> None:
    schema = a_schema(("id",), id="int64", origin="text", code="text", size="float64", day="date")
    days = pa.array(range(MIN_ROWS), pa.int32()).cast(pa.date32()).to_pylist()
    values = {
        "id": list(range(MIN_ROWS)),
        "origin": ["EWR", "JFK"] * (MIN_ROWS // 2),
        "code": [f"N{i:03}" for i in range(MIN_ROWS)],
        "size": [None, 0.5] * (MIN_ROWS // 2 - 1) + [2.5, -1],
        "day": days,
    }

    checks = suggested(list(profiled(schema, values).values()), key=("id",))

    assert [next(iter(a_table(c).checks)).title for c in checks] == [
        "not_null(origin, code, day)",
        "in_set(origin)",
        "unique(code)",
        "length(code)",
        "range(size)",
        "unique(day)",
        "range(day)",
    ]
    batch = pa.RecordBatch.from_pydict(values, schema=arrow_schema(schema))
    for rule in rules(a_table(*checks).checks, schema):
        assert not any(rule.find_bad(batch).to_pylist()), rule.check


def test_values_of_sensitive_columns_are_neither_shown_nor_suggested() -> None:
    schema = a_schema((), name="text")

    found = profiled(schema, {"name": ["secret"] * MIN_ROWS}, sensitive=("name",))["name"]

    assert "secret" not in str(found.as_data())
    assert "secret" not in str(suggested([found]))
