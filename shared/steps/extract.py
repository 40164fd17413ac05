"""Extract: one table, one window, one snapshot, into staged Parquet."""

from contextlib import closing
from dataclasses import replace

from shared import timings
from shared.config import schedule
from shared.config.tables import ResolvedTable, TableConfig
from shared.core import runs
from shared.core.manifests import Manifest
from shared.core.messages import ExtractRequest, UnitRequest
from shared.core.modes import SyncMode
from shared.core.plans import Plan, Slice
from shared.core.runs import Run, RunState, Trigger
from shared.errors import InvalidMessageError, TableTooLargeError, UnitTooLargeError
from shared.sources.base import Source
from shared.steps import outlines, rewinds, units, unloading
from shared.steps.attempts import Work, attempt, find_staged, open_run
from shared.steps.handing_on import ask_for_load, finish
from shared.wiring import Services


def extract(request: ExtractRequest | UnitRequest, services: Services) -> None:
    """Stage what a table has to move, or one unit of it, then ask for the load.

    A repeated request finds its run: a finished one is left alone, a staged one is asked to load
    once more, since the first asking may have been lost.
    """
    if isinstance(request, UnitRequest):
        units.read_unit(request, services)
        return
    resolved, generation = services.config.get(request.table)
    if request.run_id:
        run, this = _there(request.table, request.run_id, services), None
    else:
        wanted = requested(request, resolved, generation, services)
        run, this = open_run(services, wanted, "extract")
    if run.is_terminal:
        return
    by = ""
    if run.state in (RunState.REQUESTED, RunState.EXTRACTING):
        with attempt(services, run, "extract", RunState.EXTRACTING, this) as work:
            manifest = find_staged(work) or _stage(work, resolved, generation)
            if manifest is None:
                return
            finish(work, manifest)
            by = work.attempt.id
    ask_for_load(run, services, by)


def requested(
    request: ExtractRequest, resolved: ResolvedTable, generation: int, services: Services
) -> Run:
    """Return the run that a request asks for, as it is before anything was done.

    Raises:
        InvalidMessageError: the table cannot be read in the mode that is asked for.
    """
    table = resolved.table
    mode = SyncMode.FULL if request.rewind_to else _mode(request, table)
    at = request.published_at
    if request.request_id:
        trigger, key = Trigger.REQUEST, request.request_id
    elif table.schedule != schedule.MANUAL:
        at = schedule.slot(table.schedule, table.time_zone, at)
        trigger, key = Trigger.SCHEDULE, at.isoformat()
    else:
        trigger, key = Trigger.REQUEST, f"message {request.message_id}"
    now = services.now()
    return Run(
        run_id=runs.run_id(table.name, trigger, key, at),
        table=table.name,
        trigger=trigger,
        trigger_key=key,
        mode=mode,
        created_at=now,
        updated_at=now,
        config_generation=generation,
        allow_empty=request.allow_empty,
        span=request.span,
        rewind_to=request.rewind_to,
        requested_by=request.requested_by,
    )


def _mode(request: ExtractRequest, table: TableConfig) -> SyncMode:
    try:
        if request.span:
            table.require_backfill()
        return table.mode_of_run(request.mode)
    except ValueError as exc:
        raise InvalidMessageError(str(exc), table=table.name) from exc


def _there(table: str, run_id: str, services: Services) -> Run:
    run = services.ledger.find(table, run_id)
    if run is None:
        raise InvalidMessageError(f"there is no run {run_id} of {table} that could go on")
    return run


def _stage(work: Work, resolved: ResolvedTable, generation: int) -> Manifest | None:
    """Read the window in one go, or plan units and ask for them.

    None when that ends this attempt: others go on, or there is nothing to read.
    """
    services, run = work.services, work.run
    if run.rewind_to:
        return services.manifests.create(rewinds.manifest(work, resolved, run.rewind_to))
    plan = None if work.is_first else services.manifests.find_plan(run.table, run.run_id)
    if plan is None:
        with closing(services.source(resolved, run.run_id)) as source:
            with timings.timed("plan"):
                begun = outlines.begin(work, resolved, source, generation)
            if begun is None:
                return None
            read = _read_or_cut(work, resolved, source, begun)
            if read is None:
                unloading.leave(work)
                return None
            if isinstance(read, Manifest):
                return services.manifests.create(read)
            plan = services.manifests.create_plan(read)
    manifest = units.go_on(plan, services, by=work.attempt.id)
    if manifest is None:
        work.hand_on("cut into units")
    return manifest


def _read_or_cut(
    work: Work, resolved: ResolvedTable, source: Source, begun: Manifest
) -> Manifest | Plan | None:
    """Read all that there is if one delivery can, else say how to cut it.

    None when the rows are to be unloaded, and that needs a delivery of its own.
    """
    unit_rows = work.services.settings.unit_rows
    keys, number_of_keys = units.all_keys(begun), 0
    if keys:
        number_of_keys = -(-source.extent(begun.mode, begun.window, keys).rows // unit_rows)
    number = -(-begun.rows_source // unit_rows)
    unloads = resolved.table.unloads
    if max(number, number_of_keys) <= 1:
        try:
            if not (unloads and unloading.is_alone(work)):
                return units.read_whole(work, resolved, source, begun)
        except UnitTooLargeError:
            if unloads:
                return None
        number = number_of_keys = units.FANOUT
    if number > 1 and unloads:
        cut_keys = _cut_keys(source, begun, keys, number_of_keys) if keys else ()
        return unloading.unload(work, source, begun, cut_keys)
    return Plan(manifest=begun, slices=_cut(source, begun, number, keys, number_of_keys))


def _cut(
    source: Source, manifest: Manifest, number: int, keys: Slice | None, number_of_keys: int
) -> tuple[Slice, ...]:
    slices = _split(source, manifest, None, number)
    if keys:
        rows = slices if len(slices) > 1 else (replace(keys, is_keys=False),)
        return (*rows, *_cut_keys(source, manifest, keys, number_of_keys))
    if len(slices) < 2:
        raise TableTooLargeError(
            f"{manifest.rows_source} rows of {manifest.table} are more than one delivery reads, "
            "and the table cannot be cut: it needs a primary_key or an incremental_column with "
            "more than one value, and a source that reads at a past moment",
            rows=manifest.rows_source,
        )
    return slices


def _cut_keys(source: Source, manifest: Manifest, keys: Slice, number: int) -> tuple[Slice, ...]:
    return _split(source, manifest, keys, number) or (keys,)


def _split(
    source: Source, manifest: Manifest, piece: Slice | None, number: int
) -> tuple[Slice, ...]:
    if number < 2:
        return ()
    return source.split(manifest.mode, manifest.window, piece, number)
