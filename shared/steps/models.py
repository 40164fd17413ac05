"""Models: what a publish asks to be refreshed.

The record of a refresh is written by whoever asks, before the message: if that is lost, the sweep
finds a quiet run and asks again. A publish asks before it is noted as ended, so that no publish
ends without having asked.
"""

import logging
from typing import TYPE_CHECKING

from shared.core import curated
from shared.core.messages import RefreshRequest
from shared.core.modes import SyncMode
from shared.core.runs import Run
from shared.errors import PermanentError, QuarantineError
from shared.wiring import Services

if TYPE_CHECKING:
    from shared.config.curated import ResolvedModel

log = logging.getLogger(__name__)


def ask(services: Services, published: Run) -> None:
    """Ask for a refresh of every model that follows a table, or model, that was just published.

    What was published stays so: models that cannot be read are logged, and do not fail its run.
    """
    try:
        models, generation = services.models.all()
    except (PermanentError, QuarantineError) as exc:
        log.error("models were not asked for", extra={"table": published.table, "why": exc.message})
        return
    for resolved in models:
        if published.table in resolved.follows:
            name, how = resolved.model.name, mode(resolved)
            request(services, curated.follow_up(name, published, mode=how, generation=generation))


def request(services: Services, wanted: Run) -> Run:
    """Record a run of a model, unless it is there, and publish the message that begins it."""
    run = services.ledger.open(wanted)
    if not run.is_terminal:
        message = RefreshRequest(model=run.table, run_id=run.run_id)
        services.bus.publish(services.settings.topic("load"), message.encode())
    return run


def mode(resolved: "ResolvedModel") -> SyncMode:
    """Return how a model's rows become those of its table."""
    is_full = resolved.model.materialised == "full"
    return SyncMode.FULL if is_full else SyncMode.INCREMENTAL
