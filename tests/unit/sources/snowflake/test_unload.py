"""COPY INTO a bucket, word for word, and what its answer says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import SourceRefusedError
from shared.sources.snowflake import unload
from shared.sources.snowflake.sql import TableRef, quote
from tests.builders import SNAPSHOT, a_source_column

PINNED = TableRef(database="NYC", schema="PUBLIC", table="FLIGHTS", at=SNAPSHOT)
FROM = f'FROM "NYC"."PUBLIC"."FLIGHTS" AT(TIMESTAMP => \'{SNAPSHOT} +0000\'::TIMESTAMP_TZ)'
MOMENT = "DATE_PART(EPOCH_MICROSECOND, DATE_TRUNC('MICROSECOND', \"C\"))"
PLACE = "gs://sluice-staging/unloaded/flights/r/a/"
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1)


def test_statement_writes_named_columns_into_files_of_its_own_and_replaces_none() -> None:
    assert unload.copy_into("SELECT 1", PLACE, "SLUICE_STAGING") == (
        "COPY INTO 'gcs://sluice-staging/unloaded/flights/r/a/' FROM (SELECT 1) "
        "STORAGE_INTEGRATION = SLUICE_STAGING FILE_FORMAT = (TYPE = PARQUET COMPRESSION = SNAPPY) "
        "MAX_FILE_SIZE = 67108864 OVERWRITE = FALSE INCLUDE_QUERY_ID = TRUE DETAILED_OUTPUT = TRUE "
        "HEADER = TRUE"
    )


@pytest.mark.parametrize(
    ("type_name", "item"),
    [
        ("NUMBER", '"C"'),
        ("TEXT", '"C"'),
        ("DATE", '"C"'),
        ("BINARY", 'HEX_ENCODE("C") AS "C"'),
        ("VARIANT", 'TO_JSON("C") AS "C"'),
        ("TIME", 'DATEDIFF(MICROSECOND, CAST(\'00:00:00\' AS TIME), "C") AS "C"'),
        ("TIMESTAMP_NTZ", f'{MOMENT} AS "C"'),
        ("TIMESTAMP_LTZ", f'{MOMENT} AS "C"'),
        ("TIMESTAMP_TZ", f'{MOMENT} AS "C"'),
    ],
)
def test_column_leaves_in_a_form_that_parquet_cannot_alter(type_name: str, item: str) -> None:
    column = a_source_column("C", type_name)

    assert unload.select(PINNED, [column], ("", ())) == f"SELECT {item} {FROM}"


def test_moment_of_microseconds_needs_no_digit_cut_off() -> None:
    column = a_source_column("C", "TIMESTAMP_TZ", datetime_precision=6)

    query = unload.select(PINNED, [column], ("", ()))

    assert query == f'SELECT DATE_PART(EPOCH_MICROSECOND, "C") AS "C" {FROM}'


def test_values_of_the_window_stand_in_the_statement() -> None:
    where = (' WHERE ("A?" > CAST(? AS DATE) AND "B" <= CAST(? AS DATE))', ("2024-01-01", "x'\\"))

    query = unload.select(PINNED, [a_source_column("A?", "DATE")], where)

    assert query.endswith(
        " WHERE (\"A?\" > CAST('2024-01-01' AS DATE) AND \"B\" <= CAST('x''\\\\' AS DATE))"
    )


@given(TEXTS.filter(lambda text: len(text) <= 255), TEXTS)
def test_mark_in_a_name_is_none_and_no_value_ends_its_quotes(name: str, value: str) -> None:
    put = unload.inlined(f"{quote(name)} > ?", [value])

    assert put == f"{quote(name)} > {unload.literal(value)}"
    inside = unload.literal(value)[1:-1].replace("\\\\", "").replace("''", "")
    assert "'" not in inside
    assert "\\" not in inside


def test_answer_names_files_with_or_without_their_folder() -> None:
    rows = [
        {"FILE_NAME": "unloaded/flights/r/a/data_1.parquet", "FILE_SIZE": 5, "ROW_COUNT": 2},
        {"FILE_NAME": "data_2.parquet", "FILE_SIZE": 5, "ROW_COUNT": 3},
    ]

    answer = unload.answered(rows, "q")

    assert answer.rows_by_file == {"data_1.parquet": 2, "data_2.parquet": 3}
    assert answer.query_id == "q"


def test_answer_that_names_a_file_twice_is_refused() -> None:
    with pytest.raises(SourceRefusedError, match=r"wrote data_1\.parquet twice"):
        unload.answered([{"FILE_NAME": "data_1.parquet", "ROW_COUNT": 1}] * 2, "q")
