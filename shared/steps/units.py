"""Units of reading: each may be repeated, and whoever finds all of them done stages the run."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pyarrow as pa

from shared import timings
from shared.config.tables import ResolvedTable
from shared.core import drift, plans
from shared.core.manifests import Manifest
from shared.core.messages import UnitRequest
from shared.core.plans import Plan, Slice, Unit
from shared.core.receipts import Point
from shared.core.runs import RunState
from shared.errors import (
    IntegrityError,
    InvalidMessageError,
    NotStagedError,
    TableTooLargeError,
    UnitTooLargeError,
)
from shared.sources.base import Snapshot, Source
from shared.stage import rescue
from shared.stage.fingerprints import Fold
from shared.steps import protections, unloading
from shared.steps.attempts import Work, unit
from shared.steps.encoding import encode, part_writer, require_same, timed_write
from shared.steps.handing_on import ask_for_load, finish, publish
from shared.targets import proofs
from shared.wiring import Services

FANOUT = 4
"""A unit that turns out too large is cut into so many."""


def read_unit(request: UnitRequest, services: Services) -> None:
    """Read one unit of a run; if it was the last one, stage the run and ask for its load.

    Raises:
        NotStagedError: the request overtook the plan.
    """
    run = services.ledger.find(request.table, request.run_id)
    if run and run.is_terminal:
        return  # its plan may have been swept away
    plan = services.manifests.find_plan(request.table, request.run_id)
    if run is None or plan is None:
        raise NotStagedError(
            f"run {request.run_id} of {request.table} has no plan yet", run_id=request.run_id
        )
    by = ""
    if run.state is RunState.EXTRACTING:
        with unit(services, run, f"extract of unit {request.unit}") as work:
            _read_once(work, plan, request.unit)
            manifest = go_on(plan, services, by=work.attempt.id, below=request.unit)
            if manifest is None:
                return
            finish(work, manifest)
            by = work.attempt.id
    ask_for_load(run, services, by)


def read_slice(
    work: Work, resolved: ResolvedTable, source: Source, manifest: Manifest, piece: Slice | None
) -> Unit:
    """Read a slice, or the whole window, into parts.

    Raises:
        UnitTooLargeError: it is more than one delivery reads.
        IntegrityError: the source sent another number of rows than it counted.
        MismatchError: the rows that were staged are not those that the source has.
        SchemaConflictError: the table's protection was changed while units were read.
    """
    protections.require_current(resolved, manifest)
    if piece is not None and piece.is_keys:
        return _read_keys(work, resolved, source, manifest, piece)
    measured = None
    if manifest.is_pinned:
        with timings.timed("measure source"):
            measured = source.measure(manifest.mode, manifest.window, piece)
    batches = _batches(source, manifest, piece)
    done = encode(work, resolved, manifest, batches, is_bounded=manifest.is_pinned)
    query_id = source.query_id
    if measured is not None:
        require_same(resolved, source.schema(), manifest, measured, done.read)
        if proofs.reads_back(resolved.table, manifest.run_id):
            measured = _read_again(work, source, manifest, piece)
            require_same(resolved, source.schema(), manifest, measured, done.read)
    return Unit(
        parts=done.parts,
        rows_source=done.read.rows,
        query_id=query_id,
        observed=done.observed,
        source=measured,
        staged=done.staged,
    )


def _batches(source: Source, manifest: Manifest, piece: Slice | None) -> Iterator[pa.RecordBatch]:
    """Read a slice, in the columns that are staged."""
    batches = timings.drawn("read source", source.read(manifest.mode, manifest.window, piece))
    if drift.RESCUED in manifest.schema.names:
        batches = rescue.fold(batches, source.schema(), manifest.schema)
    return batches


def _read_again(work: Work, source: Source, manifest: Manifest, piece: Slice | None) -> Point:
    """Return the point of the source's rows, value by value, by a second query.

    Raises:
        UnitTooLargeError: both reads together are more than one delivery does.
    """
    fold = Fold(manifest.schema)
    with timings.timed("read source again"):
        for batch in _batches(source, manifest, piece):
            fold.add(batch)
            work.add_bounded(0, 0)
    return fold.point


def _read_keys(
    work: Work, resolved: ResolvedTable, source: Source, manifest: Manifest, piece: Slice
) -> Unit:
    rows_source = source.extent(manifest.mode, manifest.window, piece).rows
    writer = part_writer(work, resolved, is_bounded=manifest.is_pinned, is_keys=True)
    batches = timings.drawn("read keys", source.read(manifest.mode, manifest.window, piece))
    parts = timed_write(writer, manifest.schema.only_key, batches)
    rows = sum(part.rows for part in parts)
    if manifest.is_pinned and rows_source != rows:
        raise IntegrityError(
            f"the source counted {rows_source} keys at the snapshot, but sent {rows}; nothing was "
            "staged",
            rows_counted=rows_source,
            rows_read=rows,
        )
    return Unit(key_parts=parts)


def all_keys(manifest: Manifest) -> Slice | None:
    """Return the slice of all keys of the table; None when the run does not look for deletes."""
    if manifest.key_parts is None:
        return None
    return Slice(column=manifest.schema.primary_key[0], after=None, upto=None, is_keys=True)


def read_whole(work: Work, resolved: ResolvedTable, source: Source, manifest: Manifest) -> Manifest:
    """Read a run that is one unit, and return its manifest.

    Raises:
        UnitTooLargeError: it is more than one delivery reads.
    """
    done = {"0": read_slice(work, resolved, source, manifest, None)}
    keys = all_keys(manifest)
    if keys:
        done["1"] = read_slice(work, resolved, source, manifest, keys)
    return plans.assemble(Plan(manifest=manifest, slices=()), done)


def go_on(plan: Plan, services: Services, *, by: str, below: str | None = None) -> Manifest | None:
    """Ask for the units that are still open; return the manifest once there are none.

    Args:
        plan: how the run was cut.
        services: where to look and ask.
        by: id of the attempt that asks.
        below: ask only for the slices of this unit: its siblings have been asked for.

    Raises:
        IntegrityError: the units have other rows together than the source counted.
    """
    table, run_id = plan.manifest.table, plan.manifest.run_id
    if below is not None and "." not in below:
        names = services.manifests.unit_names(table, run_id)
        outcome = _find_unit(plan, below, services)
        if len(names) < len(plan.slices) and outcome and not outcome.slices:
            return None  # reading all outcomes every time would grow with their square
    found = services.manifests.units(table, run_id)
    done = {name: each for name, each in found.items() if each.is_of(plan.id)}
    still_open = list(plans.open_units(plan, done))
    if not still_open:
        unloading.require_whole(plan, done, services)
        manifest = plans.assemble(plan, done)
        _require_counted(plan, manifest)
        return services.manifests.create(manifest)
    for name, _ in still_open:
        if below is None or name.startswith(f"{below}."):
            message = UnitRequest(table=table, run_id=run_id, unit=name)
            publish(services, "extract", message.encode(), run_id=run_id, by=by)
    return None


def _require_counted(plan: Plan, manifest: Manifest) -> None:
    counted, read = plan.manifest.rows_source, manifest.rows_source
    if manifest.is_pinned and counted != read:
        raise IntegrityError(
            f"the source counted {counted} rows of {manifest.table} at the snapshot, but its units "
            f"have {read} together; nothing was staged. Run the table again",
            rows_counted=counted,
            rows_read=read,
        )


def _read_once(work: Work, plan: Plan, name: str) -> None:
    services, manifest = work.services, plan.manifest
    table, run_id = manifest.table, manifest.run_id
    if _find_unit(plan, name, services):
        return
    ancestors = [name[:i] for i, letter in enumerate(name) if letter == "."]
    done = {a: u for a in ancestors if (u := _find_unit(plan, a, services))}
    piece = plans.find_slice(plan, done, name)
    if piece is None:
        raise InvalidMessageError(f"run {run_id} of {table} has no unit {name!r}")
    resolved, _ = services.config.get(table)
    read = _read_files if piece.files else _read_from_source
    outcome = replace(read(work, resolved, plan, piece, name), plan=plan.id)
    # Another delivery may have been first, and have cut the unit: then its slices need the files.
    outcome = services.manifests.create_unit(table, run_id, name, outcome)
    if not outcome.slices:
        unloading.discard(piece, services)


def _find_unit(plan: Plan, name: str, services: Services) -> Unit | None:
    """Return the outcome of a unit of this plan; None while it is open."""
    found = services.manifests.find_unit(plan.manifest.table, plan.manifest.run_id, name)
    return found if found and found.is_of(plan.id) else None


def _read_files(work: Work, resolved: ResolvedTable, plan: Plan, piece: Slice, name: str) -> Unit:
    """Read the files of a unit, or return what another delivery made of them meanwhile.

    Raises:
        IntegrityError: a file is gone that nobody read.
    """
    manifest = plan.manifest
    try:
        return unloading.read_files(work, resolved, plan, piece)
    except UnitTooLargeError:
        return Unit(slices=unloading.cut(piece, name, manifest, FANOUT))
    except FileNotFoundError as exc:
        found = _find_unit(plan, name, work.services)
        if found:
            return found
        raise IntegrityError(
            f"{exc}, which Snowflake unloaded, is gone; run the table again", object=str(exc)
        ) from exc


def _read_from_source(
    work: Work, resolved: ResolvedTable, plan: Plan, piece: Slice, name: str
) -> Unit:
    manifest = plan.manifest
    with closing(work.services.source(resolved, manifest.run_id)) as source:
        source.resume(Snapshot(at=manifest.snapshot, is_pinned=manifest.is_pinned))
        try:
            return read_slice(work, resolved, source, manifest, piece)
        except UnitTooLargeError as exc:
            slices = source.split(manifest.mode, manifest.window, piece, FANOUT)
            if len(slices) < 2:
                raise TableTooLargeError(
                    f"unit {name} of run {manifest.run_id} of {manifest.table} is more than one "
                    f"delivery reads and cannot be cut further: all of its rows have one "
                    f"{piece.column}"
                ) from exc
            return Unit(slices=slices)
