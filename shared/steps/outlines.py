"""The outline of a run: what it is to read, fixed and counted before it is read."""

from contextlib import closing

from shared.config.tables import ResolvedTable, TableConfig
from shared.core import unchanged
from shared.core.fencing import TargetState
from shared.core.manifests import Manifest
from shared.core.modes import SyncMode
from shared.core.runs import RunState
from shared.core.schemas import TableSchema
from shared.core.windows import Window
from shared.errors import InvalidConfigError
from shared.sources.base import Extent, Snapshot, Source
from shared.steps import checking, columns, protections
from shared.steps.attempts import Work
from shared.targets import guards

NOT_PINNED = "deletes were not looked for: keys and rows would be of different moments"
"""A row that came in between the two would be taken for one that is gone."""


def begin(work: Work, resolved: ResolvedTable, source: Source, generation: int) -> Manifest | None:
    """Return the manifest of the run, still without parts; None when it has nothing to read.

    Raises:
        SchemaConflictError: the target could not take the rows, as things are.
    """
    run, mode = work.run, work.run.mode or resolved.table.sync_mode
    with closing(work.services.target(resolved)) as target:
        state, is_there = target.state(), target.schema() is not None
        token = unchanged.token(source.change_token(), mode, run.config_generation or 0)
        reason = unchanged.reason_to_skip(run, token, state)
        if reason and is_there:
            verdicts = checking.judge_age(resolved.table, run, work.services)
            work.finish(RunState.SKIPPED, reason=reason, checks=verdicts)
            return None
        guards.require_table(run.table, mode, state.watermark, is_there=is_there)
        schema = columns.staged(target, resolved.table, source.schema())
        protections.require_alike(
            run, resolved, target, state, work.services, generation=generation
        )
    return without_parts(work, resolved, source, state, token, schema=schema)


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
