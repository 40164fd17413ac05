"""Load: one staged run into its target: verified, staged, published once, with a receipt."""

from collections.abc import Iterator
from contextlib import closing

import pyarrow as pa

from shared.config.models import ResolvedTable
from shared.core.manifests import Manifest
from shared.core.messages import LoadRequest
from shared.core.runs import Receipt, RunState
from shared.errors import IntegrityError, InvalidFileError, NotStagedError
from shared.stage.arrow import arrow_schema
from shared.stage.reader import read_part
from shared.steps.attempts import Work, attempt
from shared.targets.base import LoadRecord, Outcome, Published, Target
from shared.wiring import Services


def load(request: LoadRequest, services: Services) -> None:
    """Publish a staged run, once; a repeated request finds that it is done."""
    run = services.ledger.find(request.table, request.run_id)
    manifest = services.manifests.find(request.table, request.run_id)
    if run is None or manifest is None:
        raise NotStagedError(
            f"run {request.run_id} of {request.table} is not staged yet", run_id=request.run_id
        )
    if run.is_terminal:
        return
    resolved, _ = services.config.get(request.table)
    with (
        attempt(services, run, "load", RunState.LOADING) as work,
        closing(services.target(resolved, work.attempt.id)) as target,
    ):
        published = _publish(work, target, manifest)
        _finish(work, manifest, published, resolved)


def _publish(work: Work, target: Target, manifest: Manifest) -> Published:
    record = target.committed(manifest.run_id)
    if record:
        return Published(outcome=Outcome.ALREADY, record=record)
    rows = target.stage(manifest, _batches(work, manifest))
    if rows != manifest.rows_staged:
        target.discard(manifest)
        raise IntegrityError(
            f"{rows} rows reached the target's staging table, the manifest says "
            f"{manifest.rows_staged}; nothing was published"
        )
    published = target.publish(manifest)
    if published.outcome is not Outcome.COMMITTED:
        target.discard(manifest)
    return published


def _batches(work: Work, manifest: Manifest) -> Iterator[pa.RecordBatch]:
    services, schema = work.services, arrow_schema(manifest.schema)
    bucket = services.settings.bucket("staging")
    rows = 0
    for part in manifest.parts:
        for batch in read_part(services.storage, bucket, part, schema, services.envelope):
            rows += batch.num_rows
            work.progress(rows)
            yield batch


def _finish(work: Work, manifest: Manifest, published: Published, resolved: ResolvedTable) -> None:
    steps = work.stats(manifest.rows_staged, manifest.size_bytes)
    if published.record:
        receipt = _receipt(manifest, published.record)
        work.finish(RunState.COMMITTED, receipt=receipt, steps=steps)
    elif published.outcome is Outcome.SUPERSEDED:
        work.finish(RunState.SUPERSEDED, steps=steps, reason=published.reason)
    elif resolved.table.csv and resolved.table.csv.on_duplicate == "fail":
        raise InvalidFileError(
            f"the file repeats one that was loaded before: {published.reason}; remove it, or set "
            "on_duplicate to skip or load"
        )
    else:
        work.finish(RunState.SKIPPED, steps=steps, reason=published.reason)


def _receipt(manifest: Manifest, record: LoadRecord) -> Receipt:
    window = manifest.window
    return Receipt(
        rows_source=manifest.rows_source,
        rows_staged=manifest.rows_staged,
        rows_loaded=record.rows_loaded,
        rows_rejected=manifest.rows_rejected,
        rows_inserted=record.rows_inserted,
        rows_updated=record.rows_updated,
        rows_deleted=record.rows_deleted,
        snapshot=manifest.snapshot,
        is_pinned=manifest.is_pinned,
        low=window.low if window else None,
        high=window.high if window else None,
        notes=manifest.notes,
    )
