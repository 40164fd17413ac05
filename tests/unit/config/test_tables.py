"""What a table may say: each rule by one table that breaks it, and the defaults."""

from typing import Any

import pytest
from pydantic import ValidationError

from shared.config.connections import (
    Connections,
    PostgresConnection,
    SnowflakeConnection,
    SqlServerConnection,
)
from shared.config.csv_files import CsvFiles
from shared.config.rules import Deletes
from shared.config.tables import EnvironmentFile, TableConfig
from shared.core.modes import SyncMode
from tests.builders import file_table_data, table_data
from tests.unit.config.written_tables import (
    APPEND,
    INCREMENTAL,
    a_file_table,
    a_table,
    bigquery_data,
    why,
)

# Defaults -----------------------------------------------------------------------------------------


def test_table_of_three_keys_has_the_documented_defaults() -> None:
    table = a_table()

    assert table.postgres
    assert table.postgres.schema_ == "public"
    assert table.sync_mode is SyncMode.FULL
    assert table.primary_key is None
    assert table.lag is None
    assert table.null_cursor is None
    assert (table.schedule, table.time_zone) == ("manual", "UTC")
    assert (table.encryption, table.compression) == (False, "zstd")
    assert (table.guard.min_rows, table.guard.max_shrink_percent) == (0, 50.0)
    assert table.part_bytes == 64 * 2**20
    assert (table.source_kind, table.target_kind) == ("snowflake", "postgres")


def test_table_of_files_has_the_documented_defaults() -> None:
    table = a_file_table()

    assert table.csv == CsvFiles(null=[""], max_reject_percent=10.0, on_duplicate="skip")
    assert (table.source_kind, table.target_kind) == ("csv", "postgres")


def test_tables_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        a_table().schedule = "daily"


# Sources, targets, modes --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes", [{"csv": {}}, {"snowflake": None}, {"snowflake": None, "csv": None}]
)
def test_table_has_exactly_one_source(changes: dict[str, Any]) -> None:
    assert "give exactly one source: snowflake, or csv" in why(TableConfig, table_data(**changes))


def test_table_has_a_target() -> None:
    expected = "give exactly one target: postgres, sqlserver or bigquery"
    assert expected in why(TableConfig, table_data(postgres=None))
    assert expected in why(TableConfig, table_data(sqlserver={"table": "flights"}))


def test_reference_table_has_a_schema_of_its_own_unless_told_otherwise() -> None:
    told = {"schema": "public", "table": "flights"}
    kinds = [
        TableConfig.model_validate(table_data(kind="reference", postgres=place))
        for place in ({"table": "flights"}, told)
    ]

    assert [table.place.schema_ for table in kinds] == ["ref", "public"]
    assert TableConfig.model_validate(kinds[0].model_dump(by_alias=True)) == kinds[0]


def test_reference_table_is_loaded_whole() -> None:
    problem = why(
        TableConfig, table_data(kind="reference", sync_mode="append", csv={}, snowflake=None)
    )

    assert problem == ": kind reference is for sync_mode full, not append"


def test_freetds_is_not_asked_to_verify_a_certificate() -> None:
    assert "driver freetds cannot be told" in why(
        SqlServerConnection, {"host": "db", "driver": "freetds"}
    )
    SqlServerConnection.model_validate({"host": "db", "driver": "freetds", "tls": "unverified"})


@pytest.mark.parametrize("mode", ["incremental", "append"])
def test_window_of_snowflake_needs_a_column(mode: str) -> None:
    problem = why(TableConfig, table_data(sync_mode=mode))

    assert problem == f": sync_mode {mode} needs incremental_column"


def test_full_load_may_have_a_column() -> None:
    assert a_table(incremental_column="updated_at").sync_mode is SyncMode.FULL


def test_merge_may_leave_its_key_to_the_source() -> None:
    assert a_table(**INCREMENTAL).primary_key is None


def test_merge_without_a_key_is_refused() -> None:
    problem = why(TableConfig, table_data(**INCREMENTAL, primary_key=[]))

    assert problem == ": sync_mode incremental needs a primary_key"


@pytest.mark.parametrize("key", [None, []])
def test_merge_of_files_needs_a_key(key: list[str] | None) -> None:
    data = file_table_data(sync_mode="incremental", primary_key=key)

    assert "needs" in why(TableConfig, data)


def test_append_that_includes_null_cursors_is_refused() -> None:
    problem = why(TableConfig, table_data(**APPEND, null_cursor="include"))

    assert "null_cursor include would append the same rows in every run" in problem


@pytest.mark.parametrize("policy", ["fail", "skip"])
def test_append_may_fail_on_null_cursors_or_skip_them(policy: str) -> None:
    assert a_table(**APPEND, null_cursor=policy).null_cursor == policy


def test_key_that_names_a_column_twice_is_refused() -> None:
    assert why(TableConfig, table_data(primary_key=["a", "b", "a"])) == (
        "primary_key: names a column twice"
    )


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"schedule": "daily"}, "has no schedule: it moves when a file is dropped"),
        ({"incremental_column": "at"}, "has no incremental_column: each file is read whole"),
        (
            {"csv": {"columns": {"a": "text"}}, "primary_key": ["b"]},
            "primary_key names no column; csv.columns has a",
        ),
    ],
)
def test_key_without_sense_in_a_table_of_files_is_refused(
    changes: dict[str, Any], problem: str
) -> None:
    assert problem in why(TableConfig, file_table_data(**changes))


def test_key_of_a_table_of_files_may_wait_for_its_columns() -> None:
    table = a_file_table(sync_mode="incremental", primary_key=["id"])

    assert table.primary_key == ["id"]


# Deletes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["hard", "soft"])
def test_merge_may_look_for_deletes(mode: str) -> None:
    table = a_table(**INCREMENTAL, deletes={"mode": mode})

    assert table.deletes == Deletes(mode=mode, max_percent=10.0)


def test_no_run_looks_for_deletes_unless_told() -> None:
    assert a_table(**INCREMENTAL).deletes is None


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (table_data(), "deletes is for sync_mode incremental: full removes rows anyway"),
        (table_data(**APPEND), "deletes is for sync_mode incremental: append only adds rows"),
        (file_table_data(), "deletes compares the keys of a whole table; a file is only a part"),
    ],
)
def test_deletes_of_another_table_are_refused_with_the_reason(
    data: dict[str, Any], problem: str
) -> None:
    assert why(TableConfig, data | {"deletes": {"mode": "hard"}}) == f": {problem}"


@pytest.mark.parametrize(
    "deletes",
    [{"mode": "gone"}, {"mode": "hard", "max_percent": 101}, {"mode": "hard", "max_percent": -1}],
)
def test_deletes_out_of_range_are_refused(deletes: dict[str, Any]) -> None:
    key = list(deletes)[-1]

    assert why(TableConfig, table_data(**INCREMENTAL, deletes=deletes)).startswith(f"deletes.{key}")


# Connections --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data", [{}, {"instance": "p:r:i", "host": "h"}, {"instance": None, "host": None}]
)
def test_postgres_is_reached_in_exactly_one_way(data: dict[str, Any]) -> None:
    assert "give either instance (Cloud SQL) or host" in why(PostgresConnection, data)


@pytest.mark.parametrize("port", [0, 65536, -1, "x"])
def test_port_out_of_range_is_refused(port: Any) -> None:
    assert why(PostgresConnection, {"host": "h", "port": port}).startswith("port: ")


def test_secrets_are_named_and_never_written() -> None:
    fields = [*SnowflakeConnection.model_fields, *PostgresConnection.model_fields]

    assert [f for f in fields if "password" in f or "key" in f] == [
        "private_key_secret",
        "password_secret",
    ]
    assert why(PostgresConnection, {"host": "h", "password": "x"}).startswith("password: Extra")


@pytest.mark.parametrize("name", ["db-password", "Db_1", "db-password:3"])
def test_secret_may_be_named_with_its_version(name: str) -> None:
    found = PostgresConnection.model_validate({"host": "h", "password_secret": name})

    assert found.password_secret == name


@pytest.mark.parametrize(
    "name", ["", "a b", "a:", "a:0", "a:latest", "a/versions/1", "../a", "a\n"]
)
def test_what_can_be_no_secrets_name_is_refused(name: str) -> None:
    assert why(PostgresConnection, {"host": "h", "password_secret": name}).startswith(
        "password_secret: "
    )


def test_environment_may_be_empty() -> None:
    assert EnvironmentFile.model_validate({}) == EnvironmentFile(
        connections=Connections(), tables={}
    )


@pytest.mark.parametrize("own", list(SyncMode))
@pytest.mark.parametrize("asked", [None, *SyncMode])
def test_run_has_the_table_s_own_mode_or_reads_it_whole(
    own: SyncMode, asked: SyncMode | None
) -> None:
    place = {"database": "D", "schema": "S", "table": "T"}
    cursor = None if own is SyncMode.FULL else "at"
    table = TableConfig.model_validate(
        {
            "name": "t",
            "snowflake": place,
            "postgres": {"table": "t"},
            "sync_mode": own,
            "incremental_column": cursor,
        }
    )

    if asked in (None, own, SyncMode.FULL):
        assert table.mode_of_run(asked) is (asked or own)
    else:
        with pytest.raises(ValueError, match=f"not {asked}"):
            table.mode_of_run(asked)


def test_part_of_a_merged_table_can_be_read_again() -> None:
    a_table(**INCREMENTAL).require_backfill()


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (a_table(**APPEND), "would add rows that are there already"),
        (a_table(), "reads all of it"),
        (a_file_table(), "comes from files"),
    ],
)
def test_part_of_any_other_table_cannot_be_read_again(table: TableConfig, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        table.require_backfill()


# BigQuery -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place",
    [
        {"dataset": "two words"},
        {"dataset": "_sluice"},
        {"cluster_by": ["a", "b", "c", "d", "e"]},
        {"cluster_by": ["a", "a"]},
        {"partition_by": {"column": "day", "by": "week"}},
        {"labels": {"Team": "x"}},
        {"project": "P"},
    ],
)
def test_layout_that_bigquery_does_not_take_is_refused(place: dict[str, Any]) -> None:
    assert why(TableConfig, bigquery_data(**place)).startswith("bigquery.")


def test_reference_table_in_bigquery_has_a_dataset_of_its_own() -> None:
    data = table_data(kind="reference", postgres=None, bigquery={"table": "codes"})

    assert TableConfig.model_validate(data).place.schema_ == "ref"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"encryption": True}, "cannot encrypt them with our own keys"),
        (
            {"columns": {"mail": {"protect": "hash"}, "age": {"protect": "drop"}}},
            "the true values of mail into the staging bucket",
        ),
        ({"read_back_percent": 5}, "reads from Snowflake a second time"),
    ],
)
def test_rows_that_must_not_lie_plain_in_the_bucket_are_not_unloaded(
    more: dict[str, Any], expected: str
) -> None:
    place = {"database": "D", "schema": "S", "table": "T", "strategy": "unload"}

    assert expected in why(TableConfig, table_data(snowflake=place) | more)
    assert TableConfig.model_validate(table_data(snowflake=place)).unloads


def test_column_that_is_dropped_does_not_keep_a_table_from_being_unloaded() -> None:
    place = {"database": "D", "schema": "S", "table": "T", "strategy": "unload"}
    columns = {"age": {"protect": "drop"}}

    assert TableConfig.model_validate(table_data(snowflake=place, columns=columns)).unloads


def test_bigquery_is_not_asked_to_read_what_it_cannot_open() -> None:
    data = bigquery_data(load="uri") | {"encryption": True}

    assert "it cannot open parts that are encrypted" in why(TableConfig, data)
    assert TableConfig.model_validate(bigquery_data() | {"encryption": True}).encryption
