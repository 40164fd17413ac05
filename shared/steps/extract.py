"""Extract: one table, one window, one snapshot, into staged Parquet."""

import logging
from collections.abc import Iterator
from contextlib import closing

import pyarrow as pa

from shared.config import schedule
from shared.config.models import ResolvedTable
from shared.core import naming, runs
from shared.core.manifests import Manifest
from shared.core.messages import ExtractRequest, LoadRequest
from shared.core.runs import Run, RunState, Trigger
from shared.errors import IntegrityError
from shared.sources.base import Extent
from shared.stage.arrow import arrow_schema
from shared.stage.writer import PartWriter
from shared.steps.attempts import Work, attempt
from shared.wiring import Services

log = logging.getLogger(__name__)


def extract(request: ExtractRequest, services: Services) -> None:
    """Stage what a table has to move, then ask for the load.

    A repeated request finds its run: a finished one is left alone, a staged one is asked to load
    once more, since the first asking may have been lost.
    """
    resolved, generation = services.config.get(request.table)
    run = services.ledger.open(_requested(request, resolved, generation, services))
    if run.is_terminal:
        return
    if run.state in (RunState.REQUESTED, RunState.EXTRACTING):
        with attempt(services, run, "extract", RunState.EXTRACTING) as work:
            manifest = services.manifests.find(run.table, run.run_id)
            manifest = manifest or _stage(work, resolved)
            work.finish(
                RunState.STAGED,
                manifest=naming.manifest_object(run.table, run.run_id),
                steps=work.stats(manifest.rows_staged, manifest.size_bytes),
                progress_rows=manifest.rows_staged,
            )
    ask_for_load(run, services)


def ask_for_load(run: Run, services: Services) -> None:
    """Publish the load request of a staged run."""
    message = LoadRequest(table=run.table, run_id=run.run_id)
    services.bus.publish(services.settings.topic("load"), message.encode())


def _requested(
    request: ExtractRequest, resolved: ResolvedTable, generation: int, services: Services
) -> Run:
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


def _stage(work: Work, resolved: ResolvedTable) -> Manifest:
    """Read the window and write parts and manifest; first manifest wins."""
    services, run, table = work.services, work.run, resolved.table
    mode = run.mode or table.sync_mode
    with closing(services.target(resolved, work.attempt.id)) as target:
        state = target.state()
    with closing(services.source(resolved, run.run_id)) as source:
        schema = source.schema()
        snapshot = source.snapshot()
        window = source.window(mode, state.watermark, table.lag)
        extent = source.extent(mode, window)
        counted = _Counted(source.read(mode, window))
        parts = part_writer(work, resolved).write(arrow_schema(schema), counted)
        notes = _notes(extent, snapshot.reason)
        rows_source = _rows_source(extent, counted.rows, is_pinned=snapshot.is_pinned)
        query_id = source.query_id
    return services.manifests.create(
        Manifest(
            run_id=run.run_id,
            table=run.table,
            attempt=work.attempt.id,
            mode=mode,
            snapshot=snapshot.at,
            is_pinned=snapshot.is_pinned,
            window=window,
            epoch=state.epoch,
            schema=schema,
            parts=parts,
            rows_source=rows_source,
            rows_rejected=0,
            query_id=query_id,
            config_generation=run.config_generation or 0,
            code_version=services.settings.code_version,
            created_at=services.now(),
            notes=notes,
        )
    )


class _Counted:
    """Batches as they pass, counted."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self.rows = 0

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for batch in self._batches:
            self.rows += batch.num_rows
            yield batch


def part_writer(work: Work, resolved: ResolvedTable) -> PartWriter:
    """Return the writer of an attempt's parts, as the table's file wants them."""
    services, run, table = work.services, work.run, resolved.table
    return PartWriter(
        storage=services.storage,
        bucket=services.settings.bucket("staging"),
        name=lambda n: naming.part_object(run.table, run.run_id, work.attempt.id, n),
        part_bytes=table.part_bytes,
        compression=table.compression,
        envelope=services.envelope if table.encryption else None,
        on_rows=work.progress,
    )


def _rows_source(extent: Extent, rows_read: int, *, is_pinned: bool) -> int:
    """Return the source's count: at a pinned snapshot it must equal what was read.

    Raises:
        IntegrityError: it does not.
    """
    if is_pinned and extent.rows != rows_read:
        raise IntegrityError(
            f"the source counted {extent.rows} rows at the snapshot, but sent {rows_read}; "
            "nothing was staged",
            rows_counted=extent.rows,
            rows_read=rows_read,
        )
    return extent.rows if is_pinned else rows_read


def _notes(extent: Extent, unpinned: str) -> tuple[str, ...]:
    notes = []
    if unpinned:
        notes.append(f"snapshot not pinned: {unpinned}")
    if extent.null_cursor_rows:
        notes.append(f"{extent.null_cursor_rows} rows have NULL in the incremental_column")
    return tuple(notes)
