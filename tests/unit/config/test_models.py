"""What a table may say: each rule by one table that breaks it, and the defaults."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.config.connections import (
    Connections,
    PostgresConnection,
    SnowflakeConnection,
    SqlServerConnection,
)
from shared.config.csv_files import CsvFiles
from shared.config.models import EnvironmentFile, ResolvedTable, TableConfig
from shared.config.rules import Deletes
from shared.config.times import MAX_DURATION
from shared.core.modes import SyncMode
from shared.wire import from_json, to_json
from tests.builders import file_table_data, table_data

INCREMENTAL = {"sync_mode": "incremental", "incremental_column": "updated_at"}
APPEND = {"sync_mode": "append", "incremental_column": "created_at"}


def a_table(**changes: Any) -> TableConfig:
    return TableConfig.model_validate(table_data(**changes))


def a_file_table(**changes: Any) -> TableConfig:
    return TableConfig.model_validate(file_table_data(**changes))


def why(model: Any, data: dict[str, Any]) -> str:
    """Return the only problem of the data, with its place."""
    with pytest.raises(ValidationError) as refused:
        model.model_validate(data)
    (error,) = refused.value.errors()
    place = ".".join(str(p) for p in error["loc"])
    return f"{place}: {error['msg'].removeprefix('Value error, ')}"


# Defaults -----------------------------------------------------------------------------------------


def test_table_of_three_keys_has_the_documented_defaults() -> None:
    table = a_table()

    assert table.postgres
    assert table.postgres.schema_ == "public"
    assert table.sync_mode is SyncMode.FULL
    assert table.primary_key is None
    assert table.lag == timedelta(0)
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


# Names --------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("name", ["", "x" * 129, "🦊" * 65, "a\x00b"])
def test_name_that_sql_server_does_not_take_is_refused(name: str) -> None:
    data = table_data(postgres=None, sqlserver={"table": name})

    assert "must have 1 to 128 characters" in why(TableConfig, data)


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


# Durations ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0), ("90s", 90), ("15m", 900), ("2h", 7200), ("1d", 86400), (" 5 m ", 300)],
)
def test_duration_is_a_number_with_a_unit(text: str, seconds: int) -> None:
    assert a_table(lag=text).lag == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "5",
        "5w",
        "1.5h",
        "-5m",
        "5 minutes",
        "m",
        "1h30m",
        "-P1D",
        300,
        1.5,
        True,
        -1,
        None,
        [],
        "1\u0660s",
    ],
)
def test_what_is_no_duration_is_refused_with_the_form(value: Any) -> None:
    problem = why(TableConfig, table_data(lag=value))

    assert problem == f"lag: {value!r} is not a duration; write 90s, 15m, 2h or 1d"


@pytest.mark.parametrize("text", ["P", "Pferd", "PT"])
def test_broken_iso_duration_is_refused(text: str) -> None:
    assert why(TableConfig, table_data(lag=text)).startswith("lag: Input should be a valid")


@pytest.mark.parametrize("value", ["3661d", "P11Y", "999999999d", timedelta(seconds=-1)])
def test_duration_beyond_reason_is_refused(value: Any) -> None:
    assert "is not between 0s and 3660d" in why(TableConfig, table_data(lag=value))


@given(st.timedeltas(timedelta(0), MAX_DURATION))
def test_any_duration_comes_back_from_the_config_bucket(lag: timedelta) -> None:
    resolved = ResolvedTable(environment="e", table=a_table(lag=lag), connections=Connections())

    assert from_json(ResolvedTable, to_json(resolved), "x") == resolved


# Schedules ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["manual", "hourly", "daily", "*/5 * * * *"])
def test_schedule_is_kept_as_written(text: str) -> None:
    assert a_table(schedule=text).schedule == text


@pytest.mark.parametrize("text", ["", "weekly", "0 0 3 * * *", "61 * * * *"])
def test_what_is_no_schedule_is_refused_with_the_choices(text: str) -> None:
    problem = why(TableConfig, table_data(schedule=text))

    assert problem.startswith(f"schedule: {text!r} is not a schedule (")
    assert problem.endswith("use hourly, daily, manual or five cron fields")


@pytest.mark.parametrize(
    "zone", ["", "Europe", "Europe/Munich", "../etc/passwd", "/etc/passwd", "CEST+2", "ä", "\0"]
)
def test_what_is_no_time_zone_is_refused_with_an_example(zone: str) -> None:
    problem = why(TableConfig, table_data(time_zone=zone))

    assert problem == f"time_zone: {zone!r} is not a time zone; write one like Europe/Berlin"


# Staging and guard --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "compression"),
    [(True, "zstd"), (False, "none"), ("zstd", "zstd"), ("lz4", "lz4"), ("none", "none")],
)
def test_compression_is_a_switch_or_a_name(value: Any, compression: str) -> None:
    assert a_table(compression=value).compression == compression


@pytest.mark.parametrize("value", ["brotli", "ZSTD", "", 1, 0, None, [], {}])
def test_unknown_compression_is_refused_with_the_known_ones(value: Any) -> None:
    problem = why(TableConfig, table_data(compression=value))

    assert problem == ("compression: Input should be 'zstd', 'lz4', 'gzip', 'snappy' or 'none'")


@pytest.mark.parametrize("value", [2**16 - 1, 2**30 + 1, -1, "big", 1.5])
def test_part_size_out_of_range_is_refused(value: Any) -> None:
    assert why(TableConfig, table_data(part_bytes=value)).startswith("part_bytes: Input should be")


@pytest.mark.parametrize(
    "guard",
    [
        {"min_rows": -1},
        {"max_shrink_percent": 101},
        {"max_shrink_percent": -1},
        {"max_shrink_percent": float("nan")},
    ],
)
def test_guard_out_of_range_is_refused(guard: dict[str, Any]) -> None:
    (key,) = guard

    assert why(TableConfig, table_data(guard=guard)).startswith(f"guard.{key}: ")


# Files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", ["\t", " ", "|", "||", "a" * 16])
def test_delimiter_may_be_any_text_even_white_space(delimiter: str) -> None:
    table = a_file_table(csv={"delimiter": delimiter})

    assert table.csv
    assert table.csv.delimiter == delimiter


@pytest.mark.parametrize("delimiter", ["", "a" * 17])
def test_delimiter_is_some_text_but_not_too_much(delimiter: str) -> None:
    problem = why(TableConfig, file_table_data(csv={"delimiter": delimiter}))

    assert problem.startswith("csv.delimiter: ")


def test_null_markers_are_kept_as_written() -> None:
    table = a_file_table(csv={"null": ["", " ", "NULL"]})

    assert table.csv
    assert table.csv.null == ["", " ", "NULL"]


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "cp1252", "utf-16-le"])
def test_encoding_is_one_that_python_knows(encoding: str) -> None:
    table = a_file_table(csv={"encoding": encoding})

    assert table.csv
    assert table.csv.encoding == encoding


@pytest.mark.parametrize("encoding", ["", "utf-9", "ä", "\0"])
def test_unknown_encoding_is_refused_with_examples(encoding: str) -> None:
    problem = why(TableConfig, file_table_data(csv={"encoding": encoding}))

    assert problem == f"csv.encoding: {encoding!r} is no encoding; write one like utf-8 or cp1252"


def test_unknown_column_type_is_refused_at_its_column_with_the_known_ones() -> None:
    data = file_table_data(csv={"columns": {"a": "text", "b": "varchar"}})

    problem = why(TableConfig, data)

    assert problem.startswith("csv.columns.b: unknown type 'varchar'; known: bool, int64, float64")


@pytest.mark.parametrize("percent", [-0.1, 100.1, float("nan"), "many"])
def test_share_of_rejects_out_of_range_is_refused(percent: Any) -> None:
    problem = why(TableConfig, file_table_data(csv={"max_reject_percent": percent}))

    assert problem.startswith("csv.max_reject_percent: ")


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


def bigquery_data(**place: Any) -> dict[str, Any]:
    """Return a table that goes to BigQuery."""
    place = {"dataset": "sales", "table": "flights", **place}
    return table_data(postgres=None, bigquery=place)


@pytest.mark.parametrize("name", ["flights", "Flüge 2024", "a-b_c", "表"])
def test_name_that_bigquery_takes_for_a_table_is_kept(name: str) -> None:
    table = TableConfig.model_validate(bigquery_data(table=name))

    assert table.target_kind == "bigquery"
    assert (table.place.schema_, table.place.table) == ("sales", name)
    assert TableConfig.model_validate(table.model_dump(by_alias=True)) == table


@pytest.mark.parametrize("name", ["", "a.b", "a$20240101", "a`b", "x" * 1025, "a\x00b"])
def test_name_that_bigquery_does_not_take_for_a_table_is_refused(name: str) -> None:
    assert "is no table name in BigQuery" in why(TableConfig, bigquery_data(table=name))


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


def test_bigquery_is_not_asked_to_read_what_it_cannot_open() -> None:
    data = bigquery_data(load="uri") | {"encryption": True}

    assert "it cannot open parts that are encrypted" in why(TableConfig, data)
    assert TableConfig.model_validate(bigquery_data() | {"encryption": True}).encryption
