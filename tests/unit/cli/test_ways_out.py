"""How commands end, and that programs can read what they say."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from shared.cli.app import app, run
from shared.cli.exits import Exit
from shared.wiring import services

WITHOUT_JSON = {
    "lineage",  # its lines are JSON
    *("quarantine export", "deploy sbom"),  # write files
    "keys retire",  # `sluice keys status`
    *("local up", "local down"),  # `sluice local status` says what came of them
    *("deploy plan", "deploy apply", "deploy rollback", "deploy destroy"),  # `sluice deploy list`
}
"""Commands whose output is JSON anyway, or that another one tells about."""


def leaves(command: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield all commands that do something, by their words."""
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name in command.commands:
        yield from leaves(command.commands[name], f"{path} {name}".strip())


COMMANDS = dict(leaves(typer.main.get_command(app)))


def options(command: Any) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts}


def test_every_command_speaks_json_but_those_that_are_listed() -> None:
    without = {path for path, command in COMMANDS.items() if "--json" not in options(command)}

    assert without == WITHOUT_JSON


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_and_option_says_what_it_is_for(path: str) -> None:
    command = COMMANDS[path]

    assert command.help, path
    silent = [p.name for p in command.params if not getattr(p, "help", None)]
    assert silent == [], path


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["schema"], Exit.OK),
        (["--version"], Exit.OK),
        (["validate", "--config", "nowhere"], Exit.FAILED),
        (["fly"], Exit.USAGE),
        (["intake", sys.executable], Exit.REFUSED),
    ],
)
def test_command_ends_with_the_code_of_its_outcome(
    arguments: list[str], code: Exit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["sluice", *arguments])

    with pytest.raises(SystemExit) as ended:
        run()

    assert ended.value.code == code


@pytest.mark.parametrize("command", ["runs", "logs", "quarantine list"])
def test_who_is_not_logged_in_is_told_how(
    command: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    services.cache_clear()
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("SLUICE_PROJECT", "acme")
    monkeypatch.setenv("SLUICE_PREFIX", "acme")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    monkeypatch.setattr(sys, "argv", ["sluice", *command.split()])

    with pytest.raises(SystemExit) as ended:
        run()

    services.cache_clear()
    assert ended.value.code == Exit.FAILED
    assert "`gcloud auth application-default login`" in capsys.readouterr().err


def test_interrupted_command_ends_as_shells_expect(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "cloud.json").write_text(json.dumps({"pid": os.getpid(), "services": {}}))
    monkeypatch.delenv("SLUICE_PROJECT", raising=False)
    monkeypatch.setenv("SLUICE_STATE", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["sluice", "logs", "--follow"])

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("shared.cli.logs.time.sleep", interrupted)

    with pytest.raises(SystemExit) as ended:
        run()

    assert ended.value.code == Exit.INTERRUPTED


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("sluice ru", ["run", "runs"]),
        ("sluice quarantine s", ["show"]),
        ("sluice run --tr", ["--trace"]),
    ],
)
def test_shell_completes_commands_and_options(typed: str, offered: list[str]) -> None:
    position = str(len(typed.split()) - 1)
    environment = {"_SLUICE_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": position}

    ended = CliRunner().invoke(app, prog_name="sluice", env=environment)

    assert ended.stdout.split() == offered
