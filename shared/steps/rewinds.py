"""Rewinds: a table put back as an earlier run left it, from what is staged, without its source.

``extract`` finds the runs that the table consisted of and pins their parts in a manifest. ``load``
does in the staging table what those runs did to the table, one after the other, then publishes the
outcome like a full load, together with the watermark of that time.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain
from typing import Any

from shared.config.tables import ResolvedTable
from shared.core import naming, stored
from shared.core.fencing import TargetState
from shared.core.manifests import Layer, Manifest, Rewind
from shared.core.modes import SyncMode
from shared.core.runs import Run
from shared.core.schemas import TableSchema
from shared.errors import RewindError
from shared.steps import protections
from shared.steps.attempts import Work
from shared.steps.staged_parts import rows_of
from shared.targets.base import KeptVersion, PastLoad, Target
from shared.wiring import Services


def manifest(work: Work, resolved: ResolvedTable, back_to: str) -> Manifest:
    """Return the manifest that puts a table back as a run left it.

    Raises:
        RewindError: the run never published, or something that the table consisted of is gone.
    """
    services, run = work.services, work.run
    with closing(services.target(resolved)) as target:
        state, past = target.state(), target.lineage(back_to)
        # A run that restored a version left the rows of the run that it went back to.
        left_by = list(_restored(services, run.table, back_to)) if past else [back_to]
        for run_id in left_by if resolved.table.is_reference else ():
            if kept := target.version(run_id):
                _require_protected_alike(services, resolved, [run_id])
                note = f"restored the version of run {run_id} that the target kept" + (
                    f", as run {back_to} had done" if run_id != back_to else ""
                )
                return _restore(work, resolved, state, kept, run_id, note)
        _require_known(run.table, back_to, past)
        found = layers(services, target, run.table, past)
    origin = _find(services, run.table, left_by[-1])
    _require_protected_alike(services, resolved, [load.run_id for load in past])
    schema = _schema(origin.schema, found)
    runs = "1 run" if len(found) == 1 else f"{len(found)} runs"
    return _manifest(
        work,
        Rewind(run_id=back_to, watermark=past[-1].watermark, layers=found),
        schema=schema,
        epoch=state.epoch,
        snapshot=origin.snapshot,
        is_pinned=origin.is_pinned,
        rows_source=sum(part.rows for layer in found for part in layer.parts),
        protection=resolved.protection,
        notes=(f"rewound to run {back_to}, from the parts of {runs}",),
    )


def layers(
    services: Services, target: Target, table: str, past: Iterable[PastLoad]
) -> tuple[Layer, ...]:
    """Return what the runs did that a table consists of, in their order.

    Raises:
        RewindError: a part, or a manifest, is not kept any more.
    """
    found = tuple(layer for load in past for layer in _layers(services, target, table, load))
    _require_parts(services, table, found)
    return found


def _require_protected_alike(
    services: Services, resolved: ResolvedTable, run_ids: Iterable[str]
) -> None:
    """Make sure that no value comes back that is protected now.

    Raises:
        RewindError: a run staged it in the clear, or protected it otherwise.
    """
    for run_id in run_ids if resolved.protection else ():
        found = services.manifests.find(resolved.table.name, run_id)
        protections.require_rewindable(resolved, found, run_id)


def _restore(
    work: Work,
    resolved: ResolvedTable,
    state: TargetState,
    kept: KeptVersion,
    back_to: str,
    note: str,
) -> Manifest:
    """Return the manifest that brings a version back which the target keeps."""
    return _manifest(
        work,
        Rewind(run_id=back_to, watermark=state.watermark, layers=(), kept_rows=kept.rows),
        schema=kept.schema,
        epoch=state.epoch,
        # The next full load is newer than this, whatever the version's own snapshot was.
        snapshot=state.snapshot or "",
        is_pinned=True,
        rows_source=kept.rows,
        protection=resolved.protection,
        notes=(note,),
    )


def _manifest(work: Work, rewind: Rewind, **given: Any) -> Manifest:
    run, services = work.run, work.services
    return Manifest(
        run_id=run.run_id,
        table=run.table,
        attempt=work.attempt.id,
        mode=SyncMode.FULL,
        window=None,
        parts=(),
        rows_rejected=0,
        config_generation=run.config_generation or 0,
        allow_empty=True,
        rewind=rewind,
        code_version=services.settings.code_version,
        created_at=services.now(),
        **given,
    )


def rebuild(work: Work, target: Target, manifest: Manifest, rewind: Rewind, done: set[str]) -> bool:
    """Stage what is not staged yet; False when there is more than one delivery can do."""
    if rewind.kept_rows is not None and rewind.kept_name not in done:
        target.restage_version(manifest)
    for layer in rewind.layers:
        for part in layer.parts:
            if part.name in done:
                continue
            target.restage(manifest, layer, part, rows_of(work.services, part, layer.schema))
            work.add(part.rows)
            if work.is_out_of_time:
                return False
        if layer.key_parts is not None and layer.keys_name not in done:
            schema = layer.schema.only_key
            keys = chain.from_iterable(
                rows_of(work.services, part, schema) for part in layer.key_parts
            )
            target.restage_keys(manifest, layer, keys)
            if work.is_out_of_time:
                return False
    return True


def is_in_table(run: Run, target: Target, services: Services) -> bool:
    """Say whether the table consists, among others, of a committed run's rows.

    False only where that is certain: a later rewind, or full load, left them out.
    """
    return _may_consist_of(run, target, services, target.state().run_id or "")


def _may_consist_of(run: Run, target: Target, services: Services, after: str) -> bool:
    past = target.lineage(after)
    if not past or run.run_id in {load.run_id for load in past}:
        return True
    base = services.manifests.find(run.table, past[0].run_id)
    if base is None:
        return True
    if base.rewind and base.rewind.kept_rows is not None:
        return _may_consist_of(run, target, services, base.rewind.run_id)
    return bool(base.rewind and run.run_id in {layer.run_id for layer in base.rewind.layers})


def _find(services: Services, table: str, run_id: str) -> Manifest:
    found = services.manifests.find(table, run_id)
    if found is None:
        raise RewindError(
            f"the manifest of run {run_id} of {table} is not kept any more, and the table "
            "consisted of its rows; choose a run after the next full load"
        )
    return found


def _restored(services: Services, table: str, run_id: str) -> Iterator[str]:
    """Yield a run; if it restored a version, also the run that had left that, and so on."""
    yield run_id
    found = services.manifests.find(table, run_id)
    if found and found.rewind and found.rewind.kept_rows is not None:
        yield from _restored(services, table, found.rewind.run_id)


def _require_known(table: str, run_id: str, past: tuple[PastLoad, ...]) -> None:
    if not past:
        raise RewindError(
            f"the target does not know all that {table} consisted of after run {run_id}: the "
            "run was never published there, or nothing before it left a table that is known whole. "
            "Choose a run after a full load"
        )


def _layers(services: Services, target: Target, table: str, load: PastLoad) -> tuple[Layer, ...]:
    found = _find(services, table, load.run_id)
    if found.rewind and found.rewind.kept_rows is not None:
        past = target.lineage(found.rewind.run_id)
        _require_known(table, found.rewind.run_id, past)
        return tuple(layer for each in past for layer in _layers(services, target, table, each))
    if found.rewind:
        return found.rewind.layers
    layer = Layer(
        run_id=found.run_id,
        mode=found.mode,
        schema=found.schema,
        parts=found.parts,
        key_parts=found.key_parts,
    )
    return (layer,)


def _schema(wanted: TableSchema, layers: tuple[Layer, ...]) -> TableSchema:
    """Return the columns of the rewound table; it has no key if rows were ever just appended.

    Raises:
        RewindError: the runs do not fit together.
    """
    for layer in layers:
        for column in layer.schema:
            if column.name in wanted.names and wanted.column(column.name).type != column.type:
                raise RewindError(
                    f"column {column.name} was {column.type} in run {layer.run_id} and "
                    f"{wanted.column(column.name).type} later; choose a run after the next full "
                    "load"
                )
        if layer.schema.primary_key != wanted.primary_key:
            raise RewindError(
                f"the primary key was {list(layer.schema.primary_key)} in run {layer.run_id} and "
                f"{list(wanted.primary_key)} later; choose a run after the next full load"
            )
    modes = {layer.mode for layer in layers}
    if modes >= {SyncMode.APPEND, SyncMode.INCREMENTAL}:
        raise RewindError(
            "some of the runs that the table consisted of appended, others merged; choose a run "
            "after the next full load"
        )
    return TableSchema(wanted.columns) if SyncMode.APPEND in modes else wanted


def _require_parts(services: Services, table: str, layers: tuple[Layer, ...]) -> None:
    """Make sure that every part is there, before the first of them is read.

    Raises:
        RewindError: a part is gone.
    """
    bucket = services.settings.bucket("staging")
    for layer in layers:
        found = services.storage.list(bucket, naming.parts_prefix(table, layer.run_id))
        there = {(info.name, info.generation) for info in found}
        for part in layer.all_parts:
            if (part.name, part.generation) not in there:
                raise RewindError(
                    f"{stored.place(bucket, part.name, part.generation)} is not kept any more, and "
                    "the table consisted of its rows; choose a run after the next full load"
                )
