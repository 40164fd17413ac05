"""Freshness: a table with a schedule should have moved, or have had nothing to move, by now."""

import logging

from shared.config import schedule
from shared.core.sweeps import StaleTable
from shared.staleness import due_since, is_stale, last_success
from shared.steps.repairs.sweeping import Sweep

log = logging.getLogger(__name__)


def check(sweep: Sweep) -> None:
    """Report every table whose newest success is older than the slot before the last one."""
    for name, (resolved, generation) in sweep.tables.items():
        if resolved.table.schedule == schedule.MANUAL:
            continue
        due = due_since(resolved, sweep.now)
        last = last_success(sweep.entries.get(name, {}).values())
        if is_stale(due, last, generation):
            sweep.stale.append(StaleTable(table=name, due_since=due, last_success=last))
            log.warning(
                "table is stale",
                extra={
                    "table": name,
                    "schedule": resolved.table.schedule,
                    "due_since": due.isoformat(),
                    "last_success": last.isoformat() if last else None,
                },
            )
