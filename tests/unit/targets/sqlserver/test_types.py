"""Types in SQL Server, and which existing columns hold a run's values unaltered."""

import pytest

from shared.core.schemas import DataType
from shared.targets.sqlserver import types

EVERY = ["bool", "int64", "float64", "text", "binary", "date", "time", "timestamp", "timestamptz"]


@pytest.mark.parametrize("kind", [*EVERY, "decimal(38,10)", "decimal(1,0)"])
def test_new_column_is_read_back_as_what_it_was_made_for(kind: str) -> None:
    wanted = DataType.parse(kind)

    assert types.data_type(types.type_name(wanted)) == wanted
    assert types.holds(types.type_name(wanted), wanted)


@pytest.mark.parametrize(
    ("existing", "wanted"),
    [
        ("nvarchar(9) COLLATE X_CI_AS", "text"),
        ("nvarchar(max) COLLATE X_CI_AS", "json"),
        ("uniqueidentifier", "text"),
        ("int", "int64"),
        ("decimal(19,0)", "int64"),
        ("decimal(20,4)", "decimal(18,2)"),
        ("numeric(18,2)", "decimal(18,2)"),
        ("bigint", "decimal(9,0)"),
        ("datetime2(6)", "timestamp"),
        ("varbinary(9)", "binary"),
    ],
)
def test_column_that_keeps_or_refuses_every_value_will_do(existing: str, wanted: str) -> None:
    assert types.holds(existing, DataType.parse(wanted))


@pytest.mark.parametrize(
    ("existing", "wanted"),
    [
        ("varchar(max) COLLATE X_CI_AS", "text"),
        ("nchar(9) COLLATE X_CI_AS", "text"),
        ("datetime", "timestamp"),
        ("datetime2(3)", "timestamp"),
        ("datetime2(7)", "timestamptz"),
        ("datetimeoffset(7)", "timestamp"),
        ("real", "float64"),
        ("money", "decimal(18,4)"),
        ("decimal(18,2)", "decimal(18,4)"),
        ("float", "decimal(18,4)"),
        ("bigint", "decimal(9,1)"),
        ("uniqueidentifier", "json"),
        ("bit", "int64"),
    ],
)
def test_column_that_would_alter_a_value_is_refused(existing: str, wanted: str) -> None:
    assert not types.holds(existing, DataType.parse(wanted))


@pytest.mark.parametrize(
    ("existing", "wanted", "is_wider"),
    [
        ("decimal(10,2)", "decimal(18,4)", True),
        ("decimal(18,2)", "decimal(18,4)", False),
        ("real", "float64", True),
        ("datetime2(3)", "timestamp", True),
        ("datetime2(3)", "timestamptz", False),
        ("datetime", "timestamp", False),
        ("nvarchar(9) COLLATE X", "text", True),
        ("int", "int64", True),
        ("float", "decimal(18,4)", False),
    ],
)
def test_column_that_can_be_widened_is_known(existing: str, wanted: str, is_wider: bool) -> None:
    assert types.widens(existing, DataType.parse(wanted)) == is_wider


@pytest.mark.parametrize(
    ("existing", "limit"),
    [
        ("nvarchar(9) COLLATE X", 9),
        ("nvarchar(max)", None),
        ("uniqueidentifier", 36),
        ("int", None),
    ],
)
def test_length_of_a_column_is_known(existing: str, limit: int | None) -> None:
    assert types.length_limit(existing) == limit
