"""Extract: one table, one window, one snapshot, into staged Parquet."""

from contextlib import closing
from dataclasses import replace

from shared.config import schedule
from shared.config.models import ResolvedTable, TableConfig
from shared.core import runs, unchanged
from shared.core.fencing import TargetState
from shared.core.manifests import Manifest
from shared.core.messages import ExtractRequest, UnitRequest
from shared.core.modes import SyncMode
from shared.core.plans import Plan, Slice
from shared.core.runs import Run, RunState, Trigger
from shared.core.schemas import TableSchema
from shared.core.windows import Window
from shared.errors import (
    InvalidConfigError,
    InvalidMessageError,
    SchemaConflictError,
    TableTooLargeError,
    UnitTooLargeError,
)
from shared.sources.base import Extent, Snapshot, Source
from shared.steps import checking, columns, protections, rewinds, units
from shared.steps.attempts import Work, attempt, find_staged, open_run
from shared.wiring import Services

NOT_PINNED = "deletes were not looked for: keys and rows would be of different moments"
"""A row that came in between the two would be taken for one that is gone."""


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
    if run.state in (RunState.REQUESTED, RunState.EXTRACTING):
        with attempt(services, run, "extract", RunState.EXTRACTING, this) as work:
            manifest = find_staged(work) or _stage(work, resolved)
            if manifest is None:
                return
            units.finish(work, manifest)
    units.ask_for_load(run, services)


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


def _stage(work: Work, resolved: ResolvedTable) -> Manifest | None:
    """Read the window in one go, or plan units and ask for them.

    None when that ends this attempt: others read the units, or there is nothing to read.
    """
    services, run = work.services, work.run
    if run.rewind_to:
        return services.manifests.create(rewinds.manifest(work, resolved, run.rewind_to))
    plan = None if work.is_first else services.manifests.find_plan(run.table, run.run_id)
    if plan is None:
        with closing(services.source(resolved, run.run_id)) as source:
            begun = _begin(work, resolved, source)
            if begun is None:
                return None
            read = _read_or_cut(work, resolved, source, begun)
            if isinstance(read, Manifest):
                return services.manifests.create(read)
            plan = services.manifests.create_plan(read)
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
            verdicts = checking.unchanged(resolved.table, run, work.services)
            work.finish(RunState.SKIPPED, reason=reason, checks=verdicts)
            return None
        require_table(run.table, mode, state, is_there=is_there)
        schema = columns.staged(target, resolved.table, source.schema())
        protections.require_alike(resolved, target, mode, work.services)
    return without_parts(work, resolved, source, state, token, schema=schema)


def require_table(table: str, mode: SyncMode, state: TargetState, *, is_there: bool) -> None:
    """Make sure that what was read so far is still in the target.

    Raises:
        SchemaConflictError: the table is gone, and the run would read on from its watermark.
    """
    if state.watermark is not None and not is_there and mode is not SyncMode.FULL:
        raise SchemaConflictError(
            f"{table} was read up to {state.watermark}, but its table is not in the target any "
            f"more: reading on would leave the earlier rows out. Run `sluice run {table} "
            "--mode full` once"
        )


def without_parts(
    work: Work,
    resolved: ResolvedTable,
    source: Source,
    state: TargetState,
    token: str | None,
    *,
    schema: TableSchema,
) -> Manifest:
    """Fix the snapshot and the window, and count: all of the manifest but its parts."""
    services, run, table = work.services, work.run, resolved.table
    mode = run.mode or table.sync_mode
    snapshot = source.snapshot()
    if run.span:
        window: Window | None = source.backfill(run.span, state.watermark)
    else:
        window = source.window(mode, state.watermark, table.lag)
    extent = source.extent(mode, window)
    finds_deletes = _finds_deletes(mode, table, schema) and not run.span
    looks_in_vain = finds_deletes and not snapshot.is_pinned
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
        key_parts=() if finds_deletes and not looks_in_vain else None,
        rows_source=extent.rows,
        rows_rejected=0,
        protection=resolved.protection,
        config_generation=run.config_generation or 0,
        allow_empty=run.allow_empty,
        is_backfill=run.span is not None,
        code_version=services.settings.code_version,
        created_at=services.now(),
        change_token=None if extent.rows_ahead or looks_in_vain or run.span else token,
        notes=(
            *_notes(extent, snapshot, None if run.span else window),
            *([f"backfill of {run.span}: the watermark stays"] if run.span else []),
            *(["guard overridden by request"] if run.allow_empty else []),
            *([NOT_PINNED] if looks_in_vain else []),
        ),
    )


def _finds_deletes(mode: SyncMode, table: TableConfig, schema: TableSchema) -> bool:
    """Say whether a run is to compare all keys.

    Raises:
        InvalidConfigError: the mode needs a key, and there is none.
    """
    if mode is not SyncMode.INCREMENTAL:
        return False
    if not schema.primary_key:
        raise InvalidConfigError(
            f"mode incremental of {table.name} needs a primary_key: the source declares none, so "
            "name its columns in the table file"
        )
    return table.deletes is not None


def _read_or_cut(
    work: Work, resolved: ResolvedTable, source: Source, begun: Manifest
) -> Manifest | Plan:
    """Read all that there is if one delivery can, else say how to cut it."""
    unit_rows = work.services.settings.unit_rows
    keys, number_of_keys = units.all_keys(begun), 0
    if keys:
        number_of_keys = -(-source.extent(begun.mode, begun.window, keys).rows // unit_rows)
    number = -(-begun.rows_source // unit_rows)
    if max(number, number_of_keys) <= 1:
        try:
            return units.read_whole(work, resolved, source, begun)
        except UnitTooLargeError:
            number = number_of_keys = units.FANOUT
    return Plan(manifest=begun, slices=_cut(source, begun, number, keys, number_of_keys))


def _cut(
    source: Source, manifest: Manifest, number: int, keys: Slice | None, number_of_keys: int
) -> tuple[Slice, ...]:
    slices = _split(source, manifest, None, number)
    if keys:
        rows = slices if len(slices) > 1 else (replace(keys, is_keys=False),)
        return (*rows, *(_split(source, manifest, keys, number_of_keys) or (keys,)))
    if len(slices) < 2:
        raise TableTooLargeError(
            f"{manifest.rows_source} rows of {manifest.table} are more than one delivery reads, "
            "and the table cannot be cut: it needs a primary_key or an incremental_column with "
            "more than one value, and a source that reads at a past moment",
            rows=manifest.rows_source,
        )
    return slices


def _split(
    source: Source, manifest: Manifest, piece: Slice | None, number: int
) -> tuple[Slice, ...]:
    if number < 2:
        return ()
    return source.split(manifest.mode, manifest.window, piece, number)


def _notes(extent: Extent, snapshot: Snapshot, window: Window | None) -> tuple[str, ...]:
    notes = []
    if not snapshot.is_pinned:
        notes.append(f"snapshot not pinned: {snapshot.reason}")
    notes += [
        f"{number} values of {column} lost their digits after the microsecond, as accepted"
        for column, number in extent.altered.items()
    ]
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
