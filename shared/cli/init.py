"""A first table, or one more: asked for, written down, and held against source and target."""

import json
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from shared import settings
from shared.cli import cloud, outlooks, render
from shared.cli.drafts import Draft
from shared.cli.placing import SCHEMAS, PlacedTable, in_snowflake
from shared.cli.questions import CONNECTIONS, Questions, pairs
from shared.config import resolve
from shared.config.tables import ResolvedTable
from shared.core import naming
from shared.core.modes import SyncMode
from shared.core.schemas import TableSchema
from shared.deploy import environments
from shared.deploy.outlooks import NOT_ASKED, Outlook, look
from shared.errors import InvalidConfigError, SluiceError
from shared.settings import adopt
from shared.wiring import Services

CURSORS = ("timestamp", "timestamptz", "date", "int64")
"""Types of columns that may say how new a row is."""

ANYWAY = "mend that end first; --no-check writes the files all the same"


def init(
    name: Annotated[str | None, typer.Option(help="Name of the table in Sluice.")] = None,
    source: Annotated[
        str | None, typer.Option("--from", metavar="DATABASE.SCHEMA.TABLE", help="In Snowflake.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="Or: a file like those that will be dropped.")
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="Worksheet of a workbook.")] = None,
    to: Annotated[
        str | None,
        typer.Option(metavar="KIND[:SCHEMA.TABLE]", help="postgres, sqlserver or bigquery."),
    ] = None,
    mode: Annotated[SyncMode | None, typer.Option(help="Default: full, for files append.")] = None,
    cursor: Annotated[
        str | None,
        typer.Option(help="Column that says how new a row is; for incremental and append."),
    ] = None,
    key: Annotated[
        list[str] | None, typer.Option(help="Column of the key; once for each of them.")
    ] = None,
    schedule: Annotated[
        str | None, typer.Option(help="hourly, daily, manual or five cron fields.")
    ] = None,
    connect: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND.KEY=VALUE", help="Such as snowflake.account=acme-prod."),
    ] = None,
    config: Annotated[Path, typer.Option(help="Folder with tables.yaml.")] = Path("config"),
    env: Annotated[str, typer.Option(help="Name of the environment file.")] = "local",
    project: Annotated[str, typer.Option(envvar="TF_VAR_project", help="Id of its project.")] = "",
    *,
    check: Annotated[
        bool, typer.Option(help="Look at source and target before the files are kept.")
    ] = True,
    as_json: Annotated[
        bool, typer.Option("--json", help="Ask nothing, print JSON instead of text.")
    ] = False,
) -> None:
    """Write a table's file and the connections it needs, and hold them against both ends.

    Asks for what is not given, at a terminal. What source or target would refuse is not kept.
    """
    questions = Questions(are_asked=sys.stdin.isatty() and not as_json)
    draft = Draft(config, env)
    with _undone(draft):
        table = _places(questions, name, source, file, to, sheet)
        reach = pairs(connect or (), CONNECTIONS.__contains__)
        there = draft.connections()
        for kind in (k for k in CONNECTIONS if k in {*table.kinds, *reach} and k not in there):
            draft.add_connection(kind, questions.connection(kind, reach.get(kind, {}), env))
        draft.write_table(table.name, table.text({"sync_mode": "full"}))
        services, why_not = _services(env, project) if check else (None, "--no-check")
        schema = _schema(services, _read(config, env, table.name))
        rules = _rules(questions, schema, table, mode, cursor, key, schedule)
        draft.write_table(table.name, table.text(rules))
        resolved = _read(config, env, table.name)
        found = _look(services, resolved) if services else None
        if found and found.refusals:
            raise InvalidConfigError("\n".join((*found.refusals, ANYWAY)))
    _tell(draft, table, found, why_not, env, as_json=as_json)


def _places(
    questions: Questions,
    name: str | None,
    source: str | None,
    file: Path | None,
    to: str | None,
    sheet: str | None,
) -> PlacedTable:
    """Ask where the table is and where it goes."""
    if file is None and source is None and questions.are_asked:
        answer = questions.text("Table in Snowflake, DATABASE.SCHEMA.TABLE, or a file", "", None)
        is_file = Path(answer).is_file()
        source, file = (None, Path(answer)) if is_file else (answer, None)
    if file is not None and source is not None:
        raise typer.BadParameter("--from and --file: a table has one source")
    if file is not None and not file.is_file():
        raise typer.BadParameter(f"--file {file}: no such file")
    if sheet and file is None:
        raise typer.BadParameter("--sheet is a worksheet of a workbook: name that with --file")
    place = (
        {} if file else in_snowflake(questions.text("a table's source", "--from or --file", source))
    )
    usual = naming.nearest_table_name(file.stem if file else place["table"])
    named = questions.text("Its name in Sluice", "--name", name, usual)
    target = questions.text(f"Target ({', '.join(SCHEMAS)})", "--to", to, "postgres")
    if target.partition(":")[0] not in SCHEMAS:
        raise typer.BadParameter(f"--to {target}: known targets: {', '.join(SCHEMAS)}")
    return PlacedTable(named, place, file, target, sheet)


def _rules(
    questions: Questions,
    schema: TableSchema | None,
    table: PlacedTable,
    mode: SyncMode | None,
    cursor: str | None,
    key: list[str] | None,
    schedule: str | None,
) -> dict[str, Any]:
    """Ask how and when the table moves; its columns, where they are known, are the choices."""
    usual = SyncMode.APPEND if table.file else SyncMode.FULL
    chosen = questions.mode(mode, usual)
    rules: dict[str, Any] = {"sync_mode": str(chosen)}
    if chosen is not SyncMode.FULL and not table.file:
        known = ", ".join(c.name for c in schema or () if str(c.type) in CURSORS)
        question = f"Column that says how new a row is{known and f' ({known})'}"
        rules["incremental_column"] = questions.text(question, "--cursor", cursor)
    if chosen is SyncMode.INCREMENTAL or key:
        declared = ",".join(schema.primary_key) if schema else ""
        given = ",".join(key) if key else None
        if given or not declared:
            given = questions.text("Columns of its key, with commas", "--key", given)
            rules["primary_key"] = [column.strip() for column in given.split(",")]
    if not table.file:
        when = questions.text(
            "Schedule (hourly, daily, manual or five cron fields)", "--schedule", schedule, "manual"
        )
        rules |= {} if when == "manual" else {"schedule": when}
    return rules


@contextmanager
def _undone(draft: Draft) -> Iterator[None]:
    """Take the files back if what is in them is not kept."""
    try:
        yield
    except SluiceError as exc:
        draft.undo()
        raise InvalidConfigError(f"nothing was written: {exc.message}") from exc
    except BaseException:
        draft.undo()
        raise


def _services(env: str, project: str) -> tuple[Services | None, str]:
    """Return the services of the environment, or why there are none."""
    try:
        if env != "local" and not settings.is_configured():
            adopt(environments.variables(Path.cwd(), env, project))
        return cloud.connect(), ""
    except InvalidConfigError as exc:
        return None, exc.message


def _read(config: Path, env: str, name: str) -> ResolvedTable:
    """Read the table as every command does; on a laptop with the ports of the cloud that is up."""
    found = None
    if settings.is_emulated() or (env == "local" and not settings.is_configured()):
        found = _on_this_machine(config, env)
    tables = found or resolve.load(config, env)
    return next(each for each in tables if each.table.name == name)


def _on_this_machine(config: Path, env: str) -> list[ResolvedTable] | None:
    from local import deployment

    try:
        described = cloud.describe(settings.state_dir() or cloud.DEFAULT_STATE_DIR)
    except InvalidConfigError:
        return None
    return deployment.read(config, env, deployment.Endpoints.of(described))


def _schema(services: Services | None, resolved: ResolvedTable) -> TableSchema | None:
    """Return the source's columns, to choose from; None where it cannot be asked."""
    if services is None or resolved.table.is_of_files:
        return None
    try:
        with closing(services.source(resolved, run_id="init")) as source:
            return source.schema()
    except NOT_ASKED:
        return None


def _look(services: Services, resolved: ResolvedTable) -> Outlook:
    """Hold the table against both ends."""
    if not resolved.table.is_of_files:
        return next(look(services, [resolved]))
    found = Outlook(table=resolved.table.name)
    try:
        with closing(services.target(resolved)) as target:
            found.is_there = target.schema() is not None
    except NOT_ASKED as exc:
        found.unknown.append(f"target: {exc.message}")
    return found


def _tell(
    draft: Draft,
    table: PlacedTable,
    found: Outlook | None,
    why_not: str,
    env: str,
    *,
    as_json: bool,
) -> None:
    files = [str(path) for path in draft.files]
    if as_json:
        facts = {"table": table.name, "files": files, "outlook": asdict(found) if found else None}
        typer.echo(json.dumps({**facts, "not_checked": why_not or None}, default=str, indent=2))
        return
    render.plain(f"written: {', '.join(files)}")
    for line in _said(table, found):
        render.plain(line)
    if why_not:
        said = f"not held against source and target: {why_not}"
        render.errors.print(said, markup=False, soft_wrap=True)
    for step in _next(table, env):
        render.plain(step, style="dim")


def _said(table: PlacedTable, found: Outlook | None) -> list[str]:
    if found is None or table.file is None or found.is_there is None:
        return outlooks.lines(found) if found else []
    where = "is in the target already" if found.is_there else "is made by the first file"
    return [f"{table.name} {where}"]


def _next(table: PlacedTable, env: str) -> Iterator[str]:
    if env != "local":
        yield f"next: commit it; `make deploy ENV={env}` brings it there"
        return
    yield "next: `sluice local up --detach` deploys it here"
    if table.file:
        yield f"then: `sluice local drop {table.file} --as {table.name}/{table.file.name}` moves it"
    else:
        yield f"then: `sluice run {table.name}` moves it"
