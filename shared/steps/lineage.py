"""Lineage of a run's end: its datasets named, its events delivered."""

from typing import TYPE_CHECKING

from shared import lineage
from shared.config.places import BigQueryTable
from shared.config.tables import ResolvedTable
from shared.core.lineage import Dataset, Flow, run_events
from shared.core.manifests import Manifest
from shared.core.runs import Run
from shared.errors import InvalidConfigError, SluiceError
from shared.wiring import Services

if TYPE_CHECKING:
    from shared.config.curated import ResolvedModel


def tell(run: Run, services: Services) -> None:
    """Deliver the lineage of a run that has ended, where somebody wants it; never fail for it."""
    place = services.settings.lineage
    if not place:
        return
    try:
        lineage.deliver(place, events(run, services), services.bus)
    except SluiceError as exc:
        lineage.log.warning("lineage was not delivered", extra={"why": exc.message})


def events(run: Run, services: Services) -> list[bytes]:
    """Return a run's events as JSON; none for one that has not ended, or whose table is unknown."""
    if not run.milestones or run.mode is None:
        return []
    if run.is_model:
        return list(run_events(run, None, _model_flow(run.table, services)))
    resolved, _ = services.config.get(run.table)
    manifest = services.manifests.find(run.table, run.run_id)
    return list(run_events(run, manifest, _flow(resolved, manifest, services.settings.prefix)))


def _flow(resolved: ResolvedTable, manifest: Manifest | None, prefix: str) -> Flow:
    table = resolved.table
    renamed = {}
    if manifest and table.snowflake:
        # Snowflake keeps names that nobody quoted in capitals; ours are the same in small letters.
        renamed = {n: n.upper() for n in manifest.schema.names if n == n.lower()}
    return Flow(
        namespace=prefix,
        source=_source(resolved, manifest),
        target=_target(resolved),
        renamed=renamed,
    )


def _model_flow(name: str, services: Services) -> Flow:
    models = {each.model.name: each for each in services.models.all()[0]}
    resolved, _ = services.models.get(name)
    target = _curated(resolved)
    inputs = {
        each: _curated(models[each]) if each in models else _target(services.config.get(each)[0])
        for each in resolved.inputs
    }
    namespace = services.settings.prefix
    return Flow(namespace=namespace, source=target, target=target, renamed={}, inputs=inputs)


def _curated(resolved: "ResolvedModel") -> Dataset:
    place, pg = resolved.model.place, resolved.connections.postgres
    if pg is None:
        raise InvalidConfigError(f"model {resolved.model.name} has no connection to its target")
    namespace = f"postgres://{pg.instance or pg.host}:{pg.port}"
    return Dataset(namespace=namespace, name=f"{pg.database}.{place.schema_}.{place.table}")


def _source(resolved: ResolvedTable, manifest: Manifest | None) -> Dataset:
    """Return what is read. Source: OpenLineage, naming of datasets: Snowflake, GCS."""
    place, connection = resolved.table.snowflake, resolved.connections.snowflake
    if place and connection:
        name = f"{place.database}.{place.schema_}.{place.table}"
        return Dataset(namespace=f"snowflake://{connection.account}", name=name)
    if manifest and manifest.file:
        return Dataset(namespace=f"gs://{manifest.file.bucket}", name=manifest.file.name)
    return Dataset(namespace="gs://landing", name=resolved.table.name)


def _target(resolved: ResolvedTable) -> Dataset:
    """Return what is written. Source: OpenLineage, naming: PostgreSQL, SQL Server, BigQuery."""
    place, to = resolved.table.place, resolved.connections
    if isinstance(place, BigQueryTable) and to.bigquery:
        project = place.project or to.bigquery.project
        return Dataset(namespace="bigquery", name=f"{project}.{place.dataset}.{place.table}")
    if resolved.table.sqlserver and to.sqlserver:
        at, server = resolved.table.sqlserver, to.sqlserver
        namespace = f"mssql://{server.host}:{server.port}"
        return Dataset(namespace=namespace, name=f"{server.database}.{at.schema_}.{at.table}")
    if resolved.table.postgres and to.postgres:
        at_pg, pg = resolved.table.postgres, to.postgres
        namespace = f"postgres://{pg.instance or pg.host}:{pg.port}"
        return Dataset(namespace=namespace, name=f"{pg.database}.{at_pg.schema_}.{at_pg.table}")
    raise InvalidConfigError(f"{resolved.table.name} has no connection to its target")
