"""``sluice local``: the cloud on this machine, up, down, and poked."""

import json
import os
import shlex
import sys
import urllib.request
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from local import deployment, health, processes
from local.sql import sql
from local.state import StateDir, find, is_there, require, stop
from local.state import delete as remove
from local.supervisor import Background, command, welcome
from local.topology import PREFIX, SWEEP_JOB
from shared.cli import cloud, render
from shared.cli.render import Listed
from shared.config import model_files
from shared.core import naming, stored
from shared.errors import InvalidConfigError
from shared.operations.tables import require_deployable
from shared.settings import BUCKETS, Settings, adopt, person
from shared.wiring import Services

app = typer.Typer(
    help="The cloud on this machine: real functions, a real PostgreSQL, small honest emulators.",
    no_args_is_help=True,
)

app.command()(sql)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def up(
    state: StateDir = cloud.DEFAULT_STATE_DIR,
    config: Annotated[
        Path | None, typer.Option(help="Folder with tables.yaml; else the one it was started with.")
    ] = None,
    env: Annotated[
        str | None, typer.Option(help="Environment; else the one it was started with, or local.")
    ] = None,
    functions: Annotated[
        Path | None,
        typer.Option(help="Folder of unpacked archives, each with its .venv; default: this code."),
    ] = None,
    *,
    detach: Annotated[bool, typer.Option("--detach", help="Return once it serves.")] = False,
) -> None:
    """Start the cloud, or deploy the table files as they are now to the one that is up.

    It keeps its data in the state folder, and goes on there next time. The stand-ins of SQL Server
    and BigQuery start with it if a table needs them then; for a table that comes later, take the
    cloud down first.
    """
    found = find(state)
    if found:
        folder, environment = found["config"]["folder"], found["config"]["environment"]
        render.plain(f"the local cloud in {state} is up already")
        _deploy(found, config or Path(folder), env or environment)
        return
    if left := processes.end_left(state):
        render.plain(_ended(state, left))
    folder, environment = config or Path("config"), env or "local"
    if not detach:
        os.execv(sys.executable, command(state, folder, environment, functions))  # noqa: S606
    described = Background.start(state, folder, environment, functions).described
    for line in welcome(described):
        render.plain(line)


def _deploy(found: dict[str, Any], config: Path, environment: str) -> None:
    """Deploy table files to a cloud that is up, and say what that changed.

    Raises:
        InvalidConfigError: the files are wrong, or need a stand-in that was not started.
    """
    for kind, title in (("sqlserver", "SQL Server"), ("bigquery", "BigQuery")):
        if kind not in found and deployment.needs(kind, config, environment):
            raise InvalidConfigError(
                f"a table goes to {title}, whose stand-in starts with the cloud, and this one is "
                "up without: `sluice local down`, then `sluice local up --detach`; the data stays"
            )
    tables = deployment.read(config, environment, deployment.Endpoints.of(found))
    models = model_files.load(config, tables)
    adopt(found["env"])
    services = Services.build(Settings.from_environment())
    require_deployable(services, tables, models)
    changes = deployment.deploy(services.config, found["control"], tables)
    if services.models.deploy(models, person()):
        render.plain(f"models: {', '.join(each.model.name for each in models) or 'none any more'}")
    for what, names in asdict(changes).items():
        if names:
            render.plain(f"{what}: {', '.join(names)}")
    if not changes:
        render.plain(f"its tables are those of {config} already")
    elif changes.removed:
        render.plain("what was moved for removed tables stays in the target")


@app.command()
def down(
    state: StateDir = cloud.DEFAULT_STATE_DIR,
    *,
    delete: Annotated[
        bool,
        typer.Option(
            "--delete", help="And delete its data, and nothing else: the next start is a new cloud."
        ),
    ] = False,
) -> None:
    """Stop the cloud; its data stays, unless told otherwise."""
    was_up, left = stop(state)
    if was_up:
        render.plain("the local cloud is down")
    elif left:
        render.plain(_ended(state, left))
    else:
        render.plain(f"no local cloud is up in {state}")
    if not delete:
        return
    if not is_there(state):
        render.plain("nothing to delete")
        return
    rest = remove(state)
    render.plain(f"its data in {state} is deleted")
    if rest:
        render.plain(f"not its own, and kept: {', '.join(rest)}")


def _ended(state: Path, left: int) -> str:
    return f"the supervisor in {state} was killed; ended {left} services that it had left"


@app.command()
def status(state: StateDir = cloud.DEFAULT_STATE_DIR, *, as_json: AsJson = False) -> None:
    """Show what runs and answers. Exits 1 when the cloud, or a part of it, does not."""
    found = find(state)
    rows = health.ask_all(found) if found else {}
    if as_json:
        typer.echo(json.dumps({"up": bool(found), "services": rows}))
    elif not found:
        render.plain(_not_up(state))
    else:
        styles = {"up": "green", "busy": "yellow", "down": "red"}
        listed = [
            Listed(
                (
                    name,
                    Text(row["state"], style=styles[row["state"]]),
                    *(str(row["pid"]), str(row["port"]), f"{row['rss_mib']:.0f}"),
                )
            )
            for name, row in rows.items()
        ]
        render.listing(("SERVICE", "STATE", "PID>", "PORT>", "MIB>"), listed)
        render.plain(f"logs are in {state / 'logs'}")
    if not found or not all(row["up"] for row in rows.values()):
        raise typer.Exit(1)


def _not_up(state: Path) -> str:
    """Say that no cloud is up, and what a killed one has left."""
    if left := processes.left(state):
        return (
            f"the supervisor in {state} was killed; {len(left)} of its services still run. "
            "`sluice local down` ends them; `sluice local up --detach` starts the cloud again"
        )
    return f"no local cloud is up in {state}; `sluice local up --detach`"


@app.command()
def env(state: StateDir = cloud.DEFAULT_STATE_DIR, *, as_json: AsJson = False) -> None:
    """Print endpoints, the PostgreSQL URI and bucket names; `eval "$(sluice local env)"`.

    SLUICE_API_ENDPOINT is where API and status page are; their key is in the file `api-key` of the
    state folder.
    """
    found = require(state)
    variables = {
        **found["env"],
        "SLUICE_POSTGRES_URI": found["postgres_uri"],
        "SLUICE_SNOWFLAKE_ENDPOINT": found["snowflake"],
        "SLUICE_CONTROL_ENDPOINT": found["control"],
        "SLUICE_API_ENDPOINT": found["api"],
        **{f"SLUICE_{name.upper()}_BUCKET": f"{PREFIX}-{name}" for name in BUCKETS},
    }
    if "sqlserver" in found:
        variables["SLUICE_SQLSERVER_ADDRESS"] = f"127.0.0.1,{found['sqlserver']}"
    if "bigquery" in found:
        variables["SLUICE_BIGQUERY_ENDPOINT"] = f"http://127.0.0.1:{found['bigquery']}"
    if as_json:
        typer.echo(json.dumps(variables, indent=2))
        return
    for name, value in variables.items():
        typer.echo(f"export {name}={shlex.quote(value)}")


@app.command()
def drop(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="Any file.")
    ],
    destination: Annotated[
        str | None,
        typer.Option("--as", help="Object name; default: <file's stem>/<file's name>."),
    ] = None,
    state: StateDir = cloud.DEFAULT_STATE_DIR,
    *,
    as_json: AsJson = False,
) -> None:
    """Drop a file in the landing bucket, as somebody's system would."""
    from google.cloud.storage import Client

    adopt(require(state)["env"])
    services = Services.build(Settings.from_environment())
    name = destination or f"{file.stem}/{file.name}"
    client = Client(project=services.settings.project)
    blob = client.bucket(services.settings.bucket("landing")).blob(name)
    blob.upload_from_filename(str(file))
    key = stored.place(blob.bucket.name, name, blob.generation)
    typer.echo(json.dumps({"key": key}) if as_json else key)
    _warn_of_stray(name, services)


def _warn_of_stray(name: str, services: Services) -> None:
    """Say so when no table takes a dropped file."""
    table, known = naming.landing_table(name), services.config.names()
    if table is None:
        why = "it lies in no table's folder; name it with --as TABLE/FILE"
    elif table not in known:
        why = (
            f"no table {table} is configured here; known: {', '.join(known) or 'none'}. Once it is "
            "in the table files, `sluice local up` deploys it, and a sweep takes the file in"
        )
    elif not services.config.get(table)[0].table.is_of_files:
        why = f"{table} is not read from files"
    else:
        return
    render.errors.print(
        f"warning: nothing reads {name}: {why}",
        style="yellow",
        markup=False,
        soft_wrap=True,
    )


@app.command()
def tick(
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%dT%H:%M:%SZ"], help="UTC; default: the next due table."),
    ] = None,
    state: StateDir = cloud.DEFAULT_STATE_DIR,
    *,
    as_json: AsJson = False,
) -> None:
    """Move the Scheduler's clock on; every job that falls due is fired, in order."""
    found = require(state)
    fired = tick_tables(found["control"], f"{until:%Y-%m-%dT%H:%M:%SZ}" if until else None)
    if as_json:
        typer.echo(json.dumps(fired))
        return
    for job in fired:
        render.console.print(f"{job['scheduled_for']}  {job['name']}")
    if not fired:
        render.console.print("no table fell due")


def tick_tables(control: str, until: str | None = None) -> list[dict[str, Any]]:
    """Move the Scheduler's clock on, to the next due table unless told how far.

    Sweeps that fall due on the way are fired too; what is returned are the tables' jobs.
    """
    with urllib.request.urlopen(f"{control}/jobs", timeout=60) as reply:  # noqa: S310
        tables = [job for job in json.loads(reply.read()) if job["name"] != SWEEP_JOB]
    until = until or min((j["next_slot"] for j in tables if j["next_slot"]), default=None)
    fired = post(f"{control}/tick", {"until": until}) if until else []
    return [job for job in fired if job["name"] != SWEEP_JOB]


def post(url: str, body: dict[str, Any]) -> Any:
    """Send JSON to a control endpoint of this machine and return its JSON answer."""
    request = urllib.request.Request(url, json.dumps(body).encode(), method="POST")  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310
        return json.loads(reply.read() or b"null")
