"""``sluice local sql``: statements for Snowflake's stand-in, where a laptop's source tables are."""

import json
from contextlib import closing
from typing import Annotated, Any

import typer

from local import state
from local.clients import connect_snowflake
from shared.cli import cloud, render
from shared.cli.render import Listed
from shared.errors import SourceRefusedError
from shared.settings import Settings, adopt
from shared.wiring import Services


def sql(
    statements: Annotated[str, typer.Argument(help="SQL; a semicolon between statements.")],
    state_dir: state.StateDir = cloud.DEFAULT_STATE_DIR,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, a list per statement.")
    ] = False,
) -> None:
    """Run SQL in the Snowflake of this cloud, as the user that Sluice reads as.

    The session's time zone is UTC, so CURRENT_TIMESTAMP is what a cursor has to be.
    """
    from snowflake.connector.errors import Error

    found = state.require(state_dir)
    adopt(found["env"])
    secrets = Services.build(Settings.from_environment()).secrets
    with closing(connect_snowflake(secrets, found["snowflake"])) as connection:
        try:
            for cursor in connection.execute_string(statements, return_cursors=True):
                _show(cursor, as_json=as_json)
        except Error as exc:
            raise SourceRefusedError(str(exc.msg or exc)) from exc


def _show(cursor: Any, *, as_json: bool) -> None:
    names, rows = [column[0] for column in cursor.description or ()], cursor.fetchall()
    if as_json:
        typer.echo(json.dumps([dict(zip(names, row, strict=True)) for row in rows], default=str))
        return
    cells = (tuple("NULL" if value is None else str(value) for value in row) for row in rows)
    render.listing(names, [Listed(row) for row in cells])
