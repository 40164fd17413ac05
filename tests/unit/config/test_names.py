"""What a source or a target may be called, in each database by its own rules."""

import pytest

from shared.config.tables import TableConfig
from tests.builders import table_data
from tests.unit.config.written_tables import a_table, bigquery_data, why


@pytest.mark.parametrize("name", ["", "Flights", "1st", "a-b", "a b", " flights", "flights\n"])
def test_name_that_is_no_folder_is_refused_with_the_rule(name: str) -> None:
    assert why(TableConfig, table_data(name=name)) == (
        f"name: {name!r} is not a table name: lower-case letters, digits and _, a letter first, "
        "at most 63"
    )


def test_names_in_snowflake_are_kept_as_written() -> None:
    table = a_table(snowflake={"database": "My DB", "schema": 'a"b', "table": " T "})

    assert table.snowflake
    assert (table.snowflake.schema_, table.snowflake.table) == ('a"b', " T ")


@pytest.mark.parametrize("key", ["database", "schema", "table"])
@pytest.mark.parametrize("name", ["", "x" * 256])
def test_name_that_snowflake_cannot_have_is_refused(key: str, name: str) -> None:
    place = {"database": "D", "schema": "S", "table": "T"} | {key: name}

    assert why(TableConfig, table_data(snowflake=place)).startswith(f"snowflake.{key}: String")


@pytest.mark.parametrize("name", ["", "x" * 64, "ü" * 32, "😀" * 16])
def test_name_that_postgres_would_cut_is_refused(name: str) -> None:
    problem = why(TableConfig, table_data(postgres={"table": name}))

    assert problem == f"postgres.table: {name!r} must have 1 to 63 bytes"


@pytest.mark.parametrize("name", ["x" * 63, "ü" * 31, 'a"b', "Order Items"])
def test_name_that_postgres_keeps_is_kept(name: str) -> None:
    table = a_table(postgres={"schema": name, "table": name})

    assert table.postgres
    assert (table.postgres.schema_, table.postgres.table) == (name, name)


def test_bookkeeping_schema_is_no_target() -> None:
    problem = why(TableConfig, table_data(postgres={"schema": "_sluice", "table": "state"}))

    assert problem.startswith("postgres.schema: _sluice is where Sluice keeps its own tables")


@pytest.mark.parametrize("name", ["", "x" * 129, "🦊" * 65, "a\x00b"])
def test_name_that_sql_server_does_not_take_is_refused(name: str) -> None:
    data = table_data(postgres=None, sqlserver={"table": name})

    assert "must have 1 to 128 characters" in why(TableConfig, data)


@pytest.mark.parametrize("name", ["flights", "Flüge 2024", "a-b_c", "表"])
def test_name_that_bigquery_takes_for_a_table_is_kept(name: str) -> None:
    table = TableConfig.model_validate(bigquery_data(table=name))

    assert table.target_kind == "bigquery"
    assert (table.place.schema_, table.place.table) == ("sales", name)
    assert TableConfig.model_validate(table.model_dump(by_alias=True)) == table


@pytest.mark.parametrize("name", ["", "a.b", "a$20240101", "a`b", "x" * 1025, "a\x00b"])
def test_name_that_bigquery_does_not_take_for_a_table_is_refused(name: str) -> None:
    assert "is no table name in BigQuery" in why(TableConfig, bigquery_data(table=name))
