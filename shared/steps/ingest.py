"""Ingest: one generation of one dropped file into staged Parquet, its bad rows set aside."""

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC

from shared import csv, timings
from shared.ahead import ahead
from shared.checks import Inspection
from shared.config.csv_files import CsvFiles
from shared.config.tables import ResolvedTable
from shared.core import naming, runs, unchanged
from shared.core.checks import Observed
from shared.core.manifests import FileOrigin, Manifest, Part
from shared.core.messages import IngestRequest
from shared.core.receipts import Point
from shared.core.runs import Run, RunState, Trigger
from shared.core.schemas import TableSchema
from shared.errors import RetryableError, UnknownTableError
from shared.stage.fingerprints import Fold
from shared.stage.protecting import Protector
from shared.stage.rescue import fold
from shared.steps import originals, resending
from shared.steps.attempts import Work, attempt, find_staged, open_run
from shared.steps.columns import staged
from shared.steps.dropped_files import DroppedFile, Hashed, Reading
from shared.steps.encoding import part_writer, timed_write
from shared.steps.handing_on import ask_for_load, finish
from shared.steps.protections import require_alike
from shared.steps.rejects import Rejects
from shared.steps.withholding import quietly
from shared.storage import ObjectInfo
from shared.wiring import Services

log = logging.getLogger(__name__)


def ingest(request: IngestRequest, services: Services) -> None:
    """Stage a dropped file, then ask for the load. The original is kept in the raw zone.

    The exact generation that was announced is read; once it is gone, its original. A newer
    generation takes its place only where each file replaces all rows.

    Raises:
        FileGoneError: it was deleted or overwritten, and no original was kept before.
        UnknownTableError: the file lies in no configured table's folder.
    """
    if request.name.endswith("/"):
        return  # a folder made in the console, not a file
    table = naming.landing_table(request.name)
    if table is None:
        raise UnknownTableError(
            f"gs://{request.bucket}/{request.name} lies in no table's folder; drop files as "
            "<table>/<file>.csv"
        )
    resolved, config_generation = services.config.get(table)
    if not resolved.table.is_of_files:
        raise UnknownTableError(
            f"gs://{request.bucket}/{request.name} was dropped for {table}, which is read from "
            f"{resolved.table.source_kind}; only a table with csv takes files",
            table=table,
        )
    wanted = _requested(request, resolved, config_generation, services)
    run, this = open_run(services, wanted, "ingest")
    if run.is_terminal:
        return
    by = ""
    if run.state in (RunState.REQUESTED, RunState.EXTRACTING):
        with attempt(services, run, "ingest", RunState.EXTRACTING, this) as work:
            if other := resending.successor(request.name, services):
                work.finish(RunState.SKIPPED, reason=f"{other} was sent in its place")
                return
            manifest = find_staged(work) or _stage(work, resolved, request, config_generation)
            if manifest is None:
                work.finish(RunState.SKIPPED, reason="this generation was deleted or overwritten")
                return
            finish(work, manifest)
            by = work.attempt.id
    ask_for_load(run, services, by)


def _requested(
    request: IngestRequest, resolved: ResolvedTable, config_generation: int, services: Services
) -> Run:
    table = resolved.table
    now = services.now()
    return Run(
        run_id=runs.run_id(table.name, Trigger.FILE, request.key, request.announced_at),
        table=table.name,
        trigger=Trigger.FILE,
        trigger_key=request.key,
        mode=table.sync_mode,
        created_at=now,
        updated_at=now,
        config_generation=config_generation,
    )


def _stage(
    work: Work, resolved: ResolvedTable, request: IngestRequest, config_generation: int
) -> Manifest | None:
    """Read the file and write parts, rejects and manifest; None when there is nothing to read."""
    found = originals.find(work, resolved, request)
    if found is None:
        return None
    file, stored = found
    try:
        dropped = DroppedFile(work, resolved, file, config_generation, stored)
        return work.services.manifests.create(_read(work, resolved, dropped))
    except FileNotFoundError as exc:
        raise RetryableError(
            f"gs://{stored.bucket}/{stored.name}#{stored.generation} was deleted or overwritten "
            "while it was read; the next attempt reads what is kept of it"
        ) from exc


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """A file's rows, staged, with what was seen of them and of its bytes on the way."""

    schema: TableSchema
    parts: tuple[Part, ...]
    staged: Point
    observed: Observed
    rejects: Rejects
    packed: Hashed
    unpacked: Hashed
    """The same as ``packed`` for a file that is not."""


def _read(work: Work, resolved: ResolvedTable, file: DroppedFile) -> Manifest:
    """Read a file into parts, set its bad rows aside, and return the manifest to write."""
    rules = resolved.table.csv or CsvFiles()
    reading = file.reading()
    taken = _take(work, resolved, file, reading)
    taken.rejects.require_trailer(rules, reading.dialect)
    taken.rejects.require_few(rules, reading.dialect)
    file.freeze(reading)
    return _manifest(work, resolved, file, reading, taken)


def _take(work: Work, resolved: ResolvedTable, file: DroppedFile, reading: Reading) -> _Taken:
    services, table = work.services, resolved.table
    protector = Protector(table.protected, services.protection_keys(resolved))
    read = protector.schema(reading.schema)
    schema = _staged_columns(work, resolved, file, read)
    packed, facts = Hashed(file.content), Fold(schema)
    with (
        ahead(packed, depth=4) as chunks,
        Rejects(work, file.info, is_quoting=not table.protected) as rejects,
    ):
        unpacked, rows = _rows(file, reading, chunks)
        batches = rejects.sift(quietly(timings.drawn("read file", rows), table))
        if table.protected:
            batches = protector.passing(batches, reading.schema)
        if schema is not read:
            batches = fold(batches, read, schema)
        inspection = Inspection(table, schema, rejects.set_aside)
        writer = part_writer(work, resolved, is_bounded=False, fold=facts)
        parts = timed_write(writer, schema, inspection.sift(batches))
        deque(chunks, maxlen=0)  # what may follow a packed file's end is hashed too
    return _Taken(
        schema=schema,
        parts=parts,
        staged=facts.point,
        observed=inspection.observed(),
        rejects=rejects,
        packed=packed,
        unpacked=unpacked or packed,
    )


def _staged_columns(
    work: Work, resolved: ResolvedTable, file: DroppedFile, read: TableSchema
) -> TableSchema:
    services, generation = work.services, file.config_generation
    with closing(services.target(resolved)) as target:
        schema = staged(target, resolved.table, read)
        require_alike(work.run, resolved, target, target.state(), services, generation=generation)
    return schema


def _rows(
    file: DroppedFile, reading: Reading, chunks: Iterator[bytes]
) -> tuple[Hashed | None, Iterator[csv.Batch]]:
    """Return what is inside of a packed file, and the rows, neither of them read yet."""
    dialect = reading.dialect
    is_parquet = dialect.kind == "parquet"
    if is_parquet:
        deque(chunks, maxlen=0)  # proven whole before any part of it is believed
    inside = Hashed(csv.unpacked(chunks, dialect.worksheet)) if file.is_packed else None
    source = file.content if is_parquet else inside or chunks
    return inside, csv.read(source, dialect, reading.schema)


def _manifest(
    work: Work, resolved: ResolvedTable, file: DroppedFile, reading: Reading, taken: _Taken
) -> Manifest:
    run, services, table = work.run, work.services, resolved.table
    rejects, generation = taken.rejects, file.config_generation
    return Manifest(
        run_id=run.run_id,
        table=run.table,
        attempt=work.attempt.id,
        mode=table.sync_mode,
        snapshot=f"{file.info.created_at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}000",
        is_pinned=True,
        window=None,
        epoch=None,
        schema=taken.schema,
        parts=taken.parts,
        rows_source=rejects.rows,
        rows_rejected=rejects.rejected,
        file=_origin(run, resolved, file.info, reading, taken),
        config_generation=generation,
        code_version=services.settings.code_version,
        created_at=services.now(),
        change_token=unchanged.token("a file", table.sync_mode, generation),
        notes=(*rejects.notes, *reading.warnings),
        evidence=reading.evidence,
        observed=taken.observed,
        source=Point(rows=rejects.rows - rejects.rejected),
        staged=taken.staged,
        protection=resolved.protection,
    )


def _origin(
    run: Run, resolved: ResolvedTable, info: ObjectInfo, reading: Reading, taken: _Taken
) -> FileOrigin:
    return FileOrigin(
        bucket=info.bucket,
        name=info.name,
        generation=info.generation,
        size_bytes=taken.packed.size_bytes,
        sha256=taken.packed.sha256,
        content_sha256=taken.unpacked.sha256,
        original=originals.name_of(run, info.name) if originals.are_kept(resolved) else "",
        dialect=reading.dialect.to_dict(),
        read_as=reading.schema if resolved.table.protected else None,
    )
