"""Values of a table and their limits: durations, schedules, sizes, formats of files."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.config.connections import (
    Connections,
)
from shared.config.tables import ResolvedTable, TableConfig
from shared.config.times import MAX_DURATION
from shared.wire import from_json, to_json
from tests.builders import file_table_data, table_data
from tests.unit.config.written_tables import (
    a_file_table,
    a_table,
    why,
)

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
