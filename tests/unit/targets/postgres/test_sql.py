"""Every statement about rows, word for word; and that hostile names stay names in all of them."""

from collections.abc import Callable

import pytest
import sqlglot
from pg8000.dbapi import convert_paramstyle
from sqlglot import exp

from shared.core.schemas import Column
from shared.errors import InvalidSchemaError
from shared.targets.postgres import merging, sql
from shared.targets.relational.merging import Merge, MergeStatements
from tests.builders import a_column

TABLE, STAGING = '"public"."flights"', '"_sluice"."stage_1"'
COLUMNS = [
    a_column("id", "int64", is_nullable=False),
    a_column("Price", "decimal(18,4)"),
    a_column("facts", "json"),
]
KEY = ("id",)
NO_CASTS: dict[str, str] = {}


# Tables -------------------------------------------------------------------------------------------


def test_names_are_qualified_and_quoted() -> None:
    assert sql.qualified("public", 'my "t"') == '"public"."my ""t"""'


def test_schema_is_created_if_it_is_not_there() -> None:
    assert sql.create_schema("My") == 'CREATE SCHEMA IF NOT EXISTS "My"'


def test_table_is_created_with_types_nulls_and_key() -> None:
    assert sql.create_table(TABLE, COLUMNS, KEY) == (
        'CREATE TABLE IF NOT EXISTS "public"."flights" ("id" bigint NOT NULL, '
        '"Price" numeric(18,4), "facts" jsonb, PRIMARY KEY ("id"))'
    )


def test_key_column_is_never_null_whatever_the_source_says() -> None:
    statement = sql.create_table(TABLE, [a_column("a", is_nullable=True)], ("a",))

    assert statement == (
        'CREATE TABLE IF NOT EXISTS "public"."flights" ("a" bigint NOT NULL, PRIMARY KEY ("a"))'
    )


def test_table_without_a_key_is_created_without_one() -> None:
    assert sql.create_table(TABLE, [a_column("a", "text")], ()) == (
        'CREATE TABLE IF NOT EXISTS "public"."flights" ("a" text)'
    )


def test_key_keeps_its_order() -> None:
    columns = [a_column("a"), a_column("b")]

    assert sql.create_table(TABLE, columns, ("b", "a")).endswith('PRIMARY KEY ("b", "a"))')


def test_staging_table_is_unlogged_and_takes_every_row() -> None:
    statement = sql.create_staging(STAGING, COLUMNS, KEY, is_unique=False)

    assert "CREATE UNLOGGED TABLE" in statement
    assert statement.endswith(
        '"_sluice"."stage_1" ("id" bigint, "Price" numeric(18,4), "facts" jsonb)'
    )


def test_rows_are_copied_in_binary() -> None:
    assert sql.copy_in(STAGING, COLUMNS) == (
        'COPY "_sluice"."stage_1" ("id", "Price", "facts") FROM STDIN (FORMAT binary)'
    )


def test_fresh_table_is_analyzed() -> None:
    assert sql.analyze(STAGING) == 'ANALYZE "_sluice"."stage_1"'


def test_table_is_dropped_if_it_is_there() -> None:
    assert sql.drop(STAGING) == 'DROP TABLE IF EXISTS "_sluice"."stage_1"'


# Checks -------------------------------------------------------------------------------------------


def test_rows_are_counted() -> None:
    assert sql.count(TABLE) == 'SELECT count(*) FROM "public"."flights"'


def test_rows_with_null_in_any_part_of_the_key_are_counted() -> None:
    assert sql.null_key(STAGING, ("a", "b")) == (
        'SELECT count(*) FROM "_sluice"."stage_1" WHERE "a" IS NULL OR "b" IS NULL'
    )


def test_repeated_keys_are_counted() -> None:
    assert sql.repeated_key(STAGING, ("a", "b")) == (
        'SELECT count(*) FROM (SELECT 1 FROM "_sluice"."stage_1" GROUP BY "a", "b" '
        "HAVING count(*) > 1) repeated"
    )


def test_texts_beyond_a_bound_limit_are_counted() -> None:
    assert sql.too_long(STAGING, "name") == (
        'SELECT count(*) FROM "_sluice"."stage_1" WHERE length("name"::text) > %s'
    )


# Publishing ---------------------------------------------------------------------------------------


def test_every_staged_row_is_inserted() -> None:
    assert sql.insert_all(TABLE, STAGING, COLUMNS, NO_CASTS) == (
        'INSERT INTO "public"."flights" ("id", "Price", "facts") '
        'SELECT s."id", s."Price", s."facts" FROM "_sluice"."stage_1" s'
    )


def test_rows_whose_key_is_not_staged_are_deleted() -> None:
    assert sql.delete_missing(TABLE, STAGING, ("a", "b"), NO_CASTS) == (
        'DELETE FROM "public"."flights" t WHERE NOT EXISTS (SELECT 1 FROM "_sluice"."stage_1" s '
        'WHERE t."a" = s."a" AND t."b" = s."b")'
    )


def test_all_rows_are_deleted_without_a_truncate() -> None:
    assert sql.delete_all(TABLE) == 'DELETE FROM "public"."flights"'


# Rows marked as deleted ---------------------------------------------------------------------------


def test_column_of_marks_is_added_once() -> None:
    assert sql.add_marker(TABLE, "_deleted_at") == (
        'ALTER TABLE "public"."flights" '
        'ADD COLUMN IF NOT EXISTS "_deleted_at" timestamp with time zone'
    )


def test_rows_without_a_mark_are_counted() -> None:
    assert sql.count_unmarked(TABLE, "_deleted_at") == (
        'SELECT count(*) FROM "public"."flights" WHERE "_deleted_at" IS NULL'
    )


def test_rows_whose_key_is_not_staged_are_marked_unless_they_are() -> None:
    assert sql.mark_missing(TABLE, STAGING, KEY, NO_CASTS, "_deleted_at") == (
        'UPDATE "public"."flights" t SET "_deleted_at" = CAST(%s AS timestamp with time zone) '
        'WHERE t."_deleted_at" IS NULL AND NOT EXISTS '
        '(SELECT 1 FROM "_sluice"."stage_1" s WHERE t."id" = s."id")'
    )


def test_rows_whose_key_is_staged_again_lose_their_mark() -> None:
    assert sql.unmark_present(TABLE, STAGING, KEY, NO_CASTS, "_deleted_at") == (
        'UPDATE "public"."flights" t SET "_deleted_at" = NULL '
        'WHERE t."_deleted_at" IS NOT NULL AND EXISTS '
        '(SELECT 1 FROM "_sluice"."stage_1" s WHERE t."id" = s."id")'
    )


# Casts to an existing table -----------------------------------------------------------------------


def test_only_columns_of_another_type_are_cast() -> None:
    existing = {"id": "integer", "Price": "numeric(18,4)", "facts": "jsonb", "more": "text"}

    assert sql.casts(existing, COLUMNS) == {"id": "integer"}


def test_casts_are_applied_wherever_a_staged_value_is_used() -> None:
    casts = {"id": "integer", "Price": "numeric(20,6)"}

    assert sql.insert_all(TABLE, STAGING, COLUMNS, casts) == (
        'INSERT INTO "public"."flights" ("id", "Price", "facts") '
        'SELECT s."id"::integer, s."Price"::numeric(20,6), s."facts" FROM "_sluice"."stage_1" s'
    )
    assert sql.delete_missing(TABLE, STAGING, KEY, casts).endswith('t."id" = s."id"::integer)')


def test_decimals_of_a_file_lose_the_zeros_that_only_fill_up() -> None:
    columns = [a_column("a", "decimal(38,18)"), a_column("b", "decimal(18,4)")]

    assert sql.casts({"a": "numeric", "b": "numeric"}, columns) == {
        "a": sql.TRIMMED,
        "b": "numeric",
    }
    statement = sql.insert_all(TABLE, STAGING, columns, {"a": sql.TRIMMED, "b": "numeric"})
    assert 'SELECT trim_scale(s."a"), s."b"::numeric FROM' in statement


@pytest.mark.parametrize(
    ("existing", "cast"),
    [
        ("character varying(10)", "character varying"),
        ("numeric(12,4)", "numeric(12,4)"),
        ("uuid", "uuid"),
    ],
)
def test_cast_leaves_the_length_to_the_assignment_which_checks_it(existing: str, cast: str) -> None:
    statement = sql.insert_all(TABLE, STAGING, [a_column("a", "text")], {"a": existing})

    assert f'SELECT s."a"::{cast} FROM' in statement


def test_key_of_a_type_that_knows_no_case_is_compared_as_text_too() -> None:
    statement = sql.delete_missing(TABLE, STAGING, ["a"], {"a": "citext"})

    same = 't."a" = s."a"::citext AND (t."a")::text = (s."a"::citext)::text'
    assert statement.endswith(f"WHERE {same})")


# Hostile names ------------------------------------------------------------------------------------

EVIL = '"; DROP TABLE "users"; -- %s $1 \' E\''
EVIL_COLUMNS = [a_column(EVIL, "int64"), a_column("%s", "text"), a_column("b?:c", "json")]
EVIL_TABLE, EVIL_STAGING = sql.qualified(EVIL, "%"), sql.qualified("_sluice", EVIL)


def an_evil_merge(columns: list[Column], key: list[str]) -> MergeStatements:
    return merging.statements(
        Merge(
            table=EVIL_TABLE,
            staging=EVIL_STAGING,
            scratch=sql.qualified("_sluice", "%s"),
            columns=columns,
            key=key,
            casts={},
            marker=None,
            is_whole=True,
        )
    )


STATEMENTS: list[Callable[[list[Column], list[str]], str | None]] = [
    lambda columns, key: sql.create_schema(EVIL),
    lambda columns, key: sql.create_table(EVIL_TABLE, columns, key),
    lambda columns, key: sql.create_staging(EVIL_STAGING, columns, key, is_unique=True),
    lambda columns, key: sql.drop(EVIL_TABLE),
    lambda columns, key: sql.count(EVIL_TABLE),
    lambda columns, key: sql.null_key(EVIL_STAGING, key),
    lambda columns, key: sql.repeated_key(EVIL_STAGING, key),
    lambda columns, key: sql.insert_all(EVIL_TABLE, EVIL_STAGING, columns, {}),
    lambda columns, key: an_evil_merge(columns, key).compare[0],
    lambda columns, key: an_evil_merge(columns, key).compare[1],
    lambda columns, key: an_evil_merge(columns, key).delete,
    lambda columns, key: an_evil_merge(columns, key).update,
    lambda columns, key: an_evil_merge(columns, key).insert,
    lambda columns, key: sql.delete_missing(EVIL_TABLE, EVIL_STAGING, key, {}),
    lambda columns, key: sql.delete_all(EVIL_TABLE),
]


@pytest.mark.parametrize("build", STATEMENTS)
def test_hostile_names_stay_names_in_every_statement(
    build: Callable[[list[Column], list[str]], str | None],
) -> None:
    text = build(EVIL_COLUMNS, [EVIL, "%s"])

    assert text
    (statement,) = sqlglot.parse(text, dialect="postgres")
    assert statement
    names = {i.name for i in statement.find_all(exp.Identifier)} - {
        "t",
        *("s", "d", "ctid", "tableoid", "piece", "is_at", "staged_at"),
        "repeated",
        "_sluice",
        "C",
    }
    assert names <= {EVIL, "%", "%s", "b?:c"}
    assert convert_paramstyle("format", text, ())[0] == text


def test_copy_keeps_hostile_names_too() -> None:
    text = sql.copy_in(EVIL_STAGING, EVIL_COLUMNS)

    assert text == (
        'COPY "_sluice"."""; DROP TABLE ""users""; -- %s $1 \' E\'" ('
        '"""; DROP TABLE ""users""; -- %s $1 \' E\'", "%s", "b?:c") FROM STDIN (FORMAT binary)'
    )


@pytest.mark.parametrize("name", ["", "a\x00", "x" * 64])
def test_impossible_column_is_refused_before_anything_is_sent(name: str) -> None:
    with pytest.raises(InvalidSchemaError, match="cannot be a name in PostgreSQL"):
        sql.create_table(TABLE, [a_column(name)], ())
