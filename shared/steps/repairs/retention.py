"""Retention: what a table keeps for less long than its buckets do, and what nobody may delete.

A table under legal hold has a hold on each of its objects, which stops life cycles and people too.
The sweep alone puts it there and takes it away; holds of others are left as they are.
"""

from collections.abc import Iterator
from datetime import timedelta

from shared.config.tables import TableConfig
from shared.core import naming, retention
from shared.core.retention import ListedRun, Needs
from shared.errors import SluiceError
from shared.steps.repairs.sweeping import Sweep
from shared.storage import HOLD_NOTE, ObjectInfo

HELD = (
    ("raw", ""),
    ("quarantine", ""),
    ("staging", naming.PARTS),
    ("staging", naming.MANIFESTS),
)
"""Zones where objects are held, and what comes before the table's folder there.

Not the landing bucket: whoever drops files may replace them, and the raw zone has each as it was.
"""

LEGAL = "legal-hold"
"""The note on a hold that is ours."""


def enforce(sweep: Sweep) -> None:
    """Hold, release and delete what the table files say; now and then, and when a hold changes.

    A table whose configuration is gone, or cannot be read, keeps the holds that it has.
    """
    before = set(sweep.previous.held_tables) if sweep.previous else set()
    wanted = {name for name, (table, _) in sweep.tables.items() if table.table.legal_hold}
    wanted |= before - sweep.tables.keys()
    every_s = sweep.services.settings.collect_s
    is_recent = sweep.retained_at and not sweep.is_older(sweep.retained_at, every_s)
    if is_recent and wanted == before:
        return
    sweep.retained_at, sweep.held_tables = None, before | wanted
    for name, (resolved, _) in sorted(sweep.tables.items()):
        if sweep.is_over():
            return  # the next sweep begins anew, and finds less to do
        try:
            _look_after(sweep, resolved.table, was_held=name in before)
        except SluiceError as exc:
            sweep.note(f"retention of {name}", exc)
    sweep.retained_at, sweep.held_tables = sweep.now, wanted


def _look_after(sweep: Sweep, table: TableConfig, *, was_held: bool) -> None:
    if table.legal_hold:
        _hold(sweep, table.name)
        return
    if was_held:
        _release(sweep, table.name)
    ages = {zone: getattr(table.retention, name) for name, zone in retention.ZONE_OF_AGE.items()}
    limits = {zone: age for zone, age in ages.items() if age is not None}
    if limits:
        _expire(sweep, table, limits)


def _hold(sweep: Sweep, table: str) -> None:
    """Hold what ended runs left: a run under way may have to meet what it wrote before."""
    entries = sweep.entries.get(table, {})
    opened = {run_id for run_id, entry in entries.items() if not entry.is_terminal}
    for info in _objects(sweep, table):
        if not info.is_held and naming.run_within(info.name) not in opened:
            sweep.services.storage.hold(info, LEGAL)
            sweep.held.add(info.place)


def _release(sweep: Sweep, table: str) -> None:
    for info in _objects(sweep, table):
        if info.is_held and info.metadata.get(HOLD_NOTE) == LEGAL:
            sweep.services.storage.hold(info, None)
            sweep.released.add(info.place)


def _objects(sweep: Sweep, table: str) -> Iterator[ObjectInfo]:
    storage, settings = sweep.services.storage, sweep.services.settings
    for zone, folder in HELD:
        yield from storage.list(settings.bucket(zone), f"{folder}{table}/")


def _expire(sweep: Sweep, table: TableConfig, limits: dict[str, timedelta]) -> None:
    needed = _needs(sweep, table)
    for zone, age in limits.items():
        lately = _lately_read(sweep, table.name, age) if zone == "staging" else set()
        for info in _kept(sweep, zone, table.name):
            is_old = sweep.now - info.created_at >= age
            is_needed = naming.run_within(info.name) in lately or needed.keeps(info.name, zone)
            if is_old and not info.is_held and not is_needed:
                sweep.delete(info, sweep.expired)


def _lately_read(sweep: Sweep, table: str, age: timedelta) -> set[str]:
    """Return the runs with an outcome of a unit that is kept: so are their plan and their parts."""
    bucket = sweep.services.settings.bucket("staging")
    outcomes = sweep.services.storage.list(bucket, f"units/{table}/")
    return {naming.run_within(o.name) for o in outcomes if sweep.now - o.created_at < age}


def _kept(sweep: Sweep, zone: str, table: str) -> Iterator[ObjectInfo]:
    """Yield what retention goes by the age of; plans and units tell ends of key ranges."""
    bucket = sweep.services.settings.bucket(zone)
    folders = [naming.zone_prefix(zone, table)]
    if zone == "staging":
        folders = [
            naming.unloaded_prefix(table),
            naming.units_prefix(table),
            naming.plans_prefix(table),
            *folders,
        ]
    for folder in folders:
        yield from sweep.services.storage.list(bucket, folder)


def _needs(sweep: Sweep, table: TableConfig) -> Needs:
    waiting = {run_id for name, run_id in sweep.waiting if name == table.name}
    listed = (
        ListedRun(run_id=e.run_id, state=e.state, is_repair=e.is_repair)
        for e in sweep.entries.get(table.name, {}).values()
    )
    versions = table.keep_versions if table.is_reference else None
    return retention.needs(listed, waiting, versions)
