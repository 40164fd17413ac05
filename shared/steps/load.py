"""Load: one staged run into its target: proven, staged, published once, with a receipt.

A run of few parts is one unit of work. The parts of a larger one are spread over messages, one
part each, all into the run's one staging table; whoever finds it complete publishes.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial

import pyarrow as pa

from shared import timings
from shared.config.tables import ResolvedTable
from shared.core import checks
from shared.core.checks import CheckResult
from shared.core.manifests import Manifest, Part
from shared.core.messages import LoadRequest, RefreshRequest
from shared.core.runs import Run, RunState
from shared.errors import InvalidFileError, NotStagedError
from shared.steps import checking, models, protections, receipts, rewinds
from shared.steps.attempts import Work, attempt, unit
from shared.steps.handing_on import ask_for_load, publish
from shared.steps.staged_parts import rows_of
from shared.targets.base import Outcome, Published, Target
from shared.wiring import Services

Verdicts = tuple[CheckResult, ...]

PUBLISH = "publish"
"""Name of the span in which rows become visible, in one transaction."""

FIRST_LOAD = 2
"""Attempts of a run that went well so far: one to stage it, one to load it."""


def load(request: LoadRequest | RefreshRequest, services: Services) -> None:
    """Publish a staged run, or refresh a model, once; a repeated request finds that it is done.

    Raises:
        NotStagedError: the request overtook the manifest, or the model's record.
    """
    if isinstance(request, RefreshRequest):
        from shared.steps.refreshes import refresh  # with what models alone need

        refresh(request, services)
        return
    run = services.ledger.find(request.table, request.run_id)
    manifest = services.manifests.find(request.table, request.run_id)
    if run is None or manifest is None:
        raise NotStagedError(
            f"run {request.run_id} of {request.table} is not staged yet", run_id=request.run_id
        )
    if run.is_terminal:
        return
    if request.part is not None:
        _load_part(run, manifest, request.part, services)
    else:
        _load_run(run, manifest, services)


def _load_run(run: Run, manifest: Manifest, services: Services) -> None:
    resolved, _ = services.config.get(run.table)
    with (
        attempt(services, run, "load", RunState.LOADING) as work,
        closing(services.target(resolved)) as target,
    ):
        results = checking.verdicts(
            resolved.table, manifest, services, partial(_read, work, manifest)
        )
        published = _published_before(target, manifest)
        if published is None:
            protections.require_current(resolved, manifest)
            checks.require_passed(run.table, results)
            published = _copy(work, target, manifest, resolved)
        if published:
            _finish(work, manifest, published, resolved, results)
            if work.run.attempt_count > FIRST_LOAD:
                target.discard(manifest)  # what an earlier attempt may have staged
        elif _is_spread(work, target, manifest):
            _spread(work, manifest)
        elif _stage_all(work, target, manifest):
            _publish(work, target, manifest, resolved, results)
        else:
            work.hand_on("staged in part")
            ask_for_load(run, services, work.attempt.id)


def _copy(
    work: Work, target: Target, manifest: Manifest, resolved: ResolvedTable
) -> Published | None:
    """Copy all rows into the table itself, if that is possible, and likely to end in time.

    None: nothing was done, and the rows are to be staged first. That is so of rows that the target
    has to test or cannot copy directly, and of what is too large, or large and broke off before:
    part by part it can be gone on with.
    """
    is_first = work.run.attempt_count <= FIRST_LOAD
    settings = work.services.settings
    if checking.has_tests(resolved.table, manifest):
        return None
    is_small = len(manifest.all_parts) <= settings.unit_parts
    if is_small or (is_first and manifest.size_bytes <= settings.direct_bytes):
        with timings.timed(PUBLISH, rows=manifest.rows_staged):
            return target.publish_directly(manifest, partial(_read, work, manifest))
    return None


def _is_spread(work: Work, target: Target, manifest: Manifest) -> bool:
    is_large = len(manifest.all_parts) > work.services.settings.unit_parts
    return is_large and not target.takes_whole_runs(manifest)


def _stage_all(work: Work, target: Target, manifest: Manifest) -> bool:
    """Stage what is not staged yet; False when there is more than one delivery can do."""
    done = target.open_staging(manifest)
    if manifest.rewind:
        return rewinds.rebuild(work, target, manifest, manifest.rewind, done)
    for part in manifest.all_parts:
        if part.name not in done:
            _stage(work, target, manifest, part)
    return True


def _spread(work: Work, manifest: Manifest) -> None:
    run_id, by = manifest.run_id, work.attempt.id
    for number in range(len(manifest.all_parts)):
        message = LoadRequest(table=manifest.table, run_id=run_id, part=number)
        publish(work.services, "load", message.encode(), run_id=run_id, by=by)
    work.hand_on(f"spread over {len(manifest.all_parts)} units")


def _load_part(run: Run, manifest: Manifest, number: int, services: Services) -> None:
    resolved, _ = services.config.get(run.table)
    part = manifest.all_parts[number]
    with (
        unit(services, run, f"load of part {number}") as work,
        closing(services.target(resolved)) as target,
    ):
        record = target.committed(run.run_id)
        if record is None:
            protections.require_current(resolved, manifest)
            done = target.open_staging(manifest)
            if part.name not in done:
                _stage(work, target, manifest, part)
                done = target.open_staging(manifest)
            if len(done) < len(manifest.all_parts):
                return
        results = checking.verdicts(
            resolved.table, manifest, services, partial(_read, work, manifest)
        )
        _publish(work, target, manifest, resolved, results)


def _stage(work: Work, target: Target, manifest: Manifest, part: Part) -> None:
    with timings.timed("stage part", rows=part.rows, bytes=part.size_bytes):
        target.stage(manifest, part, _read(work, manifest, part))


def _read(work: Work, manifest: Manifest, part: Part) -> Iterator[pa.RecordBatch]:
    batches = rows_of(work.services, part, manifest.schema_of(part))
    yield from timings.drawn("read part", batches)
    work.add(part.rows)


def _published_before(target: Target, manifest: Manifest) -> Published | None:
    record = target.committed(manifest.run_id)
    return Published(outcome=Outcome.ALREADY, record=record) if record else None


def _publish(
    work: Work, target: Target, manifest: Manifest, resolved: ResolvedTable, results: Verdicts
) -> None:
    published = _published_before(target, manifest)
    if published is None:
        checks.require_passed(manifest.table, results)
        tests = checking.staged_tests(resolved.table, manifest, work.services, results)
        with timings.timed(PUBLISH, rows=manifest.rows_staged):
            published = target.publish(manifest, tests)
    results = (*results, *checking.tested(resolved.table, published.breaches))
    _finish(work, manifest, published, resolved, results)
    if published.outcome is not Outcome.COMMITTED:
        # Last: a run without an end needs what it has staged, and most of its parts are not asked
        # for again.
        target.discard(manifest)


def _finish(
    work: Work,
    manifest: Manifest,
    published: Published,
    resolved: ResolvedTable,
    results: Verdicts,
) -> None:
    steps = work.stats(manifest.rows_staged, manifest.size_bytes)
    if published.record:
        notes = (*published.notes, *checks.notes(results))
        receipt = receipts.of(manifest, published.record, replace(published, notes=notes))
        models.ask(work.services, work.run)
        work.finish(RunState.COMMITTED, receipt=receipt, checks=results, steps=steps)
    elif published.outcome is Outcome.SUPERSEDED:
        work.finish(RunState.SUPERSEDED, steps=steps, reason=published.reason)
    elif resolved.table.csv and resolved.table.csv.on_duplicate == "fail":
        raise InvalidFileError(
            f"the file repeats one that was loaded before: {published.reason}; remove it, or set "
            "on_duplicate to skip or load"
        )
    else:
        work.finish(RunState.SKIPPED, steps=steps, reason=published.reason)
