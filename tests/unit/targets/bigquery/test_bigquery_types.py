"""Types of BigQuery: what new columns get, and what existing ones hold unaltered."""

import pytest

from shared.core.schemas import DataType
from shared.targets.bigquery import types


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("bool", "BOOL"),
        ("int64", "INT64"),
        ("float64", "FLOAT64"),
        ("text", "STRING"),
        ("binary", "BYTES"),
        ("json", "STRING"),
        ("date", "DATE"),
        ("time", "TIME"),
        ("timestamp", "DATETIME"),
        ("timestamptz", "TIMESTAMP"),
        ("decimal(38,9)", "NUMERIC(38, 9)"),
        ("decimal(38,8)", "BIGNUMERIC(38, 8)"),
        ("decimal(10,10)", "BIGNUMERIC(10, 10)"),
        ("decimal(38,38)", "BIGNUMERIC(38, 38)"),
    ],
)
def test_new_column_has_the_type_that_takes_every_value(wanted: str, name: str) -> None:
    assert types.type_name(DataType.parse(wanted)) == name
    assert types.holds(name, DataType.parse(wanted))


@pytest.mark.parametrize(
    ("existing", "wanted", "is_held"),
    [
        ("NUMERIC", "decimal(38,9)", True),
        ("NUMERIC", "decimal(38,10)", False),
        ("BIGNUMERIC", "decimal(38,38)", True),
        ("NUMERIC(5, 2)", "decimal(18,2)", True),  # it refuses what is too large
        ("NUMERIC(5, 2)", "decimal(18,3)", False),  # it rounds
        ("NUMERIC(5, 2)", "int64", True),
        ("STRING(3)", "text", True),
        ("BYTES(3)", "binary", True),
        ("JSON", "json", False),
        ("TIMESTAMP", "timestamp", False),
        ("DATETIME", "timestamptz", False),
        ("FLOAT64", "int64", False),
        ("ARRAY<STRING>", "text", False),
    ],
)
def test_existing_column_holds_what_it_does_not_alter(
    existing: str, wanted: str, *, is_held: bool
) -> None:
    assert types.holds(existing, DataType.parse(wanted)) is is_held


@pytest.mark.parametrize(
    ("existing", "wanted", "is_wider"),
    [
        ("NUMERIC(10, 2)", "decimal(18,4)", True),
        ("NUMERIC(10, 2)", "decimal(38,20)", True),
        ("NUMERIC(10, 2)", "decimal(10,4)", False),
        ("NUMERIC", "decimal(38,20)", False),
        ("BIGNUMERIC(30, 2)", "decimal(32,4)", False),
        ("BIGNUMERIC(33, 2)", "decimal(37,4)", True),
        ("INT64", "decimal(38,2)", False),
        ("STRING", "int64", False),
    ],
)
def test_only_decimals_widen_and_never_lose_a_digit(
    existing: str, wanted: str, *, is_wider: bool
) -> None:
    assert types.widens(existing, DataType.parse(wanted)) is is_wider


def test_decimals_alone_are_rounded_by_existing_columns() -> None:
    assert types.rounds("NUMERIC(10, 2)", DataType.parse("decimal(18,4)"))
    assert not types.rounds("NUMERIC(10, 4)", DataType.parse("decimal(18,4)"))
    assert not types.rounds("INT64", DataType.parse("decimal(18,4)"))


@pytest.mark.parametrize("name", ["NUMERIC(18, 4)", "BIGNUMERIC(38, 37)", "INT64", "TIMESTAMP"])
def test_type_survives_the_way_into_the_catalogue_and_back(name: str) -> None:
    assert types.type_name(types.data_type(name)) == name
