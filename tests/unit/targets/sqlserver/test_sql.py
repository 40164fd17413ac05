"""Every statement about rows, word for word; and that hostile names stay names in all of them."""

from collections.abc import Callable, Sequence

import pytest
import sqlglot
from sqlglot import exp

from shared.core.schemas import Column
from shared.errors import InvalidSchemaError
from shared.targets.relational.merging import Merge, MergeStatements
from shared.targets.sqlserver import bookkeeping, catalog, merging, sql
from shared.targets.sqlserver.identifiers import quote
from tests.builders import a_column

TABLE, STAGING = "[dbo].[flights]", "[_sluice].[stage_1]"
COLUMNS = [a_column("id", is_nullable=False), a_column("Name", "text"), a_column("raw", "binary")]
KEY = ("id",)
NONE: dict[str, str] = {}
BIN2 = "COLLATE Latin1_General_100_BIN2"


def a_merge(
    columns: Sequence[Column],
    table: str = TABLE,
    staging: str = STAGING,
    key: Sequence[str] = KEY,
    *,
    casts: dict[str, str] = NONE,
    marker: str | None = None,
) -> MergeStatements:
    return merging.statements(
        Merge(
            table=table,
            staging=staging,
            scratch="",
            columns=columns,
            key=key,
            casts=casts,
            marker=marker,
            is_whole=True,
        )
    )


def test_names_are_quoted() -> None:
    assert sql.qualified("dbo", "a]b [c") == "[dbo].[a]]b [c]"


@pytest.mark.parametrize("name", ["", "x" * 129, "🦊" * 65, "a\x00"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidSchemaError, match="cannot be a name"):
        quote(name)


def test_schema_is_created_if_it_is_not_there() -> None:
    assert sql.create_schema("it's") == (
        "IF SCHEMA_ID(N'it''s') IS NULL EXEC(N'CREATE SCHEMA [it''s]')"
    )


def test_table_is_created_with_types_nulls_and_key() -> None:
    assert sql.create_table(TABLE, COLUMNS, KEY) == (
        "CREATE TABLE [dbo].[flights] ([id] bigint NOT NULL, [Name] nvarchar(max) NULL, "
        "[raw] varbinary(max) NULL, PRIMARY KEY ([id]))"
    )


def test_texts_of_a_key_compare_by_code_units_and_share_what_an_index_takes() -> None:
    columns = [a_column("a", "text"), a_column("b", "text"), a_column("c")]

    assert sql.create_table(TABLE, columns, ("a", "b", "c")) == (
        f"CREATE TABLE [dbo].[flights] ([a] nvarchar(223) {BIN2} NOT NULL, "
        f"[b] nvarchar(223) {BIN2} NOT NULL, [c] bigint NOT NULL, PRIMARY KEY ([a], [b], [c]))"
    )


def test_json_is_no_key() -> None:
    with pytest.raises(InvalidSchemaError, match="facts is json and cannot be a part of the"):
        sql.create_table(TABLE, [a_column("facts", "json")], ("facts",))


def test_staging_table_takes_every_row_unless_rows_replace_one_another() -> None:
    plain = sql.create_staging(STAGING, COLUMNS[:2], KEY, is_unique=False)
    unique = sql.create_staging(STAGING, COLUMNS[:2], KEY, is_unique=True)

    start = "IF OBJECT_ID(N'[_sluice].[stage_1]', N'U') IS NULL CREATE TABLE [_sluice].[stage_1] "
    assert plain == f"{start}([id] bigint NULL, [Name] nvarchar(max) NULL)"
    assert unique == f"{start}([id] bigint NOT NULL, [Name] nvarchar(max) NULL, PRIMARY KEY ([id]))"


def test_rows_come_from_one_json_document() -> None:
    assert sql.insert_json(STAGING, COLUMNS) == (
        "INSERT INTO [_sluice].[stage_1] WITH (PAGLOCK) ([id], [Name], [raw]) "
        "SELECT j.[c0], j.[c1], CONVERT(varbinary(max), j.[c2], 2) "
        "FROM OPENJSON(CAST(? AS nvarchar(max))) WITH ([c0] bigint '$[0]', "
        "[c1] nvarchar(max) '$[1]', [c2] nvarchar(max) '$[2]') AS j"
    )


def test_readers_are_kept_out_by_a_lock_on_the_table() -> None:
    assert sql.keep_readers_out(TABLE) == (
        "SELECT TOP (1) 1 FROM [dbo].[flights] WITH (TABLOCKX, HOLDLOCK)"
    )


def test_only_rows_that_differ_are_updated_however_alike_their_texts_are() -> None:
    casts = sql.casts({"Name": "nvarchar(9) COLLATE X_CI_AS", "raw": "varbinary(max)"}, COLUMNS)

    assert a_merge(COLUMNS, casts=casts, marker="gone").update == (
        "UPDATE t SET [Name] = s.[Name], [raw] = s.[raw], [gone] = NULL FROM [dbo].[flights] AS t "
        "JOIN [_sluice].[stage_1] AS s ON t.[id] = s.[id] WHERE EXISTS ("
        "SELECT t.[Name] COLLATE Latin1_General_100_BIN2, DATALENGTH(t.[Name]), "
        "t.[raw], DATALENGTH(t.[raw]), t.[gone] EXCEPT "
        "SELECT s.[Name] COLLATE Latin1_General_100_BIN2, DATALENGTH(s.[Name]), "
        "s.[raw], DATALENGTH(s.[raw]), "
        "CAST(NULL AS datetimeoffset(7)))"
    )


def test_table_of_keys_alone_has_nothing_to_update() -> None:
    assert a_merge(COLUMNS[:1]).update is None


@pytest.mark.parametrize(
    ("existing", "same"),
    [
        (f"nvarchar(450) {BIN2}", "t.[k] = s.[k] AND DATALENGTH(t.[k]) = DATALENGTH(s.[k])"),
        (
            "nvarchar(9) COLLATE X_CI_AS",
            (
                "t.[k] = s.[k] COLLATE X_CI_AS "
                f"AND t.[k] {BIN2} = s.[k] {BIN2} "
                "AND DATALENGTH(t.[k]) = DATALENGTH(s.[k])"
            ),
        ),
        (
            "varchar(9) COLLATE X_CI_AS",
            (
                "t.[k] = s.[k] COLLATE X_CI_AS "
                f"AND CAST(t.[k] AS nvarchar(max)) {BIN2} = CAST(s.[k] AS nvarchar(max)) {BIN2} "
                "AND DATALENGTH(CAST(t.[k] AS nvarchar(max))) "
                "= DATALENGTH(CAST(s.[k] AS nvarchar(max)))"
            ),
        ),
        ("uniqueidentifier", "t.[k] = CAST(s.[k] AS uniqueidentifier)"),
    ],
)
def test_keys_are_the_same_only_when_every_bit_is(existing: str, same: str) -> None:
    columns = [a_column("k", "text")]
    casts = sql.casts({"k": existing}, columns)

    assert sql.delete_present(TABLE, STAGING, ("k",), casts) == (
        "DELETE t FROM [dbo].[flights] AS t "
        f"WHERE EXISTS (SELECT 1 FROM [_sluice].[stage_1] AS s WHERE {same})"
    )


def test_new_rows_are_inserted_without_merge() -> None:
    assert a_merge(COLUMNS[:2]).insert == (
        "INSERT INTO [dbo].[flights] ([id], [Name]) SELECT s.[id], s.[Name] "
        "FROM [_sluice].[stage_1] AS s "
        "WHERE NOT EXISTS (SELECT 1 FROM [dbo].[flights] AS t WHERE t.[id] = s.[id])"
    )


def test_rows_are_marked_with_the_moment_at_seven_digits() -> None:
    assert sql.mark_missing(TABLE, STAGING, KEY, NONE, "gone") == (
        "UPDATE t SET [gone] = CAST(? AS datetimeoffset(7)) FROM [dbo].[flights] AS t "
        "WHERE t.[gone] IS NULL "
        "AND NOT EXISTS (SELECT 1 FROM [_sluice].[stage_1] AS s WHERE t.[id] = s.[id])"
    )
    assert sql.marker_value("2024-01-31 03:00:00.123456789") == "2024-01-31 03:00:00.1234567 +00:00"


EVIL = "x]; DROP TABLE canary; --'\"$[0]"
EVIL_TABLE, EVIL_STAGING = sql.qualified(EVIL, EVIL), sql.qualified("_sluice", EVIL)

STATEMENTS: list[Callable[[list[Column], tuple[str, ...]], str | None]] = [
    lambda columns, key: sql.create_table(EVIL_TABLE, columns, key),
    lambda columns, key: sql.insert_all(EVIL_TABLE, EVIL_STAGING, columns, NONE),
    lambda columns, key: a_merge(columns, EVIL_TABLE, EVIL_STAGING, key).insert,
    lambda columns, key: a_merge(columns, EVIL_TABLE, EVIL_STAGING, key, marker=EVIL).update,
    lambda columns, key: a_merge(columns, EVIL_TABLE, EVIL_STAGING, key, marker=EVIL).delete,
    lambda columns, key: a_merge(columns, EVIL_TABLE, EVIL_STAGING, key).delete,
    lambda columns, key: sql.delete_missing(EVIL_TABLE, EVIL_STAGING, key, NONE),
    lambda columns, key: sql.unmark_present(EVIL_TABLE, EVIL_STAGING, key, NONE, EVIL),
    lambda columns, key: sql.null_key(EVIL_STAGING, key),
    lambda columns, key: sql.repeated_key(EVIL_STAGING, key),
    lambda columns, key: sql.too_long(EVIL_STAGING, EVIL),
    lambda columns, key: sql.copy_table(EVIL_TABLE, EVIL_STAGING),
    lambda columns, key: sql.drop(EVIL_TABLE),
]


@pytest.mark.parametrize("build", STATEMENTS)
def test_hostile_names_stay_names_in_every_statement(
    build: Callable[[list[Column], tuple[str, ...]], str | None],
) -> None:
    columns = [a_column(EVIL), a_column("b", "text")]

    statement = build(columns, (EVIL,))

    assert statement is not None
    trees = sqlglot.parse(statement, read="tsql")
    assert len(trees) == 1
    assert trees[0] is not None
    names = {identifier.name for identifier in trees[0].find_all(exp.Identifier)}
    assert EVIL in names
    assert "canary" not in names


@pytest.mark.parametrize(
    "statement",
    [
        *(getattr(bookkeeping.STATEMENTS, name) for name in bookkeeping.STATEMENTS.__slots__),
        *(catalog.EXISTS, catalog.COLUMNS, catalog.PRIMARY_KEY, catalog.TABLES),
    ],
)
def test_statement_about_the_bookkeeping_is_t_sql(statement: str) -> None:
    (tree,) = sqlglot.parse(statement, read="tsql")

    assert not isinstance(tree, exp.Command)
    assert "%s" not in statement
