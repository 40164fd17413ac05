"""The reference of the command line, made from the commands themselves."""

from collections.abc import Iterator
from typing import Any

import typer

from shared.cli.app import app
from shared.cli.exits import Exit


def blocks() -> dict[str, str]:
    """Return the parts of the page by the names of their blocks."""
    command = typer.main.get_command(app)
    return {
        "exit_codes": "\n".join(
            ["| code | meaning |", "| --- | --- |", *(f"| {e.value} | {e.meaning} |" for e in Exit)]
        ),
        "commands": "\n\n".join(section for section in _sections(command, "sluice")),
    }


def _sections(command: Any, path: str) -> Iterator[str]:
    for name in command.commands:
        each = command.commands[name]
        if hasattr(each, "commands"):
            yield from _sections(each, f"{path} {name}")
        else:
            yield _section(each, f"{path} {name}")


def _section(command: Any, path: str) -> str:
    paragraphs = [" ".join(p.split()) for p in (command.help or "").split("\n\n")]
    lines = [f"### {path}", "", "\n\n".join(paragraphs), ""]
    lines += [f"- {_named(p)}: {p.help}" for p in command.params if p.name != "help"]
    return "\n".join(lines).rstrip()


def _named(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        name = (parameter.metavar or parameter.name.upper()).strip("[]")
        return f"`{name}`{'' if parameter.required else ' (optional)'}"
    options = ", ".join(f"`{option}`" for option in (*parameter.opts, *parameter.secondary_opts))
    default = parameter.default
    is_shown = isinstance(default, int | float | str) and not (parameter.is_flag or default == "")
    need = " (required)" if parameter.required else ""
    return f"{options}{f' (`{default}`)' if is_shown else need}"
