"""The SQL Server stand-in, as real drivers see it: statements, comparisons, the catalogue."""

import json
from decimal import Decimal
from typing import Any

import pytest

from tests.contract.sqlserver_process import failure, rows

pytest_plugins = ("tests.contract.sqlserver_server",)

BINARY = "COLLATE Latin1_General_100_BIN2"


def test_names_have_no_case(cursor: Any, table: str) -> None:
    cursor.execute(f"CREATE TABLE Dbo.[{table.upper()}] ([Key] int, [Value] int)")
    cursor.execute(f"INSERT INTO dbo.{table} ([KEY], value) VALUES (1, 2)")
    cursor.execute(f"UPDATE T SET vaLue = 3 FROM {table} AS t WHERE T.[key] = 1")
    for columns, names in (("*", ["Key", "Value"]), ("[KEY], value AS V", ["KEY", "V"])):
        cursor.execute(f"SELECT {columns} FROM {table}")
        assert [column[0] for column in cursor.description] == names
        assert [tuple(row) for row in cursor] == [(1, 3)]
    assert failure(cursor, f"CREATE TABLE {table} (id int)") == 2714


def test_texts_are_compared_without_case_and_blanks_at_the_end(cursor: Any, table: str) -> None:
    cursor.execute(f"CREATE TABLE {table} (n nvarchar(20) PRIMARY KEY, x varbinary(5))")
    cursor.execute(f"INSERT INTO {table} VALUES (N'\u00c4pfel', 0x0100)")
    found = f"SELECT COUNT(*) FROM {table} WHERE "
    assert cursor.execute(f"{found} n = ?", "\u00e4PFEL  ").fetchval() == 1
    assert cursor.execute(f"{found} n = ?", "Apfel").fetchval() == 0
    assert cursor.execute(f"{found} n LIKE N'_pf%'").fetchval() == 1
    assert cursor.execute(f"{found} x = 0x01").fetchval() == 1
    assert cursor.execute(f"{found} n = N'\u00e4pfel' {BINARY}").fetchval() == 0
    assert failure(cursor, f"INSERT INTO {table} (n) VALUES (?)", "\u00c4PFEL ") == 2627


def test_a_binary_collation_tells_cases_apart_but_not_blanks(cursor: Any, table: str) -> None:
    cursor.execute(f"CREATE TABLE {table} (n nvarchar(20) {BINARY} NOT NULL PRIMARY KEY)")
    cursor.execute(f"INSERT INTO {table} VALUES (N'a'), (N'A')")
    assert rows(cursor, f"SELECT n FROM {table} WHERE n = ?", "a ") == [("a",)]
    assert failure(cursor, f"INSERT INTO {table} VALUES (?)", "A ") == 2627


def test_bytes_of_a_text_are_utf_16(cursor: Any) -> None:
    text = "a\u00e9\U0001f600 "
    cursor.execute(
        "SELECT CAST(CAST(? AS nvarchar(max)) AS varbinary(max)), DATALENGTH(CAST(? AS "
        "nvarchar(max))), LEN(CAST(? AS nvarchar(max)))",
        *(text, text, text),
    )
    assert tuple(cursor.fetchone()) == (text.encode("utf-16le"), 10, 4)


ROWS = [
    [2**60, '\u00e9"\\', "1.5000", True, "2024-02-29 01:02:03.1234567", "DEAD", 0.1],
    [2, None, None, None, None, None, None],
]


def test_rows_come_from_json(cursor: Any, table: str) -> None:
    cursor.execute(
        f"CREATE TABLE {table} (id bigint, n nvarchar(20), d decimal(38,4), b bit, "
        "t datetime2(7), v varbinary(max), f float)"
    )

    cursor.execute(
        f"INSERT INTO {table} WITH (PAGLOCK) (id, n, d, b, t, v, f) SELECT j.[c0], j.[c1], j.[c2], "
        "j.[c3], j.[c4], CONVERT(varbinary(max), j.[c5], 2), j.[c6] "
        "FROM OPENJSON(CAST(? AS nvarchar(max))) WITH ([c0] bigint '$[0]', [c1] nvarchar(20) "
        "'$[1]', [c2] decimal(38,4) '$[2]', [c3] bit '$[3]', [c4] datetime2(7) '$[4]', "
        "[c5] nvarchar(max) '$[5]', [c6] float '$[6]') AS j",
        json.dumps(ROWS),
    )

    assert cursor.rowcount == 2
    columns = "id, n, d, b, CAST(t AS nvarchar(40)), v, f"
    assert rows(cursor, f"SELECT {columns} FROM {table} ORDER BY id DESC") == [
        (*ROWS[0][:2], Decimal("1.5000"), True, ROWS[0][4], b"\xde\xad", 0.1),
        tuple(ROWS[1]),
    ]


def test_named_values_come_from_json(cursor: Any) -> None:
    sql = "SELECT id, n FROM OPENJSON(?) WITH (id int '$.id', n nvarchar(9) '$.a.\"x y\"') AS j"
    document = json.dumps([{"id": 1, "a": {"x y": "z"}}, {}])
    assert rows(cursor, sql, document) == [(1, "z"), (None, None)]


def test_rows_are_published_by_update_insert_and_delete(cursor: Any, table: str) -> None:
    for name in (table, f"s_{table}"):
        cursor.execute(f"CREATE TABLE {name} (id int, n nvarchar(20))")
    cursor.execute(f"INSERT INTO {table} VALUES (1, N'a'), (2, N'b'), (3, N'c'), (5, N'e')")
    cursor.execute(f"INSERT INTO s_{table} VALUES (1, N'a'), (2, N'x'), (4, N'D'), (5, N'E')")

    cursor.execute(
        f"UPDATE t SET t.n = s.n FROM dbo.{table} AS t JOIN dbo.s_{table} AS s ON s.id = t.id "
        "WHERE EXISTS (SELECT t.n EXCEPT SELECT s.n)"
    )
    updated = cursor.rowcount
    cursor.execute(
        f"INSERT INTO {table} (id, n) SELECT s.id, s.n FROM s_{table} AS s "
        f"WHERE NOT EXISTS (SELECT 1 FROM {table} AS t WHERE t.id = s.id)"
    )
    inserted = cursor.rowcount
    cursor.execute(
        f"DELETE t FROM {table} AS t "
        f"WHERE NOT EXISTS (SELECT 1 FROM s_{table} AS s WHERE s.id = t.id)"
    )

    # e and E are equal to the collation, so row 5 is not updated.
    assert (updated, inserted, cursor.rowcount) == (1, 1, 1)
    found = rows(cursor, f"SELECT id, n FROM {table} ORDER BY id")
    assert found == [(1, "a"), (2, "x"), (4, "D"), (5, "e")]


def test_rows_are_deleted_by_a_join(cursor: Any, table: str) -> None:
    cursor.execute(f"CREATE TABLE {table} (id int)")
    cursor.execute(f"INSERT INTO {table} VALUES (1), (2)")
    cursor.execute(f"DELETE t FROM {table} AS t JOIN (SELECT 2 AS id) AS s ON s.id = t.id")
    assert rows(cursor, f"SELECT id FROM {table}") == [(1,)]


def test_changed_rows_are_returned(cursor: Any, table: str) -> None:
    cursor.execute(f"CREATE TABLE {table} (Id int, n nvarchar(9))")
    assert rows(cursor, f"INSERT INTO {table} OUTPUT inserted.Id VALUES (1, N'a')") == [(1,)]
    update = f"UPDATE {table} SET n = N'b' OUTPUT deleted.n, inserted.n"
    assert rows(cursor, update) == [("a", "b")]


def test_rows_are_taken_in_pages_and_counted(cursor: Any, table: str) -> None:
    cursor.execute(f"CREATE TABLE {table} (id int)")
    cursor.execute(f"INSERT INTO {table} VALUES (0), (1), (2), (3), (4), (5)")
    page = f"SELECT id FROM {table} ORDER BY id OFFSET 2 ROWS FETCH NEXT 2 ROWS ONLY"
    assert rows(cursor, page) == [(2,), (3,)]
    assert rows(cursor, f"SELECT TOP (2) id FROM {table} ORDER BY id") == [(0,), (1,)]
    assert rows(cursor, f"SELECT COUNT_BIG(*), SUM(CAST(id AS bigint)) FROM {table}") == [(6, 15)]


def test_a_table_is_made_once_altered_and_emptied(cursor: Any, table: str) -> None:
    make = f"IF OBJECT_ID(N'dbo.{table}', N'U') IS NULL CREATE TABLE dbo.{table} (id int)"
    cursor.execute(make)
    cursor.execute(make)
    cursor.execute(f"ALTER TABLE dbo.{table} ADD [Name] nvarchar(10) {BINARY} NULL")
    cursor.execute(f"ALTER TABLE dbo.{table} ALTER COLUMN [name] varchar(20) NOT NULL")
    cursor.execute(f"ALTER TABLE dbo.{table} ALTER COLUMN id bigint NOT NULL")
    cursor.execute(
        f"ALTER TABLE dbo.{table} ADD CONSTRAINT [PK {table}] PRIMARY KEY CLUSTERED (id)"
    )
    assert failure(cursor, f"INSERT INTO dbo.{table} (id) VALUES (1)") == 515
    cursor.execute(f"INSERT INTO dbo.{table} VALUES (1, N'x')")
    cursor.execute(f"SELECT * FROM dbo.{table}")
    assert [column[0] for column in cursor.description] == ["id", "Name"]
    cursor.execute(f"TRUNCATE TABLE dbo.{table}")
    assert rows(cursor, f"SELECT * FROM dbo.{table}") == []
    cursor.execute(f"DROP TABLE IF EXISTS dbo.{table}")
    cursor.execute(f"DROP TABLE IF EXISTS dbo.{table}")
    assert failure(cursor, f"SELECT * FROM dbo.{table}") == 208


def test_an_index_is_made_once_and_keeps_duplicates_out(cursor: Any, table: str) -> None:
    cursor.execute(f"CREATE TABLE {table} (a int, b nvarchar(9))")
    make = (
        f"IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'{table}') "
        f"AND name = N'IX_{table}') CREATE UNIQUE NONCLUSTERED INDEX [Ix_{table}] ON {table} (b)"
    )
    cursor.execute(make)
    cursor.execute(make)
    cursor.execute(f"INSERT INTO {table} VALUES (1, N'a')")
    assert failure(cursor, f"INSERT INTO {table} VALUES (2, N'A')") == 2601
    cursor.execute(f"DROP INDEX [IX_{table}] ON {table}")
    cursor.execute(f"INSERT INTO {table} VALUES (2, N'A')")
    assert failure(cursor, f"CREATE UNIQUE INDEX i_{table} ON {table} (b)") == 1505


def test_tables_move_between_schemas_and_names(cursor: Any, table: str) -> None:
    make = f"IF SCHEMA_ID(N'Bkp_{table}') IS NULL EXEC(N'CREATE SCHEMA [Bkp_{table}]')"
    cursor.execute(make)
    cursor.execute(make)
    cursor.execute(f"CREATE TABLE {table} ([Id] int)")
    cursor.execute(f"INSERT INTO {table} VALUES (7)")
    cursor.execute(f"EXEC sp_rename N'dbo.{table}', N'New_{table}'")
    cursor.execute(f"EXEC sp_rename N'dbo.new_{table}.id', N'No', N'COLUMN'")
    cursor.execute(f"ALTER SCHEMA bkp_{table} TRANSFER dbo.new_{table}")
    cursor.execute(f"SELECT * INTO dbo.{table} FROM bkp_{table}.new_{table}")
    cursor.execute(f"SELECT * FROM dbo.{table}")
    assert (cursor.description[0][0], cursor.fetchval()) == ("No", 7)
    found = rows(
        cursor,
        "SELECT s.name, o.name, SUM(p.rows) FROM sys.tables AS o "
        "JOIN sys.schemas AS s ON s.schema_id = o.schema_id "
        "JOIN sys.partitions AS p ON p.object_id = o.object_id AND p.index_id IN (0, 1) "
        "WHERE s.name = ? GROUP BY s.name, o.name",
        f"BKP_{table}",
    )
    assert found == [(f"Bkp_{table}", f"New_{table}", 1)]
    assert failure(cursor, f"EXEC sp_rename N'dbo.none_{table}', N'x'") == 15248


ODD_NAMES = [
    "select",
    "a]b",
    "two words",
    'quo"te',
    "it's",
    "\u00dcn\u00efc\u00f6d\u00e9",
    "x" * 128,
]


def test_any_name_can_be_quoted(cursor: Any, table: str) -> None:
    quoted = ["[" + name.replace("]", "]]") + "]" for name in ODD_NAMES]
    name = f"{table}{'Y' * 110}"
    cursor.execute(f"CREATE TABLE [{name}] ({', '.join(f'{each} int' for each in quoted)})")
    cursor.execute(f"INSERT INTO [{name}] ({', '.join(quoted)}) VALUES (1, 2, 3, 4, 5, 6, 7)")
    for columns in (", ".join(quoted), "*"):
        cursor.execute(f"SELECT {columns} FROM [{name}]")
        assert [column[0] for column in cursor.description] == ODD_NAMES
        assert list(cursor.fetchone()) == [1, 2, 3, 4, 5, 6, 7]
    cursor.execute("SELECT name FROM sys.columns WHERE object_id = OBJECT_ID(?)", f"dbo.[{name}]")
    assert [row[0] for row in cursor] == ODD_NAMES


COLUMNS = (
    ("k", "nvarchar", 14, 0, 0, False, "Latin1_General_100_BIN2"),
    ("d", "decimal", 13, 20, 3, True, None),
    ("M", "nvarchar", -1, 0, 0, True, "SQL_Latin1_General_CP1_CI_AS"),
    ("c", "nchar", 10, 0, 0, True, "SQL_Latin1_General_CP1_CI_AS"),
    ("v", "varbinary", 5, 0, 0, True, None),
    ("t", "datetime2", 6, 22, 2, True, None),
    ("z", "datetimeoffset", 10, 34, 7, True, None),
    ("y", "tinyint", 1, 3, 0, True, None),
)


def test_the_catalogue_describes_columns_and_keys(cursor: Any, table: str) -> None:
    cursor.execute(
        f"CREATE TABLE {table} (k nvarchar(7) {BINARY} NOT NULL, d decimal(20,3), M nvarchar(max), "
        "c nchar(5), v varbinary(5), t datetime2(2), z datetimeoffset, y tinyint, "
        f"CONSTRAINT [Pk_{table}] PRIMARY KEY (k))"
    )
    found = rows(
        cursor,
        "SELECT c.name, t.name, c.max_length, c.precision, c.scale, c.is_nullable, "
        "c.collation_name FROM sys.columns AS c JOIN sys.types AS t "
        "ON t.user_type_id = c.user_type_id WHERE c.object_id = OBJECT_ID(?, N'U') "
        "ORDER BY c.column_id",
        f"[DBO].[{table}]",
    )
    assert tuple(found) == COLUMNS
    key = rows(
        cursor,
        "SELECT k.COLUMN_NAME, k.CONSTRAINT_NAME FROM INFORMATION_SCHEMA.TABLE_CONSTRAINTS AS c "
        "JOIN INFORMATION_SCHEMA.KEY_COLUMN_USAGE AS k ON k.CONSTRAINT_NAME = c.CONSTRAINT_NAME "
        "WHERE c.CONSTRAINT_TYPE = 'PRIMARY KEY' AND c.TABLE_NAME = ?",
        table,
    )
    assert key == [("k", f"Pk_{table}")]
    lengths = rows(
        cursor,
        "SELECT DATA_TYPE, CHARACTER_MAXIMUM_LENGTH, NUMERIC_SCALE, DATETIME_PRECISION "
        "FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = ? AND ORDINAL_POSITION IN (1, 2, 6) "
        "ORDER BY ORDINAL_POSITION",
        table,
    )
    assert lengths == [
        ("nvarchar", 7, None, None),
        ("decimal", None, 3, None),
        ("datetime2", None, None, 2),
    ]


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        ("SELEC 1 FROM x y z", 102),
        ("MERGE x USING y ON 1 = 0 WHEN MATCHED THEN DELETE;", 102),
        ("SELECT @nothing", 137),
        ("SELECT nothing FROM sys.tables", 207),
        ("SELECT * FROM dbo.nowhere", 208),
        ("CREATE TABLE nowhere.t (id int)", 2760),
        ("EXEC nothing", 2812),
        ("SELECT 1 / 0", 8134),
        ("SELECT CAST(2147483647 AS int) + 1", 8115),
        ("THROW 50001, N'on purpose', 1", 50001),
    ],
)
def test_a_wrong_statement_has_its_number(cursor: Any, statement: str, number: int) -> None:
    assert failure(cursor, statement) == number
    assert cursor.execute("SELECT 1").fetchval() == 1


def test_a_batch_has_variables_and_conditions(cursor: Any) -> None:
    cursor.execute(
        "SET NOCOUNT ON; DECLARE @x int = 5; SET @x = @x + 1; "
        "IF @x = 6 AND EXISTS (SELECT 1) BEGIN SELECT @x AS Six END ELSE SELECT 0"
    )
    assert (cursor.description[0][0], cursor.fetchval()) == ("Six", 6)


def test_a_schema_is_named_by_its_number(microsoft: Any, table: str) -> None:
    microsoft.execute(f"EXEC(N'CREATE SCHEMA [S {table}]')")
    microsoft.execute(f"CREATE TABLE [S {table}].{table} (id int)")

    found = rows(
        microsoft,
        "SELECT SCHEMA_NAME(schema_id), SCHEMA_NAME() FROM sys.tables WHERE name = ?",
        table,
    )

    assert found == [(f"S {table}", "dbo")]
