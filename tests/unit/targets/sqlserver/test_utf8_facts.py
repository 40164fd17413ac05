"""What is measured where T-SQL is spoken and texts are in UTF-8."""

from shared.targets.sqlserver import facts, utf8_facts
from tests.builders import a_column


def test_texts_are_measured_in_bytes_and_no_collation_is_asked_for_characters() -> None:
    found = utf8_facts.facts_of(a_column("name", "text"), "nvarchar(max)")

    assert found == {
        "nulls": "COUNT_BIG(*) - COUNT_BIG(t.[name])",
        "minimum": "MIN(DATALENGTH(t.[name]))",
        "maximum": "MAX(DATALENGTH(t.[name]))",
        "total": "SUM(CAST(DATALENGTH(t.[name]) AS bigint))",
    }


def test_everything_else_is_measured_as_in_sql_server() -> None:
    for kind in ("int64", "decimal(9,2)", "binary", "timestamp"):
        column = a_column("x", kind)
        assert utf8_facts.facts_of(column, "") == facts.facts_of(column, "")
