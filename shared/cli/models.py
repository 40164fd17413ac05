"""Commands about models of the curated zone: list them, refresh one."""

import json
from typing import Annotated

import typer

from shared.cli import cloud, render
from shared.cli.direct import Direct
from shared.cli.options import TableAsJson, Timeout, Wait
from shared.cli.render import Listed
from shared.cli.runs import follow
from shared.config.curated import ResolvedModel
from shared.core import curated
from shared.core.modes import SyncMode
from shared.core.runs import Run
from shared.steps import models
from shared.wiring import Services

app = typer.Typer(name="models", help="SQL models over loaded tables.", no_args_is_help=True)


@app.command("list")
def list_(*, as_json: TableAsJson = False) -> None:
    """List the models, inputs first: their tables, what they read, how the last run ended."""
    services = cloud.connect()
    found, _ = services.models.all()
    if as_json:
        typer.echo(json.dumps([_as_data(each, _last(services, each)) for each in found]))
    elif found:
        rows = [_listed(each, _last(services, each)) for each in found]
        render.listing(("MODEL", "TABLE", "ROWS ARE MADE", "READS", "LAST RUN"), rows)
    else:
        render.plain("no models; docs/zones.md says how config/models/NAME.sql is written")


@app.command()
def run(
    model: Annotated[str, typer.Argument(help="Name of the model.")],
    timeout_s: Timeout = 600.0,
    *,
    full: Annotated[
        bool, typer.Option("--full", help="Make all rows of an incremental model anew.")
    ] = False,
    wait: Wait = True,
    as_json: TableAsJson = False,
) -> None:
    """Refresh a model now, even if its inputs have not changed. Exits like `sluice run`."""
    services = cloud.connect()
    resolved, generation = services.models.get(model)
    end = Direct(services)
    asked, mode = end.ask(), SyncMode.FULL if full else models.mode(resolved)
    wanted = curated.asked_for(
        model,
        request_id=asked.request_id,
        at=asked.at,
        by=asked.by,
        mode=mode,
        config_generation=generation,
    )
    requested = models.request(services, wanted)
    follow(end, model, requested.run_id, timeout_s, wait=wait, as_json=as_json)


def _last(services: Services, resolved: ResolvedModel) -> Run | None:
    runs = services.ledger.runs(resolved.model.name)
    return max(runs, key=lambda run: run.updated_at, default=None)


def _listed(resolved: ResolvedModel, last: Run | None) -> Listed:
    model = resolved.model
    ended = f"{last.state}, {render.moment(last.updated_at)} UTC" if last else "never"
    table = f"{model.place.schema_}.{model.place.table}"
    reads = ", ".join((*resolved.inputs, *model.others))
    return Listed((model.name, table, model.materialised, reads, ended))


def _as_data(resolved: ResolvedModel, last: Run | None) -> dict[str, object]:
    described = resolved.model_dump(mode="json", by_alias=True, exclude={"connections"})
    run = {"run_id": last.run_id, "state": last.state} if last else None
    return {**described, "last_run": run}
