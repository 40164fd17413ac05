"""Ingest: one generation of one dropped file into staged Parquet, its bad rows set aside."""

import logging
from collections import deque
from contextlib import closing
from datetime import UTC

from shared import csv, timings
from shared.ahead import ahead
from shared.checks import Inspection
from shared.config.csv_files import CsvFiles
from shared.config.tables import ResolvedTable
from shared.core import naming, runs, unchanged
from shared.core.manifests import FileOrigin, Manifest
from shared.core.messages import IngestRequest
from shared.core.receipts import Point
from shared.core.runs import Run, RunState, Trigger
from shared.errors import UnknownTableError
from shared.stage.fingerprints import Fold
from shared.stage.protecting import Protector
from shared.stage.rescue import fold
from shared.steps import quarantine
from shared.steps.attempts import Work, attempt, find_staged, open_run
from shared.steps.columns import staged
from shared.steps.dropped_files import DroppedFile, Hashed
from shared.steps.encoding import part_writer, timed_write
from shared.steps.protections import require_alike
from shared.steps.rejects import Rejects
from shared.steps.units import ask_for_load, finish
from shared.steps.withholding import quietly
from shared.storage import ObjectInfo
from shared.wiring import Services

log = logging.getLogger(__name__)


def ingest(request: IngestRequest, services: Services) -> None:
    """Stage a dropped file, then ask for the load. The original is kept in the raw zone.

    The exact generation that was announced is read. If it is gone, the file was deleted, or a
    newer generation was announced too and takes its place.

    Raises:
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
    if resolved.table.csv is None:
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
            if other := quarantine.successor(request.name, services):
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
    request: IngestRequest, resolved: ResolvedTable, generation: int, services: Services
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
        config_generation=generation,
    )


def _stage(
    work: Work, resolved: ResolvedTable, request: IngestRequest, generation: int
) -> Manifest | None:
    """Read the file and write parts, rejects and manifest; None when the generation is gone."""
    services = work.services
    file = services.storage.info(request.bucket, request.name, request.generation)
    if file is None:
        return None
    if work.is_first:
        # A later attempt would tell of the back-off, not of how long a file waits.
        waited = services.now() - file.created_at
        log.info("file picked up", extra={"wait_s": waited.total_seconds()})
    try:
        if _keeps_original(resolved):
            _keep_original(work, file)
        return services.manifests.create(_read(work, resolved, file, generation))
    except FileNotFoundError:
        return None


def _keeps_original(resolved: ResolvedTable) -> bool:
    return resolved.table.csv is None or resolved.table.csv.raw


def _keep_original(work: Work, file: ObjectInfo) -> None:
    raw = work.services.settings.bucket("raw")
    with timings.timed("keep original", bytes=file.size_bytes):
        work.services.storage.copy(file, raw, _original(work.run, file))


def _original(run: Run, file: ObjectInfo) -> str:
    return naming.raw_object(run.table, run.run_id, file.created_at, file.name)


def _read(work: Work, resolved: ResolvedTable, info: ObjectInfo, generation: int) -> Manifest:
    services, run, rules = work.services, work.run, resolved.table.csv or CsvFiles()
    file = DroppedFile(work, resolved, info, generation)
    reading = file.reading()
    protector = Protector(resolved.table.protected, services.protection_keys(resolved))
    read = protector.schema(reading.schema)
    with closing(services.target(resolved)) as target:
        schema = staged(target, resolved.table, read)
        require_alike(run, resolved, target, target.state(), services, generation=generation)
    content = Hashed(file.content)
    is_quoting = not resolved.table.protected
    with (
        ahead(content, depth=4) as chunks,
        Rejects(work, info, is_quoting=is_quoting) as rejects,
    ):
        is_parquet = reading.dialect.kind == "parquet"
        if is_parquet:
            deque(chunks, maxlen=0)  # proven whole before any part of it is believed
        worksheet = reading.dialect.worksheet
        inside = Hashed(csv.unpacked(chunks, worksheet)) if file.is_packed else None
        source = file.content if is_parquet else inside or chunks
        read_rows = csv.read(source, reading.dialect, reading.schema)
        found = timings.drawn("read file", read_rows)
        batches = rejects.sift(quietly(found, resolved.table))
        if resolved.table.protected:
            batches = protector.passing(batches, reading.schema)
        if schema is not read:
            batches = fold(batches, read, schema)
        facts = Fold(schema)
        inspection = Inspection(resolved.table, schema, rejects.set_aside)
        writer = part_writer(work, resolved, is_bounded=False, fold=facts)
        parts = timed_write(writer, schema, inspection.sift(batches))
        deque(chunks, maxlen=0)  # what may follow a packed file's end is hashed too
    rejects.require_trailer(rules, reading.dialect)
    rejects.require_few(rules, reading.dialect)
    file.freeze(reading)
    return Manifest(
        run_id=run.run_id,
        table=run.table,
        attempt=work.attempt.id,
        mode=resolved.table.sync_mode,
        snapshot=f"{info.created_at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}000",
        is_pinned=True,
        window=None,
        epoch=None,
        schema=schema,
        parts=parts,
        rows_source=rejects.rows,
        rows_rejected=rejects.rejected,
        file=FileOrigin(
            bucket=info.bucket,
            name=info.name,
            generation=info.generation,
            size_bytes=content.size_bytes,
            sha256=content.sha256,
            content_sha256=(inside or content).sha256,
            original=_original(run, info) if _keeps_original(resolved) else "",
            dialect=reading.dialect.to_dict(),
            read_as=reading.schema if resolved.table.protected else None,
        ),
        config_generation=generation,
        code_version=services.settings.code_version,
        created_at=services.now(),
        change_token=unchanged.token("a file", resolved.table.sync_mode, generation),
        notes=(*rejects.notes, *reading.warnings),
        evidence=reading.evidence,
        observed=inspection.observed(),
        source=Point(rows=rejects.rows - rejects.rejected),
        staged=facts.point,
        protection=resolved.protection,
    )
