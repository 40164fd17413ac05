"""Every statement to Snowflake, word for word; values are bound, names are quoted."""

from datetime import timedelta

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from shared.core.modes import SyncMode
from shared.core.plans import Slice
from shared.core.windows import Window, next_window
from shared.errors import InvalidSchemaError, SchemaConflictError
from shared.sources.snowflake import sql
from shared.sources.snowflake.sql import TableRef, quote
from tests.builders import SNAPSHOT, a_source_column, a_window

TABLE = TableRef(database="NYC", schema="PUBLIC", table="FLIGHTS")
PINNED = TableRef(database="NYC", schema="PUBLIC", table="FLIGHTS", at=SNAPSHOT)
NAME = '"NYC"."PUBLIC"."FLIGHTS"'
LOW = "2024-01-30 00:00:00.000000000"

ID = a_source_column("ID", "NUMBER")
NTZ = a_source_column("UPDATED_AT", "TIMESTAMP_NTZ")
LTZ = a_source_column("UPDATED_AT", "TIMESTAMP_LTZ")
TZ = a_source_column("UPDATED_AT", "TIMESTAMP_TZ")
DAY = a_source_column("DAY", "DATE")
FACTS = a_source_column("Facts", "VARIANT")
EVERYTHING = ("", ())
BOUND = "CAST(? AS NUMBER(38,0))"

EVIL = '"; DROP TABLE "X"; -- \' ? % \\'
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1)

# Names --------------------------------------------------------------------------------------------


def test_table_is_named_by_its_three_quoted_names() -> None:
    assert TABLE.name == TABLE.relation() == NAME


def test_table_of_the_past_is_read_at_its_moment_in_utc() -> None:
    assert PINNED.relation() == f"{NAME} AT(TIMESTAMP => '{SNAPSHOT} +0000'::TIMESTAMP_TZ)"


@pytest.mark.parametrize(
    "at",
    ["", "2024-01-31", "2024-01-31 03:00:00", f"{SNAPSHOT}'); DROP TABLE T; --", SNAPSHOT + "\n"],
)
def test_what_is_no_moment_gets_into_no_statement(at: str) -> None:
    with pytest.raises(InvalidSchemaError, match="is not a moment of Snowflake's clock"):
        TableRef(database="D", schema="S", table="T", at=at).relation()


@pytest.mark.parametrize("name", ["", "a\x00b", "x" * 256])
def test_name_that_snowflake_cannot_have_is_refused(name: str) -> None:
    with pytest.raises(InvalidSchemaError, match="cannot be a name in Snowflake: 1 to 255 chara"):
        quote(name)


@given(NAMES)
def test_any_name_is_one_quoted_name(name: str) -> None:
    quoted = quote(name[:255])

    assert quoted[1:-1].replace('""', "").count('"') == 0
    assert quoted[1:-1].replace('""', '"') == name[:255]


def test_hostile_names_stay_names() -> None:
    ref = TableRef(database=EVIL, schema=EVIL, table=EVIL)
    columns = [a_source_column(EVIL), a_source_column(EVIL + "2", "VARIANT")]
    where = sql.condition(columns[0], a_window("1", "2"), with_null=True, to_high=True)
    queries = [
        sql.select(ref, columns, where),
        sql.extent(ref, columns, columns[0], where),
        sql.largest(ref, columns[0]),
    ]

    for text, _ in queries:
        (statement,) = sqlglot.parse(text, dialect="snowflake")
        assert statement
        names = {i.name for i in statement.find_all(exp.Identifier)}
        assert names <= {EVIL, EVIL + "2"}
    assert sql.columns(ref)[1] == sql.size(ref)[1] == (EVIL, EVIL)


# What the source says of itself -------------------------------------------------------------------


def test_clock_is_read_to_the_nanosecond() -> None:
    assert sql.NOW == "SELECT TO_CHAR(CURRENT_TIMESTAMP(), 'YYYY-MM-DD HH24:MI:SS.FF9')"


def test_columns_come_in_order_with_their_tables_kind_and_times_and_the_table_is_bound() -> None:
    assert sql.columns(TABLE) == (
        (
            "SELECT c.column_name, c.data_type, c.numeric_precision, c.numeric_scale, "
            "c.datetime_precision, c.is_nullable, c.comment, t.table_type, "
            "TO_CHAR(t.created, 'YYYY-MM-DD HH24:MI:SS.FF9'), "
            "TO_CHAR(t.last_altered, 'YYYY-MM-DD HH24:MI:SS.FF9') "
            'FROM "NYC".information_schema.columns c JOIN "NYC".information_schema.tables t '
            "ON t.table_schema = c.table_schema AND t.table_name = c.table_name "
            "WHERE c.table_schema = ? AND c.table_name = ? ORDER BY c.ordinal_position"
        ),
        ("PUBLIC", "FLIGHTS"),
    )


def test_statistics_are_read_without_reading_the_table() -> None:
    assert sql.size(TABLE) == (
        (
            'SELECT row_count, bytes, comment FROM "NYC".information_schema.tables '
            "WHERE table_schema = ? AND table_name = ?"
        ),
        ("PUBLIC", "FLIGHTS"),
    )


@pytest.mark.parametrize(
    ("name", "literal"),
    [("T", '"T"'), ("it's", """"it''s\""""), ("a\\b", '"a\\\\b"'), ('"', '""""')],
)
def test_last_change_is_asked_for_by_the_name_as_a_literal(name: str, literal: str) -> None:
    text, bound = sql.last_change(TableRef(database="D", schema="S", table=name))

    assert text == (
        f"""SELECT SYSTEM$LAST_CHANGE_COMMIT_TIME('"D"."S".{literal}'), """
        "TO_CHAR(CURRENT_TIMESTAMP(), 'YYYY-MM-DD HH24:MI:SS.FF9')"
    )
    assert bound == ()


def test_declared_key_is_listed() -> None:
    assert sql.primary_keys(TABLE) == (f"SHOW PRIMARY KEYS IN TABLE {NAME}", ())


def test_largest_number_is_read_as_text_at_the_snapshot() -> None:
    assert sql.largest(PINNED, ID) == (
        f'SELECT TO_VARCHAR(MAX("ID")) FROM {PINNED.relation()}',
        (),
    )


# Rows ---------------------------------------------------------------------------------------------


def test_rows_are_read_by_column_and_variants_as_json() -> None:
    assert sql.select(PINNED, [ID, FACTS], EVERYTHING) == (
        f'SELECT "ID", TO_JSON("Facts") AS "Facts" FROM {PINNED.relation()}',
        (),
    )


def test_rows_of_a_window_are_read_with_bound_values() -> None:
    assert sql.select(TABLE, [ID], (' WHERE "ID" > ?', ("1",))) == (
        f'SELECT "ID" FROM {NAME} WHERE "ID" > ?',
        ("1",),
    )


def test_rows_null_cursors_and_nanoseconds_are_counted_in_one_query() -> None:
    micros = a_source_column("M", "TIMESTAMP_NTZ", datetime_precision=6)
    clock = a_source_column("T", "TIME")

    assert sql.extent(TABLE, [ID, NTZ, micros, clock, DAY], NTZ, (" WHERE x", ("1",))) == (
        (
            'SELECT COUNT(*), COUNT_IF("UPDATED_AT" IS NULL), '
            'COUNT_IF(DATE_PART(NANOSECOND, "UPDATED_AT") % 1000 <> 0), '
            f'COUNT_IF(DATE_PART(NANOSECOND, "T") % 1000 <> 0) FROM {NAME} WHERE x'
        ),
        ("1",),
    )


def test_rows_without_a_cursor_have_no_null_cursors() -> None:
    assert sql.extent(TABLE, (), None, EVERYTHING) == (f"SELECT COUNT(*), 0 FROM {NAME}", ())


# Windows ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cursor", "low", "high", "cast", "bound"),
    [
        (NTZ, LOW, SNAPSHOT, "TIMESTAMP_NTZ(9)", (LOW, SNAPSHOT)),
        (LTZ, LOW, SNAPSHOT, "TIMESTAMP_TZ(9)", (f"{LOW} +0000", f"{SNAPSHOT} +0000")),
        (TZ, LOW, SNAPSHOT, "TIMESTAMP_TZ(9)", (f"{LOW} +0000", f"{SNAPSHOT} +0000")),
        (DAY, "2024-01-30", "2024-01-31", "DATE", ("2024-01-30", "2024-01-31")),
        (ID, "7", "9", "NUMBER(38,0)", ("7", "9")),
    ],
)
def test_window_is_open_below_and_closed_above_in_the_cursors_own_type(
    cursor: sql.SourceColumn, low: str, high: str, cast: str, bound: tuple[str, str]
) -> None:
    where = sql.condition(cursor, a_window(low, high), with_null=False, to_high=True)

    name = quote(cursor.name)
    assert where == (f" WHERE ({name} > CAST(? AS {cast}) AND {name} <= CAST(? AS {cast}))", bound)


def test_merge_reads_from_its_lag_and_not_from_the_watermark() -> None:
    window = Window(low="9", high="20", read_from="5")

    assert sql.condition(ID, window, with_null=False, to_high=True)[1] == ("5", "20")


def test_rows_without_a_cursor_may_belong_to_the_window() -> None:
    where = sql.condition(DAY, a_window(None, "2024-01-31"), with_null=True, to_high=True)

    assert where == (
        ' WHERE (("DAY" <= CAST(? AS DATE)) OR "DAY" IS NULL)',
        ("2024-01-31",),
    )


@pytest.mark.parametrize(("with_null", "text"), [(True, ""), (False, ' WHERE "DAY" IS NOT NULL')])
def test_full_read_of_a_merged_table_has_no_end(with_null: bool, text: str) -> None:
    where = sql.condition(DAY, a_window(None, "2024-01-31"), with_null=with_null, to_high=False)

    assert where == (text, ())


@pytest.mark.parametrize(
    ("with_null", "text"), [(True, ' WHERE ((FALSE) OR "ID" IS NULL)'), (False, " WHERE (FALSE)")]
)
def test_window_of_a_table_without_numbers_holds_none_that_come_later(
    with_null: bool, text: str
) -> None:
    empty = a_window(None, None)

    assert sql.condition(ID, empty, with_null=with_null, to_high=True) == (text, ())


@pytest.mark.parametrize(("cursor", "window"), [(None, a_window()), (NTZ, None), (None, None)])
@pytest.mark.parametrize("with_null", [True, False])
def test_without_a_cursor_or_a_window_everything_is_read(
    cursor: sql.SourceColumn | None, window: Window | None, with_null: bool
) -> None:
    assert sql.condition(cursor, window, with_null=with_null, to_high=True) == EVERYTHING


@given(
    st.sampled_from([NTZ, LTZ, DAY, ID]),
    st.sampled_from(SyncMode),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_every_window_has_one_bound_value_for_each_placeholder(
    cursor: sql.SourceColumn, mode: SyncMode, is_first: bool, with_null: bool, to_high: bool
) -> None:
    low = {"TIME": LOW, "DATE": "2024-01-30", "NUMBER": "7"}[cursor.cursor_kind.name]
    window = next_window(
        cursor.cursor_kind,
        mode,
        low=None if is_first else low,
        snapshot=SNAPSHOT,
        largest=None,
        lag=timedelta(0),
    )

    text, bound = sql.condition(cursor, window, with_null=with_null, to_high=to_high)

    assert text.count("?") == len(bound)
    assert all(value not in text for value in bound)


def test_rows_ahead_of_the_window_and_without_a_cursor_are_counted() -> None:
    assert sql.left_out(TABLE, LTZ, SNAPSHOT) == (
        (
            'SELECT COUNT_IF("UPDATED_AT" > CAST(? AS TIMESTAMP_TZ(9))), '
            f'COUNT_IF("UPDATED_AT" IS NULL) FROM {NAME} '
            'WHERE "UPDATED_AT" > CAST(? AS TIMESTAMP_TZ(9)) OR "UPDATED_AT" IS NULL'
        ),
        (f"{SNAPSHOT} +0000", f"{SNAPSHOT} +0000"),
    )


def test_nothing_is_ahead_of_a_window_without_an_end() -> None:
    assert sql.left_out(TABLE, ID, None) == (
        f'SELECT 0, COUNT(*) FROM {NAME} WHERE "ID" IS NULL',
        (),
    )


# Slices -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "upto", "text", "bound"),
    [
        (None, "5", f'("ID" <= {BOUND} OR "ID" IS NULL)', ("5",)),
        (
            "5",
            "9",
            '"ID" > CAST(? AS NUMBER(38,0)) AND "ID" <= CAST(? AS NUMBER(38,0))',
            ("5", "9"),
        ),
        ("9", None, '"ID" > CAST(? AS NUMBER(38,0))', ("9",)),
    ],
)
def test_first_slice_takes_the_rows_without_a_value(
    after: str | None, upto: str | None, text: str, bound: tuple[str, ...]
) -> None:
    piece = Slice(column="ID", after=after, upto=upto)

    assert sql.with_slice(EVERYTHING, ID, piece) == (f" WHERE {text}", bound)
    assert sql.with_slice((" WHERE (x = ?)", ("1",)), ID, piece) == (
        f" WHERE (x = ?) AND {text}",
        ("1", *bound),
    )


def test_slice_without_ends_is_everything() -> None:
    piece = Slice(column="ID", after=None, upto=None)

    assert sql.with_slice((" WHERE x = ?", ("1",)), ID, piece) == (" WHERE x = ?", ("1",))
    assert sql.with_slice(EVERYTHING, ID, piece) == EVERYTHING


def test_quantiles_are_the_ends_of_equal_shares() -> None:
    shares = f'SELECT "ID" AS value, NTILE(4) OVER (ORDER BY "ID") AS share FROM {NAME} WHERE x = ?'

    assert sql.quantiles(TABLE, ID, (" WHERE x = ?", ("1",)), 4) == (
        f"SELECT TO_VARCHAR(MAX(value)) FROM ({shares}) GROUP BY share ORDER BY share",
        ("1",),
    )


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (DAY, "TO_CHAR(MAX(value), 'YYYY-MM-DD')"),
        (NTZ, "TO_CHAR(MAX(value), 'YYYY-MM-DD HH24:MI:SS.FF9')"),
        (LTZ, "TO_CHAR(MAX(value), 'YYYY-MM-DD HH24:MI:SS.FF9 TZHTZM')"),
    ],
)
def test_ends_of_slices_are_text_with_every_digit(column: sql.SourceColumn, text: str) -> None:
    assert sql.quantiles(TABLE, column, EVERYTHING, 2)[0].startswith(f"SELECT {text} FROM (")


@pytest.mark.parametrize(
    ("column", "cast"),
    [
        (ID, "NUMBER(38,0)"),
        (NTZ, "TIMESTAMP_NTZ(9)"),
        (TZ, "TIMESTAMP_TZ(9)"),
        (DAY, "DATE"),
        (a_source_column("T", "TEXT"), "VARCHAR"),
    ],
)
def test_ends_of_slices_are_cast_back_to_the_columns_type(
    column: sql.SourceColumn, cast: str
) -> None:
    assert sql.cast_name(column) == cast


@pytest.mark.parametrize("type_name", ["FLOAT", "BOOLEAN", "BINARY", "VARIANT", "TIME"])
def test_other_columns_cut_no_slices(type_name: str) -> None:
    with pytest.raises(SchemaConflictError, match="C has type"):
        sql.cast_name(a_source_column("C", type_name))
