"""Types in SQL Server, and which existing columns hold a run's values unaltered."""

import pytest

from shared.core.schemas import DataType
from shared.errors import SchemaConflictError
from shared.targets.sqlserver import types
from tests.builders import a_column

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


def test_conflict_names_the_columns_and_the_statements_that_mend_it() -> None:
    columns = [a_column("a", "text"), a_column("b")]

    with pytest.raises(SchemaConflictError) as error:
        types.require("[dbo].[t]", {"a": "varchar(5) COLLATE X"}, columns)

    assert error.value.message == (
        "table [dbo].[t] cannot hold the run's columns unaltered: b is missing; a is varchar(5) "
        "COLLATE X. Run ALTER TABLE [dbo].[t] ADD [b] bigint; ALTER TABLE [dbo].[t] ALTER COLUMN "
        "[a] nvarchar(max)"
    )


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
