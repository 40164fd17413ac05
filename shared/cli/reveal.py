"""The way back from tokens to values: for people who may read the key, and never unnoticed."""

import json
from typing import Annotated

import typer

from shared import settings
from shared.cli import cloud, render
from shared.cli.options import TableAsJson
from shared.steps import revealing


def reveal(
    table: Annotated[str, typer.Argument(help="Name of the table.")],
    column: Annotated[str, typer.Argument(help="A column that the table tokenizes.")],
    tokens: Annotated[
        list[str], typer.Argument(metavar="TOKEN…", help="As they are in the target.")
    ],
    why: Annotated[str, typer.Option(help="The reason, for the audit log.")],
    *,
    as_json: TableAsJson = False,
) -> None:
    """Show the values that tokens stand for; the audit log is told who asked, for which and why.

    It takes the right to read the protection key.
    """
    asked = revealing.Asked(
        table=table, column=column, tokens=tuple(tokens), by=settings.person(), why=why
    )
    values = revealing.reveal(asked, cloud.connect())
    if as_json:
        typer.echo(json.dumps(dict(zip(tokens, values, strict=True)), ensure_ascii=False))
        return
    for value in values:
        render.plain(value)
