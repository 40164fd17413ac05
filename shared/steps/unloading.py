"""Reading by way of files that the source's own engine wrote into the staging bucket.

One statement writes all rows of a window, as of one moment, below a prefix that is this attempt's
alone. Its files become units: each unit reads some of them into parts like all others, so that
what is staged does not differ by how it came. Nothing is ever read but what the statement itself
named, at the generation that was found right after it; a plan says which, first writer wins.
"""

import logging
from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa

from shared import timings
from shared.config.tables import ResolvedTable
from shared.core import drift, naming, plans, stored
from shared.core.manifests import Manifest
from shared.core.plans import Plan, Slice, Unit, UnloadedFile
from shared.core.schemas import TableSchema
from shared.errors import IntegrityError, InvalidConfigError, SluiceError, TableTooLargeError
from shared.sources.base import Source, Unloaded, Unloads
from shared.sources.unloaded import read_unloaded
from shared.stage import rescue
from shared.steps import protections
from shared.steps.attempts import Work
from shared.steps.encoding import encode, require_same
from shared.steps.handing_on import request_next
from shared.steps.renewing import renewed
from shared.wiring import Services

ALONE = "too much for one delivery: unloads in the next"
"""How an attempt ends that leaves the statement to a delivery that does nothing else before."""

LEAST_SHARE = 0.5
"""The statement is begun with so much of a delivery's time left, or in the next delivery."""

log = logging.getLogger(__name__)


def is_alone(work: Work) -> bool:
    """Say whether an earlier attempt at the run left the statement to this one."""
    return any(each.outcome == ALONE for each in work.run.attempts)


def unload(work: Work, source: Source, begun: Manifest, keys: tuple[Slice, ...]) -> Plan | None:
    """Let the source write the window into the staging bucket, and return the plan of its files.

    None when too little of this delivery's time is left: ``leave`` it to the next.

    Args:
        work: the attempt.
        source: where the rows are.
        begun: the manifest to come.
        keys: slices of keys, to be read as ever.

    Raises:
        InvalidConfigError: the source cannot.
        TableTooLargeError: it took longer than what is left of a delivery.
        LeaseHeldError: the run is no longer this attempt's, or was cancelled meanwhile.
        IntegrityError: the statement wrote other rows than were counted, or a file is missing.
    """
    if not isinstance(source, Unloads):
        raise InvalidConfigError(f"the source of {begun.table} cannot unload its rows")
    services, measured = work.services, None
    prefix = naming.unloaded_prefix(begun.table, begun.run_id, work.attempt.id)
    place = f"gs://{services.settings.bucket('staging')}/{prefix}"
    with renewed(work) as confirm:
        if begun.is_pinned:
            with timings.timed("measure source"):
                measured = source.measure(begun.mode, begun.window)
        confirm()
        if not is_alone(work) and work.left_s < LEAST_SHARE * services.settings.budget_s:
            return None
        with timings.timed("unload"):
            answer = source.unload(begun.mode, begun.window, place, timeout_s=work.left_s)
        confirm()
    files = _pinned(services, prefix, answer)
    rows = sum(file.rows for file in files)
    if measured is not None and rows != measured.rows:
        raise IntegrityError(
            f"the source has {measured.rows} rows of {begun.table} at the snapshot, but wrote "
            f"{rows}; nothing was staged",
            rows_counted=measured.rows,
            rows_read=rows,
        )
    return Plan(
        manifest=replace(begun, query_id=answer.query_id, source=measured),
        slices=(*plans.grouped(files, services.settings.unit_rows), *keys),
        unloaded=source.schema(),
    )


def leave(work: Work) -> None:
    """End the attempt, and ask for a delivery that has its time for the statement alone."""
    work.hand_on(ALONE)
    request_next(work.run, work.services, work.attempt.id)


def _pinned(services: Services, prefix: str, answer: Unloaded) -> tuple[UnloadedFile, ...]:
    """Return the files that the statement named, as they are now in the bucket.

    Others may lie beside them: those of an attempt that Snowflake itself gave up and made anew.
    """
    found = {
        info.name.removeprefix(prefix): info
        for info in services.storage.list(services.settings.bucket("staging"), prefix)
    }
    if missing := sorted(answer.rows_by_file.keys() - found.keys()):
        raise IntegrityError(
            f"the source says that it wrote {missing[0]}, but it is not below {prefix} in the "
            "staging bucket; does the storage integration lead to another bucket?",
            missing=len(missing),
        )
    return tuple(
        UnloadedFile(
            name=found[name].name,
            generation=found[name].generation,
            size_bytes=found[name].size_bytes,
            rows=rows,
        )
        for name, rows in sorted(answer.rows_by_file.items())
    )


def read_files(work: Work, resolved: ResolvedTable, plan: Plan, piece: Slice) -> Unit:
    """Read the files of a unit into parts.

    Raises:
        FileNotFoundError: a file is gone.
        UnitTooLargeError: they are more than one delivery reads.
    """
    manifest = plan.manifest
    protections.require_current(resolved, manifest)
    batches = timings.drawn("read unloaded files", _batches(work.services, plan, piece))
    if plan.unloaded and drift.RESCUED in manifest.schema.names:
        batches = rescue.fold(batches, plan.unloaded, manifest.schema)
    done = encode(work, resolved, manifest, batches, is_bounded=True)
    return Unit(
        parts=done.parts,
        rows_source=done.read.rows,
        query_id=manifest.query_id,
        observed=done.observed,
        staged=done.staged,
        read=done.read,
    )


def _batches(services: Services, plan: Plan, piece: Slice) -> Iterator[pa.RecordBatch]:
    if plan.unloaded is None:
        raise IntegrityError(f"the plan of run {plan.manifest.run_id} names files of no columns")
    for file in piece.files:
        yield from _rows(services, plan.unloaded, file)


def _rows(services: Services, schema: TableSchema, file: UnloadedFile) -> Iterator[pa.RecordBatch]:
    """Yield a file's rows; it leaves memory with the last of them, before the next file comes."""
    bucket = services.settings.bucket("staging")
    place = stored.place(bucket, file.name, file.generation)
    data = services.storage.download(bucket, file.name, file.generation)
    if data is None:
        raise FileNotFoundError(place)
    yield from read_unloaded(data, schema, rows=file.rows, place=place)


def cut(piece: Slice, name: str, manifest: Manifest, number: int) -> tuple[Slice, ...]:
    """Cut a unit of files into ``number`` slices at most.

    Raises:
        TableTooLargeError: it has one file only.
    """
    if len(piece.files) < 2:
        raise TableTooLargeError(
            f"unit {name} of run {manifest.run_id} of {manifest.table} is one unloaded file of "
            f"{sum(file.size_bytes for file in piece.files)} bytes, more than one delivery reads; "
            "raise SLUICE_UNIT_BYTES, or write strategy: fetch, and run the table again"
        )
    shares = [piece.files[start::number] for start in range(number)]
    return tuple(Slice.of_files(share) for share in shares if share)


def require_whole(plan: Plan, done: dict[str, Unit], services: Services) -> None:
    """Make sure that the rows of all files are those that the source measured before.

    Raises:
        MismatchError: they are not.
    """
    measured = plan.manifest.source
    if plan.unloaded is None or measured is None:
        return
    resolved, _ = services.config.get(plan.manifest.table)
    require_same(resolved, plan.unloaded, plan.manifest, measured, plans.read_from_files(done))


def discard(piece: Slice, services: Services) -> None:
    """Delete the files of a unit that was read: nobody needs them again.

    What cannot be deleted now is left to the sweep.
    """
    for file in piece.files:
        try:
            services.storage.delete(services.settings.bucket("staging"), file.name, file.generation)
        except SluiceError as exc:
            log.warning("an unloaded file stays for the sweep", extra={"why": exc.message})
            return
