"""Runs that should have moved by now: asked to go on, and failed once asking is in vain."""

import base64
import logging
from contextlib import closing
from dataclasses import replace

from shared.core import nudges
from shared.core.dead_letters import DeadLetter, letter_id
from shared.core.nudges import Decision
from shared.core.runs import Failure, Nudge, Run, RunState
from shared.errors import SluiceError, StuckRunError
from shared.steps.auditing import tell
from shared.steps.handing_on import request_next
from shared.steps.repairs.dead_letters import fail
from shared.steps.repairs.sweeping import Sweep

log = logging.getLogger(__name__)


def ask_on(sweep: Sweep) -> None:
    """Ask every quiet run to go on; give up one that was asked as often as allowed.

    A run is quiet when its message was lost, or acknowledged without being followed. One whose
    message is a dead letter waits for people; one given up leaves a dead letter of its own.
    """
    services, grace_s = sweep.services, sweep.services.settings.stuck_s
    open_runs = [e for runs in sweep.entries.values() for e in runs.values() if not e.is_terminal]
    for entry in open_runs:
        if sweep.is_over():
            return
        try:
            run = services.ledger.find(entry.table, entry.run_id)
            if run and nudges.is_quiet(run, sweep.now, grace_s):
                _look_after(sweep, run)
        except SluiceError as exc:
            sweep.note(f"run {entry.run_id} of {entry.table}", exc)


def _look_after(sweep: Sweep, run: Run) -> None:
    name = f"{run.table}/{run.run_id}"
    if not _is_configured(sweep, run):
        if run.table in sweep.table_names:
            return  # its configuration cannot be read just now, which is noted elsewhere
        _give_up(sweep, run, "its table is not configured any more")
        return
    progress = _progress(sweep, run)
    decision = nudges.decide(run, progress, sweep.services.settings.max_nudges)
    letter = sweep.waiting.get((run.table, run.run_id))
    if letter and decision is not Decision.WAIT:
        fail(run, letter, sweep.services)
        sweep.given_up.add(name)
        return
    if decision is Decision.GIVE_UP:
        asked = run.nudge.count if run.nudge else 0
        _give_up(sweep, run, f"it was asked {asked} times to go on, and did not move")
        return
    nudge = nudges.noted(run, decision, progress, sweep.now)
    if _note(sweep, run, nudge) and decision is Decision.ASK:
        request_next(run, sweep.services)
        sweep.nudged.add(name)
        log.warning(
            "quiet run asked to go on",
            extra={"table": run.table, "run_id": run.run_id, "nudges": nudge.count},
        )


def _is_configured(sweep: Sweep, run: Run) -> bool:
    if run.is_model:
        return any(each.model.name == run.table for each in sweep.services.models.all()[0])
    return run.table in sweep.tables


def _note(sweep: Sweep, run: Run, nudge: Nudge) -> bool:
    """Leave a note on the run; False when it has moved since it was looked at."""

    def change(current: Run) -> Run:
        return replace(run, nudge=nudge) if current == run else current

    return sweep.services.ledger.change(run.table, run.run_id, change).nudge == nudge


def _progress(sweep: Sweep, run: Run) -> int:
    """Return how many units of a run are done; its record does not tell."""
    services = sweep.services
    if run.state is RunState.EXTRACTING:
        return len(services.manifests.unit_names(run.table, run.run_id))
    if run.state is RunState.LOADING and not run.is_model:
        resolved, _ = sweep.tables[run.table]
        with closing(services.target(resolved)) as target:
            return target.staging_runs().get(run.run_id, 0)
    return 0


def _give_up(sweep: Sweep, run: Run, why: str) -> None:
    letter = _letter(sweep, run, why)
    stuck = StuckRunError(
        f"{run.state} since {run.updated_at:%Y-%m-%d %H:%M:%S} UTC: {why}. Once the cause is gone: "
        f"sluice deadletter replay {letter.letter_id}"
    )
    failure = Failure(error=type(stuck).__name__, message=stuck.message)
    sweep.services.dead_letters.record(letter)

    def change(current: Run) -> Run:
        is_same = current == run
        if not is_same:
            return current
        return current.to(RunState.FAILED, sweep.now, by="sweep", failure=failure)

    tell(sweep.services.ledger.change(run.table, run.run_id, change), sweep.services)
    sweep.given_up.add(f"{run.table}/{run.run_id}")
    log.error("stuck run given up", extra={"table": run.table, "run_id": run.run_id, "why": why})


def _letter(sweep: Sweep, run: Run, why: str) -> DeadLetter:
    request = nudges.next_request(run)
    last_asked_at = run.nudge.at if run.nudge else run.updated_at
    return DeadLetter(
        letter_id=letter_id(f"{run.table} {run.run_id}", last_asked_at),
        topic=request.topic,
        data=base64.b64encode(request.data).decode(),
        attributes=request.attributes,
        published_at=last_asked_at,
        died_at=sweep.now,
        deliveries=0,
        table=run.table,
        run_id=run.run_id,
        reason=f"StuckRunError: {why}",
    )
