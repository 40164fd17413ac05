"""Statements for BigQuery: partitions of a merge, names, and what a script consists of."""

from datetime import date, timedelta

import pytest

from shared.errors import InvalidSchemaError
from shared.targets.bigquery import columns, sql
from shared.targets.bigquery.identifiers import MAX_COLUMN_CHARACTERS, quote, require_distinct
from tests.builders import a_schema


def test_columns_are_added_in_one_statement_that_may_be_repeated() -> None:
    added = columns.add_columns("`p`.`d`.`t`", list(a_schema((), a="int64", b="decimal(18,4)")))

    assert added == (
        "ALTER TABLE `p`.`d`.`t` ADD COLUMN IF NOT EXISTS `a` INT64, "
        "ADD COLUMN IF NOT EXISTS `b` NUMERIC(18, 4)"
    )


def test_staged_rows_are_taken_as_they_are_unless_something_is_altered() -> None:
    schema = list(a_schema())

    assert sql.altered("`s`", schema, {}) == "`s`"
    assert sql.altered("`s`", schema, {"name": sql.cut("name", 2)}) == (
        "(SELECT `id`, SUBSTR(`name`, 1, 2) AS `name` FROM `s`)"
    )


def test_days_of_a_merge_become_ranges() -> None:
    days = [date(2024, 1, 2), date(2024, 1, 1), date(2024, 3, 1), None]

    condition = sql.within("day", "DATE", days)

    assert condition == (
        "((t.`day` >= DATE '2024-01-01' AND t.`day` < DATE '2024-01-03') OR "
        "(t.`day` >= DATE '2024-03-01' AND t.`day` < DATE '2024-03-02') OR t.`day` IS NULL)"
    )


def test_many_days_become_the_one_range_that_spans_them() -> None:
    days = [date(2024, 1, 1) + timedelta(days=2 * n) for n in range(sql.MAX_RANGES + 1)]

    condition = sql.within("at", "TIMESTAMP", days)

    last = (days[-1] + timedelta(days=1)).isoformat()
    assert condition == (
        "((t.`at` >= TIMESTAMP '2024-01-01 00:00:00+00' "
        f"AND t.`at` < TIMESTAMP '{last} 00:00:00+00'))"
    )


def test_last_day_of_all_has_no_next_one() -> None:
    assert sql.within("day", "DATE", [date.max]) == "((t.`day` >= DATE '9999-12-31'))"


def test_merge_of_no_rows_touches_no_partition() -> None:
    assert sql.within("day", "DATE", []) == "FALSE"


def test_merge_of_key_columns_alone_updates_nothing() -> None:
    columns = list(a_schema(("id",), id="int64"))

    statement = sql.merge("`p`.`d`.`t`", "`p`.`d`.`s`", columns, ["id"])

    assert statement == (
        "MERGE `p`.`d`.`t` AS t USING `p`.`d`.`s` AS s ON t.`id` = s.`id` "
        "WHEN NOT MATCHED THEN INSERT (`id`) VALUES (s.`id`)"
    )


@pytest.mark.parametrize(
    "name", ["select", "two words", "Ünïcödé", "it's", "7up", "a&b%c", "x" * 300]
)
def test_name_that_bigquery_takes_is_quoted(name: str) -> None:
    assert quote(name) == f"`{name}`"


@pytest.mark.parametrize(
    "name", ["", "a!b", "a`b", "a\\b", "a.b", "a\nb", "_TABLE_x", "_partitiontime", "x" * 301]
)
def test_name_that_bigquery_does_not_take_is_refused(name: str) -> None:
    assert len(name) <= MAX_COLUMN_CHARACTERS or name == "x" * 301
    with pytest.raises(InvalidSchemaError, match="cannot be a name of a column in BigQuery"):
        quote(name)


def test_names_that_differ_by_case_alone_are_refused() -> None:
    with pytest.raises(InvalidSchemaError, match="columns Id and ID have the same name"):
        require_distinct(["Id", "other", "ID"])


def test_definition_of_a_table_says_how_it_is_laid_out() -> None:
    schema = a_schema(("id",), id="int64", day="date", at="timestamp")

    statement = sql.create_table(
        "`p`.`d`.`t`",
        list(schema),
        schema.primary_key,
        sql.partition(schema.column("at"), "month"),
        ["day"],
    )

    assert statement == (
        "CREATE TABLE `p`.`d`.`t` (`id` INT64 NOT NULL, `day` DATE, `at` DATETIME, "
        "PRIMARY KEY (`id`) NOT ENFORCED) "
        "PARTITION BY DATETIME_TRUNC(`at`, MONTH) CLUSTER BY `day`"
    )
    assert sql.partition(schema.column("day"), "day") == "`day`"
