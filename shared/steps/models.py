"""Models: what a publish asks to be refreshed, and one refresh of one model.

A refresh is a run with a record, an end in the audit log and a receipt. Its record is written by
whoever asks, before the message: if that is lost, the sweep finds a quiet run and asks again. A
publish asks before it is noted as ended, so that no publish ends without having asked.
"""

from contextlib import closing

from shared.config.curated import ResolvedModel
from shared.core import curated
from shared.core.messages import RefreshRequest
from shared.core.modes import SyncMode
from shared.core.runs import Run, RunState, Trigger
from shared.errors import NotStagedError
from shared.steps.attempts import Work, attempt
from shared.targets.curated import Order, Refresh, Refreshed
from shared.wiring import Services

UNCHANGED = "no input was published since the last refresh"


def ask(services: Services, published: Run) -> None:
    """Ask for a refresh of every model that follows a table, or model, that was just published."""
    models, generation = services.models.all()
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


def mode(resolved: ResolvedModel) -> SyncMode:
    """Return how a model's rows become those of its table."""
    is_full = resolved.model.materialised == "full"
    return SyncMode.FULL if is_full else SyncMode.INCREMENTAL


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
        with closing(services.model(resolved)) as target:
            refreshed = target.refresh(_order(work, resolved, generation))
        _finish(work, refreshed)


def _order(work: Work, resolved: ResolvedModel, generation: int) -> Order:
    run = work.run
    return Order(
        run_id=run.run_id,
        attempt=work.attempt.id,
        config_generation=generation,
        code_version=work.services.settings.code_version,
        is_full=run.mode is SyncMode.FULL and mode(resolved) is SyncMode.INCREMENTAL,
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
    ask(work.services, work.run)
    rows = refreshed.receipt.rows_loaded if refreshed.receipt else 0
    work.finish(
        RunState.COMMITTED,
        receipt=refreshed.receipt,
        checks=refreshed.results,
        inputs=dict(refreshed.inputs),
        steps=work.stats(rows, 0),
    )
