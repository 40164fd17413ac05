"""What docs/targets.md says of numbers, names and settings is what the code has."""

import re
from pathlib import Path

import pytest

from shared import errors, registry
from shared.config.connections import PostgresConnection, SqlServerConnection
from shared.config.places import TARGET_NAMES, VERSIONS_SCHEMA
from shared.config.tables import TableConfig
from shared.targets.bigquery import connection as bigquery_connection
from shared.targets.bigquery import sql as bigquery_sql
from shared.targets.bigquery import staging, target
from shared.targets.sqlserver import bookkeeping, connection, sending
from tests.docs.pages import DOCS

TEXT = (DOCS / "targets.md").read_text("utf-8")
SPANS = set(re.findall(r"`([^`\n]+)`", TEXT))


def test_targets_are_named_by_their_keys_and_have_columns() -> None:
    head = next(line for line in TEXT.splitlines() if line.startswith("| |"))
    columns = {name for name in registry.TARGETS if f"| {TARGET_NAMES[name]} |" in head}
    keys = {name for name in registry.TARGETS if f"`{name}`" in TEXT.partition("## ")[0]}

    assert columns == keys
    assert len(columns) > 1


def test_every_setting_of_a_connection_to_sql_server_is_explained() -> None:
    own = SqlServerConnection.model_fields.keys() - PostgresConnection.model_fields.keys()
    said = {span.partition(":")[0] for span in SPANS}

    assert own - {"driver"} <= said
    assert "driver" in said
    for name in ("tls", "driver"):
        given = {s.partition(": ")[2] for s in SPANS if s.startswith(f"{name}: ")}
        known = set(SqlServerConnection.model_fields[name].annotation.__args__)  # type: ignore[union-attr]
        assert given <= known


@pytest.mark.parametrize(
    "said",
    [
        f"`LOCK_TIMEOUT {bookkeeping.LOCK_TIMEOUT_MS}`",
        f"After {bookkeeping.LOCK_TIMEOUT_MS // 1000} s",
        f"A statement has {connection.STATEMENT_TIMEOUT_S} s",
        f"about {4 * sending.BLOCK_BYTES // 2**20} MB",
        f"A delivery waits {bigquery_connection.WAIT_S:.0f} s",
        f"More than {bigquery_sql.MAX_RANGES} ranges of days",
        f"go after {staging.KEPT.days} days",
        f"begin anew, {['none', 'once', 'twice', 'three', 'four', 'five'][target.MAX_TRIES]} times",
        f"`{VERSIONS_SCHEMA}`",
        f"`keep_versions` ({TableConfig.model_fields['keep_versions'].default})",
    ],
)
def test_number_is_that_of_the_code(said: str) -> None:
    assert said in TEXT


def test_types_are_told_on_one_page_only() -> None:
    assert not re.findall(r"^\| `(?:bool|int64|float64)`", TEXT, re.MULTILINE)
    assert "(types.md)" in TEXT


def test_errors_and_variables_that_are_named_exist() -> None:
    named = {span for span in SPANS if re.fullmatch(r"[A-Z][A-Za-z]+Error", span)}
    variables = set(re.findall(r"SLUICE_[A-Z_]+", TEXT))

    assert named
    assert all(hasattr(errors, name) for name in named)
    assert variables
    read = [
        p for folder in ("shared", "local", "tests/contract") for p in Path(folder).rglob("*.py")
    ]
    code = "".join(path.read_text("utf-8") for path in read)
    assert all(name in code for name in variables)
