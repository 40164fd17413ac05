"""Runs that somebody asks for: of a table as it is, of a part of it, or back to an earlier state.

Asking twice with the same request id and moment finds the same run, so an answer that was lost
costs nothing.
"""

from dataclasses import dataclass
from datetime import datetime

from shared.core import naming
from shared.core import runs as identity
from shared.core.messages import ExtractRequest
from shared.core.modes import SyncMode
from shared.core.runs import Failure, Run, RunState, Trigger
from shared.core.windows import Span, require_some_span
from shared.errors import IllegalTransitionError, InvalidConfigError, RunCancelledError
from shared.operations import choosing
from shared.operations.lookups import find_run
from shared.steps import auditing, handing_on
from shared.wiring import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What makes a request one of a kind: asking again with the same is asking once."""

    request_id: str
    at: datetime
    by: str
    """Who asks, for the audit log."""


def run(
    services: Services,
    table: str,
    ask: Ask,
    *,
    mode: SyncMode | None = None,
    allow_empty: bool = False,
) -> str:
    """Ask for a run of a table now; return the id that it will have.

    Raises:
        UnknownTableError: the table is not configured.
        InvalidConfigError: it is read from files, or has no such mode.
    """
    resolved, _ = services.config.get(table)
    if resolved.table.is_of_files:
        raise InvalidConfigError(f"{table} comes from files; drop one under {table}/ instead")
    try:
        resolved.table.mode_of_run(mode)
    except ValueError as exc:
        raise InvalidConfigError(str(exc)) from exc
    return _publish(
        services,
        ExtractRequest(
            table=table,
            published_at=ask.at,
            mode=mode,
            request_id=ask.request_id,
            requested_by=ask.by,
            allow_empty=allow_empty,
        ),
    )


def backfill(services: Services, table: str, ask: Ask, span: Span) -> str:
    """Ask for a part of a merged table to be read again; return the run's id.

    Raises:
        UnknownTableError: the table is not configured.
        InvalidConfigError: no part of it can be read again.
        InvalidMessageError: the span holds nothing.
    """
    resolved, _ = services.config.get(table)
    try:
        resolved.table.require_backfill()
    except ValueError as exc:
        raise InvalidConfigError(str(exc)) from exc
    require_some_span(span)
    return _publish(
        services,
        ExtractRequest(
            table=table,
            published_at=ask.at,
            request_id=ask.request_id,
            requested_by=ask.by,
            span=span,
        ),
    )


def rewindable(services: Services, table: str, to: str) -> Run:
    """Return the run that a table may go back to, by its id or the beginning of it.

    Raises:
        UnknownTableError: the table is not configured.
        InvalidMessageError: no such run, or it never committed.
    """
    services.config.get(table)
    chosen = find_run(services, to, table=table)
    choosing.require_committed(chosen)
    return chosen


def restorable(services: Services, table: str, version: str) -> Run | None:
    """Return the run whose version a reference table may go back to.

    Args:
        services: where to look.
        table: its name.
        version: the run's id or the beginning of it; empty: the last but one; ``NO_RUN``: what was
            there before the first run, for which None is returned.

    Raises:
        UnknownTableError: the table is not configured.
        InvalidMessageError: the target keeps no versions of it, or there is no such run.
    """
    resolved, _ = services.config.get(table)
    choosing.require_reference(resolved.table)
    if version == naming.NO_RUN:
        return None
    if version:
        return find_run(services, version, table=table)
    return choosing.last_but_one(services.ledger.runs(table), table)


def go_back(services: Services, table: str, ask: Ask, to: str) -> str:
    """Ask for a table as it was after a run; return the id of the run that does it."""
    return _publish(
        services,
        ExtractRequest(
            table=table,
            published_at=ask.at,
            request_id=ask.request_id,
            requested_by=ask.by,
            rewind_to=to,
        ),
    )


def cancel(services: Services, wanted: Run, by: str) -> Run:
    """Fail a run that has not ended, so that no step goes on with it; return its record.

    A step that is at work finds out when it next writes to the record. The target alone decides
    what is visible: a publish that is under way may still commit, and the run is then committed.

    Raises:
        IllegalTransitionError: the run has ended.
    """
    at = services.now()
    cancelled = RunCancelledError(
        f"cancelled by {by}; `sluice replay {wanted.run_id}` lets it go on from where it was"
    )
    failure = Failure(error=type(cancelled).__name__, message=cancelled.message)

    def change(current: Run) -> Run:
        if current.is_terminal:
            raise IllegalTransitionError(
                f"run {current.run_id} of {current.table} is {current.state}: it has ended, and "
                "there is nothing to cancel",
                run_id=current.run_id,
            )
        return current.to(RunState.FAILED, at, by=by, failure=failure)

    changed = services.ledger.change(wanted.table, wanted.run_id, change)
    auditing.tell(changed, services)
    return changed


def _publish(services: Services, request: ExtractRequest) -> str:
    run_id = identity.run_id(
        request.table, Trigger.REQUEST, request.request_id or "", request.published_at
    )
    handing_on.publish(services, "extract", request.encode(), run_id=run_id)
    return run_id
