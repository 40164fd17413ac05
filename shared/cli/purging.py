"""Purge: a person's rows found in all that is kept of a table, shown, and taken out."""

import json
from contextlib import closing
from dataclasses import asdict
from typing import Annotated

import typer

from shared import settings
from shared.cli import cloud, render
from shared.cli.options import AsJson, Yes
from shared.cli.questions import require_consent
from shared.cli.render import Listed
from shared.config.places import BigQueryTable
from shared.config.tables import ResolvedTable
from shared.core import selections
from shared.core.purges import Find, Subject
from shared.core.selections import UNCOMPARED, Comparison, Operator, Selection
from shared.errors import SluiceError
from shared.operations import purging
from shared.operations.purging import Purge
from shared.wiring import Services


def purge(
    table: Annotated[str, typer.Argument(help="Name of the table.")],
    subject: Annotated[
        str,
        typer.Option("--subject", metavar="COLUMN=VALUE", help="Whose rows: email=ann@example.com"),
    ],
    *,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Find a person's rows in parts, originals, rejects and dropped files, and take them out.

    Without --yes it shows what it found, and asks. No value is printed or written down.
    """
    services = cloud.connect()
    wanted = Subject.parse(subject)
    found = purging.look(services, table, wanted)
    if not as_json:
        _show(found.finds, table)
    is_meant = bool(found.finds) and (yes or _confirmed(as_json=as_json))
    if is_meant:
        purging.carry_out(services, found, settings.person())
    rest = _in_target(services, found)
    if as_json:
        objects = [asdict(find) for find in found.finds]
        facts = {"objects": objects, "is_purged": is_meant, "in_target": rest}
        typer.echo(json.dumps({"table": table, **facts}, indent=2))
        return
    if is_meant:
        render.plain(f"taken out; `sluice audit show {table}` has who, when and which objects")
    _say_what_is_left(found, in_target=rest)


def _confirmed(*, as_json: bool) -> bool:
    if as_json:
        return False
    require_consent("Take these rows out?")
    return True


def _show(finds: tuple[Find, ...], table: str) -> None:
    if not finds:
        render.plain(f"nothing of this subject is kept of {table}")
        return
    rows = [
        Listed(
            (
                each.kind,
                "-" if each.rows is None else f"{each.rows:,}",
                "deleted" if each.is_deleted else "rewritten",
                each.name,
            )
        )
        for each in finds
    ]
    render.listing(("WHAT", "ROWS>", "WILL BE", "OBJECT"), rows)


def _in_target(services: Services, found: Purge) -> bool | None:
    """Say whether the target's table has rows of the subject; None when that is not known."""
    wanted = found.subject
    if found.resolved is None:
        return None
    try:
        with closing(services.target(found.resolved)) as target:
            schema = target.schema()
            if schema is None or wanted.column not in schema.names:
                return False
            column = schema.column(wanted.column)
            if column.type.kind in UNCOMPARED:
                return None
            value = selections.canonical(column.type, wanted.value)
            condition = Comparison(column=column, operator=Operator.EQ, value=value)
            asked = Selection(columns=(column,), conditions=(condition,), limit=1)
            return bool(target.select(asked))
    except SluiceError:
        return None


def _say_what_is_left(found: Purge, *, in_target: bool | None) -> None:
    if found.resolved is None:
        render.plain("the table is not configured any more, so nobody looked into its target:")
        render.plain("rows of it there are yours to delete")
        return
    table = found.resolved.table
    if in_target is not False:
        has = "may have" if in_target is None else "has"
        render.plain(f"the target's table {has} rows of it still, which are yours to delete:")
        render.plain(f"  {_statement(found.resolved, found.subject)}")
    if table.is_reference:
        render.plain("so may the versions that the target keeps, in its schema bkp")
    if table.snowflake:
        render.plain("the source is not touched: rows that it still has come back with a run")


def _statement(resolved: ResolvedTable, subject: Subject) -> str:
    """Return what deletes the rows in the target; the value is the reader's to fill in."""
    place, quote = resolved.table.place, '"'
    names = [place.schema_, place.table, subject.column]
    if isinstance(place, BigQueryTable):
        names, quote = [f"{place.schema_}.{place.table}", subject.column], "`"
    *table, column = (f"{quote}{name.replace(quote, 2 * quote)}{quote}" for name in names)
    return f"DELETE FROM {'.'.join(table)} WHERE {column} = :value"  # noqa: S608 - never run here
