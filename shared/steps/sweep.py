"""Sweep: finds what was lost or left behind, repairs it, and reports what people should see.

Nothing here decides what becomes visible. A repair is a request published once more, which every
step answers with what is left to do, or the end of something that nothing can use any more.
"""

import logging

from shared.core.dead_letters import DeadLetter
from shared.core.messages import SweepRequest
from shared.errors import SluiceError
from shared.steps.repairs import (
    audit,
    dead_letters,
    freshness,
    lost_events,
    orphans,
    retention,
    slots,
    stuck_runs,
)
from shared.steps.repairs.sweeping import Repair, Sweep
from shared.wiring import Services

REPAIRS: tuple[Repair, ...] = (
    dead_letters.settle,
    stuck_runs.ask_on,
    lost_events.announce,
    slots.ask,
    freshness.check,
    retention.enforce,
    orphans.collect,
    audit.complete,
)

log = logging.getLogger(__name__)


def sweep(request: SweepRequest | DeadLetter, services: Services) -> None:
    """Do one round of repairs and write the report; or take in one dead letter.

    A repair that fails is noted in the report, and the others are done all the same: the next
    sweep is a few minutes away.
    """
    if isinstance(request, DeadLetter):
        dead_letters.receive(request, services)
        return
    this = Sweep(services)
    for repair in REPAIRS:
        try:
            repair(this)
        except SluiceError as exc:
            this.note(repair.__module__.rpartition(".")[2], exc)
    report = this.report()
    audit.tell(this, report)
    for problem in report.problems:
        log.warning("could not be looked after", extra={"why": problem})
    log.info("swept", extra={"duration_s": report.duration_s, "open_runs": report.open_runs})
