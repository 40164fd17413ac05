"""Slots of tables that came through the API: nobody makes a Scheduler job for them.

The right to make jobs is one over all jobs of a project, which the API does not get. The sweep,
which may ask for runs anyway, asks for such a table's slot within minutes of it.
"""

import logging

from shared.config import schedule
from shared.config.store import Origin
from shared.config.tables import TableConfig
from shared.core import runs
from shared.core.messages import ExtractRequest
from shared.core.runs import Trigger
from shared.steps.repairs.sweeping import Sweep

log = logging.getLogger(__name__)


def ask(sweep: Sweep) -> None:
    """Ask for the last slot of each such table, unless it has a run already.

    Asked twice, a slot finds the same run. A slot from before the table was configured is none.
    """
    services = sweep.services
    for name, (resolved, generation) in sweep.tables.items():
        table = resolved.table
        if sweep.origins[name] is not Origin.API or table.schedule == schedule.MANUAL:
            continue
        if _is_due(sweep, table, generation):
            request = ExtractRequest(table=name, published_at=sweep.now)
            services.bus.publish(services.settings.topic("extract"), request.encode())
            sweep.asked.add(name)
            log.info("slot of a table of the API asked for", extra={"table": name})


def _is_due(sweep: Sweep, table: TableConfig, generation: int) -> bool:
    slot = schedule.slot(table.schedule, table.time_zone, sweep.now)
    run_id = runs.run_id(table.name, Trigger.SCHEDULE, slot.isoformat(), slot)
    # A generation counts microseconds.
    is_known = slot.timestamp() * 1e6 >= generation
    return is_known and run_id not in sweep.entries.get(table.name, {})
