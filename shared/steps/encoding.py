"""Rows into parts: each is inspected, set aside or encoded, and counted on the way."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from shared import timings
from shared.checks import Flaw, Inspection
from shared.config.tables import ResolvedTable
from shared.core import naming
from shared.core.checks import Observed
from shared.core.fidelity import Consent
from shared.core.manifests import Manifest, Part
from shared.core.receipts import Point, differences, mismatch
from shared.core.schemas import TableSchema
from shared.stage.arrow import arrow_schema
from shared.stage.fingerprints import Fold
from shared.stage.writer import PartWriter
from shared.steps.attempts import Work
from shared.steps.set_aside import RowRejects


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """Rows that were encoded: their parts, and the points of those read and of those staged."""

    parts: tuple[Part, ...]
    read: Point
    staged: Point
    observed: Observed


def encode(
    work: Work,
    resolved: ResolvedTable,
    manifest: Manifest,
    batches: Iterator[pa.RecordBatch],
    *,
    is_bounded: bool,
) -> Encoded:
    """Write rows into parts, and those that a check sets aside into quarantine.

    Raises:
        UnitTooLargeError: it is bounded, and more than one delivery reads.
    """
    fold, aside = Fold(manifest.schema), Fold(manifest.schema)
    writer = part_writer(work, resolved, is_bounded=is_bounded, fold=fold)
    with RowRejects(work, resolved.table, manifest.schema.primary_key) as rejects:

        def set_aside(batch: pa.RecordBatch, flaws: Sequence[Flaw]) -> None:
            aside.add(batch.take(pa.array([flaw.row for flaw in flaws], pa.int64())))
            rejects.set_aside(batch, flaws)

        inspection = Inspection(resolved.table, manifest.schema, set_aside)
        parts = timed_write(writer, manifest.schema, inspection.sift(batches))
    return Encoded(
        parts=parts,
        read=fold.point + aside.point,
        staged=fold.point,
        observed=inspection.observed(rejects.names),
    )


def timed_write(
    writer: PartWriter, schema: TableSchema, batches: Iterable[pa.RecordBatch]
) -> tuple[Part, ...]:
    """Encode and stage all batches."""
    with timings.timed("stage") as facts:
        parts = writer.write(arrow_schema(schema), batches)
        facts.update(
            parts=len(parts),
            rows=sum(part.rows for part in parts),
            bytes=sum(part.size_bytes for part in parts),
        )
    return parts


def part_writer(
    work: Work,
    resolved: ResolvedTable,
    *,
    is_bounded: bool,
    is_keys: bool = False,
    fold: Fold | None = None,
) -> PartWriter:
    """Return the writer of an attempt's parts, as the table's file wants them."""
    services, run, table = work.services, work.run, resolved.table
    named = naming.key_part_object if is_keys else naming.part_object
    return PartWriter(
        storage=services.storage,
        bucket=services.settings.bucket("staging"),
        name=lambda n: named(run.table, run.run_id, work.attempt.id, n),
        part_bytes=table.part_bytes,
        compression=table.compression,
        envelope=services.envelope if table.encryption else None,
        on_group=work.add_bounded if is_bounded else work.add,
        fold=fold,
    )


def require_same(
    resolved: ResolvedTable, source: TableSchema, manifest: Manifest, measured: Point, staged: Point
) -> None:
    """Make sure that the rows that were encoded are those that the source measured.

    Columns whose values the table lets be altered on the way, or that ``rescue`` moved, may differ.
    """
    theirs = {column.name: column.type for column in source}
    left_out = {
        column.name
        for column in manifest.schema
        if theirs.get(column.name) != column.type
        or resolved.table.accepts(column.name, Consent.NANOSECONDS)
    }
    found = differences("source to staged", measured, staged, left_out=left_out)
    if found:
        raise mismatch(manifest.table, manifest.run_id, found, "nothing was staged")
