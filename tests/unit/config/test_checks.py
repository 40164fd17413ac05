"""What a table may ask of its data: defaults, titles, and each rule by a file that breaks it."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.config import resolve
from shared.config.checks import KINDS
from shared.config.tables import ResolvedTable, TableConfig, TablesFile
from shared.errors import InvalidConfigError
from shared.wire import from_json, to_json
from tests.builders import table_data

ENVIRONMENT = """\
connections:
  snowflake: {account: a, user: u}
  postgres: {host: h}
  bigquery: {project: my-project, location: EU}
"""


def problem(tmp_path: Path, *tables: str) -> str:
    """Return why table files with these keys behind the usual ones are refused."""
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "dev.yaml").write_text(ENVIRONMENT)
    text = "tables:\n"
    for number, keys in enumerate(tables):
        target = "" if "bigquery" in keys else f"postgres: {{table: t{number}}}, "
        text += f"  - {{name: t{number}, csv: {{}}, {target}{keys}}}\n"
    (tmp_path / "tables.yaml").write_text(text)
    with pytest.raises(InvalidConfigError) as refused:
        resolve.load(tmp_path, "dev")
    return refused.value.message.partition("tables.yaml:")[2] or refused.value.message


def a_table(*checks: dict[str, Any], **changes: Any) -> TableConfig:
    return TableConfig.model_validate(table_data(checks=list(checks), **changes))


def test_check_is_called_by_its_kind_and_columns_unless_it_has_a_name() -> None:
    table = a_table(
        {"check": "not_null", "columns": ["a", "b"]},
        {"check": "predicate", "sql": "b > a"},
        {"check": "rows", "min": 1},
        {"check": "references", "columns": ["dest"], "table": "airports"},
        {"check": "range", "column": "a", "min": 1, "name": "positive"},
    )

    assert [check.title for check in table.checks] == [
        "not_null(a, b)",
        "predicate(b, a)",
        "rows",
        "references(dest: airports)",
        "positive",
    ]


def test_checks_come_back_from_the_config_bucket_as_they_went() -> None:
    table = a_table(
        {"check": "range", "column": "a", "min": date(2024, 1, 31), "max": 0.5},
        {"check": "in_set", "column": "b", "values": [1, "1", True, 1.5]},
        {"check": "freshness", "column": "c", "max_age": "36h"},
        columns={"b": {"sensitive": True}},
    )
    resolved = ResolvedTable.model_validate(
        {"environment": "dev", "table": table, "connections": {}}
    )

    again = from_json(ResolvedTable, to_json(resolved), "tables/flights.json")

    assert again == resolved
    assert again.table.checks[0].model_dump()["min"] == "2024-01-31"
    assert again.table.sensitive == {"b"}


def test_every_kind_has_a_section_of_the_page() -> None:
    page = Path("docs/checks.md").read_text()

    for name, kind in KINDS.items():
        row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
        own = set(kind.model_fields) - {"check", "name", "severity", "max_percent"}
        assert all(f"`{key}`" in row for key in own), name


def test_example_of_the_page_is_a_valid_table_file() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", Path("docs/checks.md").read_text(), re.DOTALL)

    (table,) = TablesFile.model_validate(yaml.safe_load(example)).tables

    assert {check.check for check in table.checks} > {"not_null", "predicate", "freshness"}


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("checks: [{check: rang, column: a}]", "2: checks.0: check is 'rang'; known: not_null"),
        ("checks: [{check: rang, column: a}]", "did you mean range?"),
        ("checks: [{column: a, min: 1}]", "checks.0: check is None; known"),
        ("checks: [{check: range, column: a}]", "checks.0: range needs min, max, or both"),
        ("checks: [{check: range, column: a, mim: 1}]", "unknown key; known: check, column, max"),
        ("checks: [{check: range, min: 1}]", "checks.0.column: is missing"),
        ("checks: [{check: range, column: a, min: 5, max: 1}]", "0: min 5 is more than max 1, so"),
        ("checks: [{check: range, column: a, min: 2024-02-01, max: 2024-01-31}]", "exchange them"),
        ("checks: [{check: length, column: a, min: 5, max: 1}]", "min 5 is more than max 1"),
        ("checks: [{check: rows, min: 5, max: 1}]", "min 5 is more than max 1"),
        ("checks: [{check: rows}]", "needs min, max or max_change_percent"),
        ("checks: [{check: unique, columns: [a], severity: quarantine}]", "write fail or warn"),
        ("checks: [{check: not_null, columns: [a, a]}]", "names a column twice"),
        ("checks: [{check: pattern, column: a, matches: '['}]", "is no regular expression"),
        ("checks: [{check: predicate, sql: 'a >'}]", "the end is no value"),
        ("checks: [{check: predicate, sql: '1 > 0'}]", "names no column"),
        ("checks: [{check: range, column: a, min: no}]", "need quotes"),
        ("checks: [{check: references, columns: [a], table: t0, to: [b, c]}]", "as many columns"),
        ("checks: [{check: rows, min: 1}, {check: rows, max: 9}]", "two checks are rows; give one"),
        ("checks: [{check: references, columns: [a], table: t9}]", "no table is named 't9'; known"),
        ("checks: [{check: references, columns: [a], table: t9}]", "2: check references(a: t9) of"),
        ("columns: {a: {secret: true}}", "unknown key; known: constant, keep_first"),
    ],
)  # fmt: skip
def test_check_that_makes_no_sense_is_refused_with_its_place(
    tmp_path: Path, keys: str, expected: str
) -> None:
    assert expected in problem(tmp_path, keys)


def test_check_cannot_refer_to_a_table_in_another_database(tmp_path: Path) -> None:
    refers = "checks: [{check: references, columns: [a], table: t1}]"

    found = problem(tmp_path, refers, "bigquery: {dataset: d, table: t}")

    assert "t1 is in BigQuery, and t0 in PostgreSQL" in found
