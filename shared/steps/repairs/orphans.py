"""Orphans: staged objects and staging tables that nothing can use again, removed after a while."""

import logging
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from itertools import groupby

from shared.config.tables import ResolvedTable
from shared.core import naming, sweeps
from shared.errors import SluiceError
from shared.steps.repairs.sweeping import Sweep
from shared.storage import ObjectInfo

PREFIXES = (naming.UNITS, naming.PLANS, naming.UNLOADED, naming.PARTS)
"""In the order of removal, against the order of growth: what is left never names what is gone."""

log = logging.getLogger(__name__)


def collect(sweep: Sweep) -> None:
    """Remove orphans, now and then; a search that one sweep cannot finish goes on in the next.

    Never a manifest, and never a part that a manifest names: those are kept for replays.
    """
    is_begun = bool(sweep.collected_upto)
    every_s = sweep.services.settings.collect_s
    if not is_begun and sweep.collected_at and not sweep.is_older(sweep.collected_at, every_s):
        return
    if not is_begun:
        _drop_staging_tables(sweep)
        _forget_letters(sweep)
    sweep.collected_upto = _delete_objects(sweep, sweep.collected_upto)
    if not sweep.collected_upto:
        sweep.collected_at = sweep.now


def _delete_objects(sweep: Sweep, start: str) -> str:
    """Delete what is orphaned from a name on; return where to go on, or nothing at the end."""
    wanted = sweep.waiting
    bucket = sweep.services.settings.bucket("staging")
    for prefix in PREFIXES[_position(start) :]:
        begin = start if start.startswith(prefix) else ""
        objects = sweep.services.storage.list(bucket, prefix, start=begin)
        for run, group in groupby(objects, key=lambda o: naming.run_of(o.name)):
            age_s = sweep.services.settings.orphan_s
            old = [o for o in group if sweep.is_older(o.created_at, age_s) and not o.is_held]
            if old and sweep.is_over():
                return old[0].name
            for orphan in _orphans(sweep, run, old, is_wanted=run in wanted):
                sweep.delete(orphan, sweep.deleted)
    return ""


def _orphans(
    sweep: Sweep, run: tuple[str, str], old: list[ObjectInfo], *, is_wanted: bool
) -> Iterator[ObjectInfo]:
    if not old:
        return
    entry = sweep.entries.get(run[0], {}).get(run[1])
    manifest = sweep.services.manifests.find(*run)
    parts = frozenset(p.name for p in manifest.all_parts) if manifest else None
    state = entry.state if entry else None
    found = [o for o in old if sweeps.is_orphan(o.name, state, parts, is_wanted=is_wanted)]
    if manifest or not found or not _is_named(sweep, run, found[0].name):
        yield from found


def _is_named(sweep: Sweep, run: tuple[str, str], name: str) -> bool:
    """Say whether anything is left of a run that may name an object of it: a replay would go on."""
    bucket = sweep.services.settings.bucket("staging")
    places = ("/".join((prefix.rstrip("/"), *run)) for prefix in PREFIXES[: _position(name)])
    return any(any(sweep.services.storage.list(bucket, place, page_size=1)) for place in places)


def _position(start: str) -> int:
    return next((i for i, prefix in enumerate(PREFIXES) if start.startswith(prefix)), 0)


def _forget_letters(sweep: Sweep) -> None:
    """Delete the records of dead letters that were decided about long ago."""
    letters = sweep.services.dead_letters
    for info in letters.decided(sweep.now - timedelta(seconds=sweep.services.settings.orphan_s)):
        sweep.delete(info, sweep.deleted)


def _drop_staging_tables(sweep: Sweep) -> None:
    """Drop the staging tables of runs that have ended; tables of unknown runs are left alone."""
    ended = {
        entry.run_id: entry.table
        for runs in sweep.entries.values()
        for entry in runs.values()
        if entry.is_terminal and sweep.is_older(entry.written_at, sweep.services.settings.stuck_s)
    }
    for resolved in _one_per_target(sweep):
        try:
            _drop(sweep, resolved, ended)
        except SluiceError as exc:
            sweep.note(f"staging tables in the target of {resolved.table.name}", exc)


def _drop(sweep: Sweep, resolved: ResolvedTable, ended: dict[str, str]) -> None:
    with closing(sweep.services.target(resolved)) as target:
        for run_id in target.staging_runs():
            table = ended.get(run_id)
            manifest = sweep.services.manifests.find(table, run_id) if table else None
            if manifest:
                target.discard(manifest)
                sweep.dropped.add(f"{table}/{run_id}")


def _one_per_target(sweep: Sweep) -> list[ResolvedTable]:
    """Return one table of each target: all tables of a target share its staging tables' schema."""
    tables = {}
    for resolved, _ in sweep.tables.values():
        kind = resolved.table.target_kind
        tables[kind, repr(getattr(resolved.connections, kind))] = resolved
    return list(tables.values())
