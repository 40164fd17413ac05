"""What is said of table files and of errors, without any cloud."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shared.cli.app import app, run

TABLES = """\
tables:
  - name: flights
    snowflake: {database: NYC, schema: PUBLIC, table: FLIGHTS}
    postgres: {table: flights}
    schedule: daily
"""
ENVIRONMENT = """\
connections:
  snowflake: {account: local, user: SLUICE}
  postgres: {host: 127.0.0.1}
tables:
  flights: {schedule: hourly}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "local.yaml").write_text(ENVIRONMENT)
    (tmp_path / "tables.yaml").write_text(TABLES)
    return tmp_path


def test_table_is_listed_with_what_its_environment_set(config: Path) -> None:
    shown = CliRunner().invoke(app, ["validate", "--config", str(config)])

    assert shown.exit_code == 0, shown.output
    assert "flights  snowflake  postgres  full  hourly\n" in shown.stdout
    assert "  set by the environment: schedule: hourly\n" in shown.stdout


def test_table_of_files_is_listed_with_their_kind(config: Path) -> None:
    (config / "tables").mkdir()
    (config / "tables" / "any_name.yaml").write_text(
        "name: events\ncsv: {kind: ndjson}\npostgres: {table: events}\n"
    )

    shown = CliRunner().invoke(app, ["validate", "--config", str(config)])

    assert "events   ndjson     postgres  full  manual\n" in shown.stdout


def test_error_is_a_sentence_with_its_name_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["sluice", "validate", "--config", str(tmp_path / "none")])

    with pytest.raises(SystemExit) as ended:
        run()

    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith("there is no folder ")
    assert said.endswith("  (InvalidConfigError)\n")


def test_proposed_file_shows_alternatives_one_by_one(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("id|a:b\n1|x:y\n2|z:w\n")

    shown = CliRunner().invoke(app, ["intake", str(file)])

    assert "it might also be read with\n  delimiter ':'\n" in shown.stdout
    assert shown.stderr == ""
