"""Traces: where a row of a target came from, found in what was staged for it.

No column of the target is needed for that: the publishes that the table consists of are looked
through from the newest back, part by part, for the row's values. The first hit of a merged table
is the row as it is now.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from shared import csv
from shared.config.tables import ResolvedTable
from shared.core.manifests import FileOrigin, Manifest, Part
from shared.core.runs import Run, RunState
from shared.core.schemas import TableSchema
from shared.errors import InvalidMessageError
from shared.stage.matching import matches
from shared.steps.quarantined_rows import rejected_rows
from shared.steps.staged_parts import rows_of
from shared.steps.stored_files import StoredFile
from shared.wiring import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One place that a row came from."""

    run: Run
    manifest: Manifest
    part: Part
    row_in_part: int
    """Counted from 0."""
    values: dict[str, Any]
    file: FileOrigin | None = None
    line: int | None = None
    """In the dropped file, unpacked, as editors count lines; None when the original is not kept."""


def wanted(schema: TableSchema, texts: list[str]) -> dict[str, str]:
    """Return what to look for by column, from the command line's words.

    Args:
        schema: the table's columns.
        texts: values of the primary key in its order, or ``column=value`` for any columns.

    Raises:
        InvalidMessageError: they are not as many as the key has columns, or name no column.
    """
    if texts and all("=" in text for text in texts):
        pairs = dict(text.split("=", 1) for text in texts)
        if strangers := sorted(pairs.keys() - set(schema.names)):
            raise InvalidMessageError(
                f"no column {', '.join(strangers)}; known: {', '.join(schema.names)}"
            )
        return pairs
    if len(texts) != len(schema.primary_key) or not texts:
        key = ", ".join(schema.primary_key) or "none, so give column=value"
        raise InvalidMessageError(f"{len(texts)} values given; the primary key is: {key}")
    return dict(zip(schema.primary_key, texts, strict=True))


def trace(table: str, texts: list[str], services: Services) -> Iterator[Trace]:
    """Yield where the rows of these values came from, the newest first.

    Raises:
        InvalidMessageError: nothing was loaded, or the values can be none of the columns'.
        IntegrityError: a part is not what was staged.
    """
    resolved, _ = services.config.get(table)
    runs = _publishes(resolved, services)
    if not runs:
        raise InvalidMessageError(f"nothing was loaded into {table} yet, as far as anybody knows")
    criteria: dict[str, str] | None = None
    for run in runs:
        manifest = services.manifests.find(table, run.run_id)
        if manifest is None:
            continue
        criteria = criteria or wanted(manifest.schema, texts)
        for schema, part in _parts(manifest):
            if criteria.keys() <= set(schema.names):
                yield from _in_part(run, manifest, part, schema, criteria, services)


def _publishes(resolved: ResolvedTable, services: Services) -> list[Run]:
    """Return the runs that the table consists of, the newest first."""
    table = resolved.table.name
    with closing(services.target(resolved)) as target:
        past = target.lineage(target.state().run_id or "")
    found = [services.ledger.find(table, load.run_id) for load in reversed(past)]
    if known := [run for run in found if run]:
        return known
    committed = [r for r in services.ledger.runs(table) if r.state is RunState.COMMITTED]
    return sorted(committed, key=lambda run: run.updated_at, reverse=True)


def _parts(manifest: Manifest) -> Iterator[tuple[TableSchema, Part]]:
    """Yield the parts with rows, the last first, those of a rewind's layers too."""
    for layer in reversed(manifest.rewind.layers if manifest.rewind else ()):
        for part in reversed(layer.parts):
            yield layer.schema, part
    for part in reversed(manifest.parts):
        yield manifest.schema, part


def _in_part(
    run: Run,
    manifest: Manifest,
    part: Part,
    schema: TableSchema,
    criteria: Mapping[str, str],
    services: Services,
) -> Iterator[Trace]:
    begin = 0
    for batch in rows_of(services, part, schema):
        for row in matches(batch, criteria):
            at = begin + row
            yield Trace(
                run=run,
                manifest=manifest,
                part=part,
                row_in_part=at,
                values=batch.slice(row, 1).to_pylist()[0],
                file=manifest.file,
                line=_line(run, manifest, part, at, services),
            )
        begin += batch.num_rows


def _line(
    run: Run, manifest: Manifest, part: Part, row_in_part: int, services: Services
) -> int | None:
    """Return the line of a dropped file that a row was, by reading the kept original once more."""
    file = manifest.file
    if file is None or part not in manifest.parts:
        return None
    raw = services.settings.bucket("raw")
    info = services.storage.info(raw, file.original) if file.original else None
    if info is None:
        return None
    before = manifest.parts[: manifest.parts.index(part)]
    row = sum(p.rows for p in before) + row_in_part
    dialect = csv.Dialect.from_dict(file.dialect)
    rejected = {r.place[0] for r in rejected_rows(run, services)}
    content = StoredFile(services.storage, info)
    columns = file.read_as or manifest.schema
    place = csv.place_of_row(content, dialect, columns, row, left_out=rejected)
    return place[0] if place else None
