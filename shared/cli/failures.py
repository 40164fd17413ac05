"""How a command whose errors are JSON fails: one object on standard output, whatever went wrong.

A program that calls it with ``--json`` reads one place, also where the command line is wrong.
``app.ANSWERS_IN_JSON`` lists these commands.
"""

import json
from typing import Any

import typer
from typer.core import TyperCommand
from typer.exceptions import TyperException

from shared.cli.exits import Exit
from shared.errors import SluiceError, code_of

VERSION = 1
FLAG = "--json"


class JsonCommand(TyperCommand):
    """A command that prints its errors as JSON when it was asked for JSON."""

    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **more: Any) -> Any:
        """Read the command line."""
        wants_json = FLAG in args
        try:
            return super().make_context(info_name, args, *rest, **more)
        except TyperException as exc:
            raise _told(exc, info_name) if wants_json else exc from exc

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (TyperException, SluiceError) as exc:
            raise _told(exc, ctx.info_name) if ctx.params.get("as_json") else exc from exc


def failure(code: str, message: str, action: str) -> dict[str, str]:
    """Return the JSON form of an error: a stable name, what happened, and what to do next."""
    return {"code": code, "message": message, "action": action}


def plain(exc: TyperException) -> TyperException:
    """Take the library's own words out of an error about the command line."""
    exc.message = exc.message.removeprefix("Value error, ")
    return exc


def _told(exc: TyperException | SluiceError, command: str | None) -> typer.Exit:
    """Print an error, and return what ends the command."""
    if isinstance(exc, TyperException):
        error = failure("usage", plain(exc).format_message(), f"see sluice {command} --help")
        exit_code = exc.exit_code
    else:
        error = failure(code_of(exc), exc.message, "do what the message says, then run it again")
        exit_code = Exit.FAILED
    typer.echo(json.dumps({"version": VERSION, "error": error}, ensure_ascii=False, indent=2))
    return typer.Exit(exit_code)
