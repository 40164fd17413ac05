"""Extract: one table, one window, one snapshot, into staged Parquet."""

from contextlib import closing

from shared.config import schedule
from shared.config.models import ResolvedTable
from shared.core import runs, unchanged
from shared.core.fencing import TargetState
from shared.core.manifests import Manifest
from shared.core.messages import ExtractRequest, UnitRequest
from shared.core.plans import Plan
from shared.core.runs import Run, RunState, Trigger
from shared.core.windows import Window
from shared.errors import InvalidMessageError, TableTooLargeError, UnitTooLargeError
from shared.sources.base import Extent, Snapshot, Source
from shared.steps import units
from shared.steps.attempts import Work, attempt
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
        run = _there(request.table, request.run_id, services)
    else:
        run = services.ledger.open(requested(request, resolved, generation, services))
    if run.is_terminal:
        return
    if run.state in (RunState.REQUESTED, RunState.EXTRACTING):
        with attempt(services, run, "extract", RunState.EXTRACTING) as work:
            manifest = services.manifests.find(run.table, run.run_id)
            manifest = manifest or _stage(work, resolved)
            if manifest is None:
                return
            units.finish(work, manifest)
    units.ask_for_load(run, services)


def requested(
    request: ExtractRequest, resolved: ResolvedTable, generation: int, services: Services
) -> Run:
    """Return the run that a request asks for, as it is before anything was done."""
    table = resolved.table
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
        mode=request.mode or table.sync_mode,
        created_at=now,
        updated_at=now,
        config_generation=generation,
    )


def _there(table: str, run_id: str, services: Services) -> Run:
    run = services.ledger.find(table, run_id)
    if run is None:
        raise InvalidMessageError(f"there is no run {run_id} of {table} that could go on")
    return run


def _stage(work: Work, resolved: ResolvedTable) -> Manifest | None:
    """Read the window in one go, or plan units and ask for them.

    None when that ends this attempt: others read the units, or there is nothing to read.
    """
    services, run = work.services, work.run
    plan = services.manifests.find_plan(run.table, run.run_id)
    if plan is None:
        with closing(services.source(resolved, run.run_id)) as source:
            begun = _begin(work, resolved, source)
            if begun is None:
                return None
            number = -(-begun.rows_source // services.settings.unit_rows)
            if number <= 1:
                try:
                    whole = units.read_slice(work, resolved, source, begun, None)
                except UnitTooLargeError:
                    number = units.FANOUT
                else:
                    return services.manifests.create(units.whole(begun, whole))
            plan = services.manifests.create_plan(_cut(source, begun, number))
    manifest = units.go_on(plan, services)
    if manifest is None:
        work.hand_on("cut into units")
    return manifest


def _begin(work: Work, resolved: ResolvedTable, source: Source) -> Manifest | None:
    """Return the manifest of the run, still without parts; None when it has nothing to read."""
    run, mode = work.run, work.run.mode or resolved.table.sync_mode
    with closing(work.services.target(resolved)) as target:
        state, is_there = target.state(), target.schema() is not None
    token = unchanged.token(source.change_token(), mode, run.config_generation or 0)
    reason = unchanged.verdict(run, token, state)
    if reason and is_there:
        work.finish(RunState.SKIPPED, reason=reason)
        return None
    return _without_parts(work, resolved, source, state, token)


def _without_parts(
    work: Work, resolved: ResolvedTable, source: Source, state: TargetState, token: str | None
) -> Manifest:
    """Fix the snapshot and the window, and count: all of the manifest but its parts."""
    services, run, table = work.services, work.run, resolved.table
    mode = run.mode or table.sync_mode
    schema = source.schema()
    snapshot = source.snapshot()
    window = source.window(mode, state.watermark, table.lag)
    extent = source.extent(mode, window)
    return Manifest(
        run_id=run.run_id,
        table=run.table,
        attempt=work.attempt.id,
        mode=mode,
        snapshot=snapshot.at,
        is_pinned=snapshot.is_pinned,
        window=window,
        epoch=state.epoch,
        schema=schema,
        parts=(),
        rows_source=extent.rows,
        rows_rejected=0,
        config_generation=run.config_generation or 0,
        code_version=services.settings.code_version,
        created_at=services.now(),
        change_token=None if extent.rows_ahead else token,
        notes=_notes(extent, snapshot, window),
    )


def _cut(source: Source, manifest: Manifest, number: int) -> Plan:
    slices = source.split(manifest.mode, manifest.window, None, number)
    if len(slices) < 2:
        raise TableTooLargeError(
            f"{manifest.rows_source} rows of {manifest.table} are more than one delivery reads, "
            "and the table cannot be cut: it needs a primary_key or an incremental_column with "
            "more than one value, and a source that reads at a past moment",
            rows=manifest.rows_source,
        )
    return Plan(manifest=manifest, slices=slices)


def _notes(extent: Extent, snapshot: Snapshot, window: Window | None) -> tuple[str, ...]:
    notes = []
    if not snapshot.is_pinned:
        notes.append(f"snapshot not pinned: {snapshot.reason}")
    if extent.null_cursor_rows:
        notes.append(f"{extent.null_cursor_rows} rows have NULL in the incremental_column")
    if extent.rows_without_cursor:
        notes.append(
            f"{extent.rows_without_cursor} rows were left out: NULL in the incremental_column"
        )
    if extent.rows_ahead and window:
        notes.append(
            f"{extent.rows_ahead} rows lie ahead: their incremental_column is beyond {window.high}"
        )
    return tuple(notes)
