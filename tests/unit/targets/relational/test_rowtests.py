"""The statements that look for repeated values and for values that stand nowhere else."""

from types import ModuleType

import pytest

from shared.targets.postgres import rowtests as postgres
from shared.targets.sqlserver import rowtests as sqlserver
from tests.builders import a_column

COLUMNS = [a_column("name", "text"), a_column("flag", "bool")]

KNOWN = {
    postgres: 's."name" IS NOT NULL AND s."flag" IS NOT NULL',
    sqlserver: "s.[name] IS NOT NULL AND s.[flag] IS NOT NULL",
}
EXACT = {
    postgres: 's."name", s."flag"',
    sqlserver: "s.[name] COLLATE Latin1_General_100_BIN2, DATALENGTH(s.[name]), s.[flag]",
}


def test_values_are_repeated_only_where_each_character_is_the_same() -> None:
    assert postgres.count_repeated("R", COLUMNS) == (
        f"SELECT coalesce(sum(times), 0) FROM (SELECT count(*) AS times FROM R s "
        f"WHERE {KNOWN[postgres]} GROUP BY {EXACT[postgres]} HAVING count(*) > 1) r"
    )
    assert sqlserver.count_repeated("R", COLUMNS) == (
        f"SELECT COALESCE(SUM(times), 0) FROM (SELECT COUNT_BIG(*) AS times FROM R AS s "
        f"WHERE {KNOWN[sqlserver]} GROUP BY {EXACT[sqlserver]} HAVING COUNT_BIG(*) > 1) AS r"
    )


def test_some_repeated_values_are_shown() -> None:
    assert postgres.repeated("R", COLUMNS, 5) == (
        f"SELECT {EXACT[postgres]} FROM R s WHERE {KNOWN[postgres]} "
        f"GROUP BY {EXACT[postgres]} HAVING count(*) > 1 LIMIT 5"
    )
    assert sqlserver.repeated("R", COLUMNS, 5) == (
        "SELECT TOP (5) MIN(s.[name]) AS [name], MIN(CAST(s.[flag] AS int)) AS [flag] FROM R AS s "
        f"WHERE {KNOWN[sqlserver]} GROUP BY {EXACT[sqlserver]} HAVING COUNT_BIG(*) > 1"
    )


@pytest.mark.parametrize(
    ("engine", "expected"),
    [
        (
            postgres,
            (
                "EXISTS (SELECT 1 FROM (SELECT t.* FROM T t WHERE NOT EXISTS (SELECT 1 FROM R s "
                'WHERE t."id" = s."id")) t WHERE t."other" = s."name")'
            ),
        ),
        (
            sqlserver,
            (
                "EXISTS (SELECT 1 FROM (SELECT t.* FROM T AS t WHERE NOT EXISTS (SELECT 1 FROM R "
                "AS s WHERE t.[id] = s.[id])) AS t WHERE t.[other] = s.[name])"
            ),
        ),
    ],
)
def test_rows_that_a_merge_replaces_are_left_out_where_values_are_looked_for(
    engine: ModuleType, expected: str
) -> None:
    others = engine.not_staged("T", "R", ["id"], {})

    assert engine.stands_in(others, ["name"], ["other"], {}) == expected


def test_values_are_compared_as_the_types_of_the_other_table_need_it() -> None:
    casts = {"name": "uuid"}
    collated = {"name": "nvarchar(10) COLLATE Latin1_General_CI_AS"}

    cast = postgres.stands_in("T", ["name"], ["name"], casts)
    exact = sqlserver.stands_in("T", ["name"], ["name"], collated)

    assert 't."name" = s."name"::uuid' in cast
    assert "t.[name] {0} = s.[name] {0}".format("COLLATE Latin1_General_100_BIN2") in exact
