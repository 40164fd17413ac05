"""Refresh: one model, its rows made from its inputs in one transaction of the target.

A refresh is a run with a record, an end in the audit log, lineage and a receipt.
"""

from contextlib import closing
from typing import TYPE_CHECKING

from shared.core.messages import RefreshRequest
from shared.core.modes import SyncMode
from shared.core.runs import RunState, Trigger
from shared.errors import NotStagedError
from shared.steps import models
from shared.steps.attempts import Work, attempt
from shared.steps.renewing import renewed
from shared.targets.curated import Order, Refresh, Refreshed
from shared.wiring import Services

if TYPE_CHECKING:
    from shared.config.curated import ResolvedModel

UNCHANGED = "no input was published since the last refresh"


def refresh(request: RefreshRequest, services: Services) -> None:
    """Refresh a model once; a repeated request finds that it is done.

    Raises:
        NotStagedError: the request overtook the run's record.
    """
    run = services.ledger.find(request.model, request.run_id)
    if run is None:
        raise NotStagedError(
            f"run {request.run_id} of model {request.model} has no record yet",
            run_id=request.run_id,
        )
    if run.is_terminal:
        return
    with attempt(services, run, "refresh", RunState.LOADING) as work:
        resolved, generation = services.models.get(request.model)
        with closing(services.model(resolved)) as target, renewed(work) as confirm:
            refreshed = target.refresh(_order(work, resolved, generation), confirm)
        _finish(work, refreshed)


def _order(work: Work, resolved: "ResolvedModel", generation: int) -> Order:
    run = work.run
    return Order(
        run_id=run.run_id,
        attempt=work.attempt.id,
        config_generation=generation,
        code_version=work.services.settings.code_version,
        is_full=run.mode is SyncMode.FULL and models.mode(resolved) is SyncMode.INCREMENTAL,
        is_asked_for=run.trigger is Trigger.REQUEST,
    )


def _finish(work: Work, refreshed: Refreshed) -> None:
    if refreshed.outcome is Refresh.UNCHANGED:
        work.finish(RunState.SKIPPED, reason=UNCHANGED)
        return
    if refreshed.outcome is Refresh.WAITING:
        missing = ", ".join(refreshed.missing)
        work.finish(RunState.SKIPPED, reason=f"nothing was published of {missing} yet")
        return
    models.ask(work.services, work.run)
    rows = refreshed.receipt.rows_loaded if refreshed.receipt else 0
    work.finish(
        RunState.COMMITTED,
        receipt=refreshed.receipt,
        checks=refreshed.results,
        inputs=dict(refreshed.inputs),
        steps=work.stats(rows, 0),
    )
