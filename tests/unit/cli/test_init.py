"""``sluice init`` without any cloud: what it writes is valid, and what is wrong leaves nothing."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shared.cli.app import app
from shared.cli.drafts import Draft
from shared.cli.questions import Questions
from shared.config import resolve
from shared.core.modes import SyncMode
from shared.errors import InvalidConfigError
from tests.workbooks import two_sheets

SOURCE = ("--from", 'PROD_DB.PUBLIC."Market.Data"')
PROD = (
    *("--env", "prod", "--no-check"),
    *("--connect", "snowflake.account=acme", "--connect", "snowflake.user=SLUICE"),
)


AT_A_TERMINAL = """\
import fcntl, signal, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGINT, signal.default_int_handler)
from shared.cli import main
main()
"""
"""Runs the command line with its input as the terminal that signals come from, none ignored."""

AGAIN_S = 5.0


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, with no cloud."""
    monkeypatch.chdir(tmp_path)
    for name in ("SLUICE_PROJECT", "SLUICE_STATE", "STORAGE_EMULATOR_HOST"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def interrupted(child: "subprocess.Popen[bytes]", terminal: int) -> int:
    """Press Ctrl-C until a program ends, for one that comes just before it waits may be missed."""
    while True:
        os.write(terminal, b"\x03")
        try:
            return child.wait(AGAIN_S)
        except subprocess.TimeoutExpired:
            continue


def files() -> dict[str, str]:
    return {str(p): p.read_text() for p in Path().rglob("*.yaml")}


def test_ctrl_c_at_a_question_ends_it_as_ctrl_c_does_elsewhere() -> None:
    terminal, other_end = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", AT_A_TERMINAL, "init"],
        stdin=other_end,
        stdout=other_end,
        stderr=other_end,
        start_new_session=True,
    )
    said = b""
    while not said.rstrip().endswith(b":"):
        said += os.read(terminal, 1024)

    code = interrupted(child, terminal)

    os.close(other_end)
    os.close(terminal)
    assert code == 130
    assert files() == {}


def test_table_and_connections_are_written_as_asked() -> None:
    rules = ("--mode", "incremental", "--cursor", "updated_at", "--key", "symbol", "--key", "day")
    ended = CliRunner().invoke(app, ["init", *SOURCE, "--name", "market", *rules])

    assert ended.exit_code == 0, ended.output
    (found,) = resolve.load(Path("config"), "local")
    table = found.table
    assert (table.name, table.sync_mode) == ("market", SyncMode.INCREMENTAL)
    assert table.snowflake is not None
    assert table.snowflake.table == "Market.Data"
    assert (table.incremental_column, table.primary_key) == ("updated_at", ["symbol", "day"])
    assert table.place.schema_ == "public"
    assert "not held against source and target: no cloud" in ended.stderr
    assert "`sluice run market` moves it" in ended.stdout


def test_file_is_a_table_of_what_it_holds() -> None:
    Path("sales.csv").write_text("id;sold\n1;2024-01-31\n2;2024-02-01\n")

    ended = CliRunner().invoke(
        app, ["init", "--file", "sales.csv", "--to", "sqlserver:shop.sales", "--json"]
    )

    assert ended.exit_code == 0, ended.output
    said = json.loads(ended.stdout)
    assert said["table"] == "sales"
    assert "no cloud" in said["not_checked"]
    (found,) = resolve.load(Path("config"), "local")
    assert found.table.csv is not None
    assert found.table.csv.columns is not None
    assert list(found.table.csv.columns) == ["id", "sold"]
    assert (found.table.place.schema_, found.table.sync_mode) == ("shop", SyncMode.APPEND)


def test_worksheet_is_named_by_an_option() -> None:
    Path("orders.xlsx").write_bytes(
        two_sheets(
            '<row><c t="str"><v>id</v></c></row><row><c><v>1</v></c></row>',
            '<row><c t="str"><v>text</v></c></row><row><c><v>2</v></c></row>',
        )
    )

    ended = CliRunner().invoke(app, ["init", "--file", "orders.xlsx", "--sheet", "Orders"])

    assert ended.exit_code == 0, ended.output
    (found,) = resolve.load(Path("config"), "local")
    assert found.table.csv is not None
    assert (found.table.csv.kind, found.table.csv.sheet) == ("excel", "Orders")
    assert found.table.csv.columns == {"id": "int64"}


def test_connections_of_another_environment_come_from_options() -> None:
    ended = CliRunner().invoke(
        app, ["init", *SOURCE, *PROD, "--connect", "postgres.instance=p:r:i"]
    )

    assert ended.exit_code == 0, ended.output
    (found,) = resolve.load(Path("config"), "prod")
    assert found.connections.snowflake is not None
    assert found.connections.snowflake.account == "acme"
    assert found.connections.postgres is not None
    assert (found.connections.postgres.instance, found.connections.postgres.host) == (
        "p:r:i",
        None,
    )
    assert "make deploy ENV=prod" in ended.stdout


@pytest.mark.parametrize(
    ("options", "exit_code", "said"),
    [
        ((*SOURCE, "--schedule", "never"), 1, "nothing was written: "),
        ((*SOURCE, "--mode", "append"), 2, "--cursor is missing"),
        ((*SOURCE, "--to", "oracle"), 2, "known targets"),
        ((*SOURCE, *PROD), 2, "--connect postgres.host"),
        ((*SOURCE, *PROD[:5]), 2, "--connect snowflake.user"),
        ((*SOURCE, "--connect", "snowflake"), 2, "snowflake.account=acme-prod"),
        (("--from", "A.B"), 2, "DATABASE.SCHEMA.TABLE"),
        ((), 2, "--from or --file is missing"),
        ((*SOURCE, "--sheet", "Data"), 2, "name that with --file"),
    ],
)
def test_what_is_wrong_is_named_and_leaves_nothing(
    options: tuple[str, ...], exit_code: int, said: str
) -> None:
    ended = CliRunner().invoke(app, ["init", *options], env={"COLUMNS": "200"})

    assert (ended.exit_code, files()) == (exit_code, {})
    assert said in ended.output + str(ended.exception)


def test_table_that_is_there_is_left_alone() -> None:
    CliRunner().invoke(app, ["init", *SOURCE, "--name", "market"])
    before = files()

    again = CliRunner().invoke(app, ["init", *SOURCE, "--name", "market", "--schedule", "daily"])

    assert again.exit_code == 1
    assert "is there already" in str(again.exception)
    assert files() == before


def test_connection_joins_those_that_are_there_and_comments_stay() -> None:
    path = Path("config/environments/local.yaml")
    path.parent.mkdir(parents=True)
    path.write_text("# ours\nconnections: # of the team\n  postgres: {host: db}\ntables: {}\n")
    draft = Draft(Path("config"), "local")

    draft.add_connection("snowflake", {"account": "a"})

    assert path.read_text() == (
        "# ours\nconnections: # of the team\n  snowflake: {account: a}\n"
        "  postgres: {host: db}\ntables: {}\n"
    )
    draft.undo()
    assert draft.connections() == {"postgres"}


def test_connections_on_one_line_are_left_to_their_owner() -> None:
    path = Path("config/environments/local.yaml")
    path.parent.mkdir(parents=True)
    path.write_text("connections: {postgres: {host: db}}\n")

    with pytest.raises(InvalidConfigError, match="write below it"):
        Draft(Path("config"), "local").add_connection("snowflake", {"account": "a"})


def test_who_is_there_is_asked_and_may_just_press_enter() -> None:
    questions = Questions(are_asked=True)

    with CliRunner().isolation(input="acme\n\nsometimes\nappend\n"):
        said = questions.text("Account", "--connect", None), questions.text("Role", "", None, "")
        mode = questions.mode(None, SyncMode.FULL)

    assert (said, mode) == (("acme", ""), SyncMode.APPEND)


def test_one_address_of_a_database_is_enough() -> None:
    questions = Questions(are_asked=True)

    with CliRunner().isolation(input="p:r:i\n\n\n"):
        said = questions.connection("postgres", {}, "prod")

    assert said == {"instance": "p:r:i", "database": "postgres", "user": "sluice"}
