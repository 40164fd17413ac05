"""Ingest: one generation of one dropped file into staged Parquet, its bad rows set aside."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict, replace
from datetime import UTC
from typing import Self

import pyarrow as pa

from shared import csv
from shared.config.models import CsvFiles, ResolvedTable
from shared.core import naming, runs
from shared.core.manifests import FileOrigin, Manifest
from shared.core.messages import IngestRequest
from shared.core.runs import Run, RunState, Trigger
from shared.core.schemas import Column, DataType, TableSchema
from shared.errors import InvalidFileError, UnknownTableError
from shared.stage.arrow import arrow_schema
from shared.steps.attempts import Work, attempt
from shared.steps.units import ask_for_load, finish, part_writer
from shared.storage import ObjectInfo, Writer
from shared.wiring import Services

HEAD_BYTES = 2**20
"""How much of a file is looked at to find its dialect."""


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
    run = services.ledger.open(_requested(request, resolved, config_generation, services))
    if run.is_terminal:
        return
    if run.state in (RunState.REQUESTED, RunState.EXTRACTING):
        with attempt(services, run, "ingest", RunState.EXTRACTING) as work:
            manifest = services.manifests.find(run.table, run.run_id)
            manifest = manifest or _stage(work, resolved, request)
            if manifest is None:
                work.finish(RunState.SKIPPED, reason="this generation was deleted or overwritten")
                return
            finish(work, manifest)
    ask_for_load(run, services)


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


def _stage(work: Work, resolved: ResolvedTable, request: IngestRequest) -> Manifest | None:
    """Read the file and write parts, rejects and manifest; None when the generation is gone."""
    services = work.services
    file = services.storage.info(request.bucket, request.name, request.generation)
    if file is None:
        return None
    try:
        _keep_original(work, file)
        return services.manifests.create(_read(work, resolved, file))
    except FileNotFoundError:
        return None


def _keep_original(work: Work, file: ObjectInfo) -> None:
    name = naming.raw_object(work.run.table, work.run.run_id, file.created_at, file.name)
    work.services.storage.copy(file, work.services.settings.bucket("raw"), name)


def _read(work: Work, resolved: ResolvedTable, file: ObjectInfo) -> Manifest:
    services, run = work.services, work.run
    rules = resolved.table.csv or CsvFiles()
    if file.size_bytes == 0:
        raise InvalidFileError(f"gs://{file.bucket}/{file.name} is empty: 0 bytes, no header")
    dialect = _dialect(_head(services, file), rules)
    schema = _schema(work, resolved, file, dialect)
    content = _Hashed(services.storage.stream(file.bucket, file.name, file.generation))
    with _Rejects(work) as rejects:
        batches = rejects.sift(csv.read(content, dialect, schema))
        parts = part_writer(work, resolved, is_bounded=False).write(arrow_schema(schema), batches)
    _check_share(rejects, rules, file)
    return Manifest(
        run_id=run.run_id,
        table=run.table,
        attempt=work.attempt.id,
        mode=resolved.table.sync_mode,
        snapshot=f"{file.created_at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}000",
        is_pinned=True,
        window=None,
        epoch=None,
        schema=schema,
        parts=parts,
        rows_source=rejects.rows,
        rows_rejected=rejects.rejected,
        file=FileOrigin(
            bucket=file.bucket,
            name=file.name,
            generation=file.generation,
            size_bytes=content.size_bytes,
            sha256=content.sha256,
        ),
        config_generation=run.config_generation or 0,
        code_version=services.settings.code_version,
        created_at=services.now(),
        notes=rejects.notes,
    )


def _head(services: Services, file: ObjectInfo) -> bytes:
    head = b""
    for chunk in services.storage.stream(file.bucket, file.name, file.generation):
        head += chunk
        if len(head) >= HEAD_BYTES:
            break
    return head[:HEAD_BYTES]


def _dialect(head: bytes, rules: CsvFiles) -> csv.Dialect:
    """Return the dialect that the table file gives, and for the rest the one that is found."""
    given: dict[str, object] = {"null_markers": tuple(rules.null)}
    if rules.delimiter is not None:
        given["delimiter"] = rules.delimiter
    if rules.encoding is not None:
        given["encoding"] = rules.encoding
    if rules.header is not None:
        given["header_rows"] = int(rules.header)
    return replace(csv.detect(head).dialect, **given)  # type: ignore[arg-type]


def _schema(
    work: Work, resolved: ResolvedTable, file: ObjectInfo, dialect: csv.Dialect
) -> TableSchema:
    """Types from the table file, else from the table as it is, else from the whole file."""
    table, services = resolved.table, work.services
    key = tuple(table.primary_key or ())
    if table.csv and table.csv.columns:
        return TableSchema(
            tuple(Column(name=n, type=DataType.parse(t)) for n, t in table.csv.columns.items()), key
        )
    with closing(services.target(resolved)) as target:
        existing = target.schema()
    if existing:
        return TableSchema(existing.columns, key or existing.primary_key)
    content = services.storage.stream(file.bucket, file.name, file.generation)
    return TableSchema(csv.infer(content, dialect).schema.columns, key)


def _check_share(rejects: "_Rejects", rules: CsvFiles, file: ObjectInfo) -> None:
    share = 100 * rejects.rejected / rejects.rows if rejects.rows else 0
    if share > rules.max_reject_percent:
        raise InvalidFileError(
            f"{rejects.rejected} of {rejects.rows} rows of gs://{file.bucket}/{file.name} were "
            f"rejected, more than max_reject_percent {rules.max_reject_percent:g}; nothing was "
            f"loaded. The first is {rejects.first}. All are in {rejects.place}, with their reasons",
            rows_rejected=rejects.rejected,
        )


class _Hashed:
    """Chunks as they pass, hashed and counted."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._sha256 = hashlib.sha256()
        self.size_bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self._sha256.update(chunk)
            self.size_bytes += len(chunk)
            yield chunk

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()


class _Rejects:
    """Sifts the bad rows of a file into one NDJSON object of the quarantine bucket."""

    def __init__(self, work: Work) -> None:
        self._storage = work.services.storage
        self._bucket = work.services.settings.bucket("quarantine")
        self._name = naming.rejects_object(work.run.table, work.run.run_id, work.attempt.id)
        self._stack = ExitStack()
        self._writer: Writer | None = None
        self.rows = 0
        self.rejected = 0
        self.first = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.__exit__(*exc_info)  # type: ignore[arg-type]

    @property
    def place(self) -> str:
        """Where the rejected rows are kept."""
        return f"gs://{self._bucket}/{self._name}"

    @property
    def notes(self) -> tuple[str, ...]:
        """What the receipt says about them."""
        return (f"{self.rejected} rejected rows in {self.place}",) if self.rejected else ()

    def sift(self, batches: Iterator[csv.Batch]) -> Iterator[pa.RecordBatch]:
        """Yield the good rows; write the bad ones aside."""
        for batch in batches:
            self.rows += batch.rows
            for reject in batch.rejects:
                self._keep(reject)
            yield batch.data

    def _keep(self, reject: csv.Reject) -> None:
        if self._writer is None:
            stream = self._storage.create(self._bucket, self._name, "application/x-ndjson")
            self._writer = self._stack.enter_context(stream)
            self.first = f"in line {reject.line} ({reject.rule})"
        self.rejected += 1
        line = json.dumps(asdict(reject), ensure_ascii=False) + "\n"
        self._writer.write(line.encode())
