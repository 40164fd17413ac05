"""A point has the same name in every run, whatever tables and runs are called."""

import pytest

from local.faultpoints.points import Point, object_kind, statement_name


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ('COPY "_sluice"."stage_20260101T000000Z-ab" ("id") FROM STDIN', "COPY staged rows"),
        ('DROP TABLE IF EXISTS "_sluice"."keys_20260101T000000Z-ab"', "DROP staged keys"),
        ('ANALYZE "_sluice"."layer_20260101T000000Z-ab"', "ANALYZE a layer"),
        ("SELECT epoch FROM _sluice.state WHERE x FOR UPDATE", "SELECT _sluice.state FOR UPDATE"),
        ('DELETE FROM "public"."t" USING "_sluice"."stage_x" s', "DELETE table, staged rows"),
        ("SELECT pg_advisory_xact_lock(%s)", "SELECT pg_advisory_xact_lock"),
        ("CREATE SCHEMA IF NOT EXISTS _sluice", "CREATE SCHEMA _sluice"),
        ('SELECT COUNT(*) FROM "DB"."PUBLIC"."A ""B"""', "SELECT table"),
        ("INSERT INTO [_sluice].[stage_2026Z-ab] WITH (PAGLOCK) ([a])", "INSERT staged rows"),
        (
            "DELETE t FROM [dbo].[a b] AS t JOIN [_sluice].[keys_x] AS s",
            "DELETE table, staged keys",
        ),
        ("IF OBJECT_ID(N'_sluice.loads', N'U') IS NULL CREATE TABLE", "IF _sluice.loads"),
        ("IF SCHEMA_ID(N'_sluice') IS NULL EXEC(N'CREATE SCHEMA')", "IF SCHEMA _sluice"),
        ("IF SCHEMA_ID(N'sales') IS NULL EXEC(N'CREATE SCHEMA')", "IF SCHEMA schema"),
        ("SELECT c.name FROM sys.columns AS c", "SELECT sys.columns"),
        ("DECLARE @x int; EXEC @x = sp_getapplock @Resource = ?", "EXEC sp_getapplock"),
    ],
)
def test_statement_is_named_by_verb_and_kind_of_table(sql: str, name: str) -> None:
    assert statement_name(sql) == name


@pytest.mark.parametrize(
    ("bucket", "name", "kind"),
    [
        ("sluice-local-state", "ledger/runs/orders/x.json", "run record"),
        ("crash-state", "ledger/dead/x.json", "dead letter"),
        ("crash-staging", "parts/orders/run/attempt/part-00000.parquet", "part"),
        ("crash-landing", "orders/a.csv", "dropped file"),
        ("crash-staging", "something/new.json", "staging/something"),
    ],
)
def test_object_is_named_by_zone_and_folder(bucket: str, name: str, kind: str) -> None:
    assert object_kind(bucket, name) == kind


def test_repeated_io_is_counted() -> None:
    point = Point(step="load", seam="postgres", operation="COMMIT", about="transaction", nth=2)

    assert str(point) == "postgres: COMMIT transaction #2"
