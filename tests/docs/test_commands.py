"""Every command that a document names exists, with its options."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from shared.cli.app import app

DOCUMENTS = [p for p in (Path("README.md"), *sorted(Path("docs").rglob("*.md"))) if p.exists()]
SPAN = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"^ *```[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^(?:\$ )?(?:\S+/bin/)?(sluice|make)(?: |$)(.*)$")
TARGET = re.compile(r"^([a-z][a-z0-9_-]*):", re.MULTILINE)


def commands(path: Path) -> Iterator[tuple[str, str]]:
    """Yield program and arguments of every command that a document names, once each."""
    text = path.read_text()
    lines = [line.strip() for block in FENCE.findall(text) for line in block.splitlines()]
    spans = SPAN.findall(FENCE.sub("", text))
    for line in dict.fromkeys(lines + spans):
        match = COMMAND.match(line)
        if match:
            yield match[1], match[2].partition("#")[0].strip()


def check_sluice(arguments: str) -> None:
    """Follow a command line through the commands, and look for its options."""
    command: Any = typer.main.get_command(app)
    words = arguments.split()
    while words and hasattr(command, "commands") and not words[0].startswith("-"):
        name = words.pop(0)
        assert name in command.commands, f"no command {name!r}; known: {sorted(command.commands)}"
        command = command.commands[name]
    known = {"--help", "-h"} | {o for p in command.params for o in (*p.opts, *p.secondary_opts)}
    given = {word.partition("=")[0] for word in words if re.match("--?[a-z]", word)}
    assert given <= known, f"no option {given - known} in {arguments!r}"


NAMED = [(str(path), *command) for path in DOCUMENTS for command in commands(path)]


@pytest.mark.parametrize(
    ("document", "arguments"), [(doc, rest) for doc, program, rest in NAMED if program == "sluice"]
)
def test_sluice_command_of_a_document_exists(document: str, arguments: str) -> None:
    check_sluice(arguments)


@pytest.mark.parametrize(
    ("document", "arguments"), [(doc, rest) for doc, program, rest in NAMED if program == "make"]
)
def test_make_target_of_a_document_exists(document: str, arguments: str) -> None:
    targets = set(TARGET.findall(Path("Makefile").read_text()))
    wanted = {word for word in arguments.split() if "=" not in word and '"' not in word}

    assert wanted <= targets


def test_documents_name_commands_at_all() -> None:
    assert len(NAMED) > 20


@pytest.mark.parametrize("arguments", ["fly", "deadletter bury", "runs --tomorrow", "local drive"])
def test_command_that_does_not_exist_is_noticed(arguments: str) -> None:
    with pytest.raises(AssertionError):
        check_sluice(arguments)
