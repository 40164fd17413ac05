"""Dead letters: recorded as they come, shown on their run, replayed once, settled when moot."""

import logging
from contextlib import suppress
from dataclasses import replace

from shared.config import schedule
from shared.core import naming, runs
from shared.core.dead_letters import DeadLetter, LetterState
from shared.core.messages import (
    IngestRequest,
    RefreshRequest,
    UnitRequest,
    decode_extract,
    decode_load,
)
from shared.core.runs import TERMINAL, Failure, Run, RunState, Trigger
from shared.errors import DeadLetterError, InvalidMessageError, UnknownTableError
from shared.steps.auditing import tell
from shared.steps.extract import requested
from shared.steps.repairs import replays
from shared.steps.repairs.sweeping import Sweep
from shared.wiring import Services

log = logging.getLogger(__name__)


def receive(letter: DeadLetter, services: Services) -> None:
    """Keep a dead letter, and let its run show that it waits for people, if that is certain.

    It is when the last attempt failed and nobody works on the run. Otherwise the message may have
    died because another delivery was busy with the run, and the next sweeps find out.
    """
    named = find_run(letter, services)
    run = services.ledger.find(*named) if named else None
    if run and _is_well(run.state):
        log.info("dead letter of a run that ended well", extra=_facts(letter))
        return
    kept = services.dead_letters.record(_explained(letter, named, run))
    log.error("dead letter", extra={**_facts(kept), "why": kept.reason})
    if run and run.failure and not run.is_terminal and kept.is_open:
        fail(run, kept, services)


def settle(sweep: Sweep) -> None:
    """Close the letters whose run ended well since; count the others."""
    for letter in sweep.open_letters:
        entry = sweep.entries.get(letter.table, {}).get(letter.run_id)
        if entry and _is_well(entry.state):
            sweep.services.dead_letters.close(letter, LetterState.SETTLED, sweep.now)
        else:
            sweep.dead_letters.add(letter.letter_id)


def replay(letter: DeadLetter, services: Services, by: str = "") -> LetterState:
    """Ask once more for what a dead letter asked for; return what became of the letter.

    A run that failed is brought back and asked to go on from where it was: its other messages may
    have been acknowledged for nothing while it was failed. A message that names no run is published
    again as it was. A run that ended well needs nothing, one that goes on already needs nothing
    either. Published first and closed afterwards: a second time is harmless, none at all is not.
    """
    now = services.now()
    named = find_run(letter, services)
    run = services.ledger.find(*named) if named else None
    if run and _is_well(run.state):
        services.dead_letters.close(letter, LetterState.SETTLED, now)
        return LetterState.SETTLED
    if run is None:
        message, topic = letter.message(), services.settings.topic(letter.topic)
        services.bus.publish(topic, message.data, message.attributes)
    elif run.state is RunState.FAILED:
        replays.replay(run, services, by)
    services.dead_letters.close(letter, LetterState.REPLAYED, now)
    return LetterState.REPLAYED


def fail(run: Run, letter: DeadLetter, services: Services) -> None:
    """Let a run show that it waits for people, unless somebody works on it or it has moved."""
    now = services.now()

    def change(current: Run) -> Run:
        if current != run or current.is_held(now):
            return current
        return current.to(RunState.FAILED, now, by="sweep", failure=_failure(current, letter))

    failed = services.ledger.change(run.table, run.run_id, change)
    if failed.is_terminal:
        tell(failed, services)


def find_run(letter: DeadLetter, services: Services) -> tuple[str, str] | None:
    """Return table and run id of the run that a letter is about; None when it names none."""
    if letter.table and letter.run_id:
        return letter.table, letter.run_id
    with suppress(InvalidMessageError, UnknownTableError):
        if letter.topic == "extract":
            return _extracted(letter, services)
        if letter.topic == "ingest":
            return file_run(IngestRequest.decode(letter.message()))
        if letter.topic == "load":
            load = decode_load(letter.message())
            name = load.model if isinstance(load, RefreshRequest) else load.table
            return name, load.run_id
    return None


def file_run(request: IngestRequest) -> tuple[str, str] | None:
    """Return table and run id of a dropped file; None when it lies in no table's folder."""
    table = naming.landing_table(request.name)
    if table is None:
        return None
    return table, runs.run_id(table, Trigger.FILE, request.key, request.announced_at)


def _extracted(letter: DeadLetter, services: Services) -> tuple[str, str] | None:
    request = decode_extract(letter.message())
    if isinstance(request, UnitRequest) or request.run_id:
        return request.table, request.run_id or ""
    resolved, generation = services.config.get(request.table)
    if not request.request_id and resolved.table.schedule == schedule.MANUAL:
        return None  # its run is named after the id of the message, and that is lost
    return request.table, requested(request, resolved, generation, services).run_id


def _explained(letter: DeadLetter, named: tuple[str, str] | None, run: Run | None) -> DeadLetter:
    table, run_id = named or ("", "")
    failure = run.failure if run else None
    reason = f"{failure.error}: {failure.message}" if failure else ""
    return replace(letter, table=table, run_id=run_id, reason=reason)


def _is_well(state: RunState) -> bool:
    return state in TERMINAL and state is not RunState.FAILED


def _failure(run: Run, letter: DeadLetter) -> Failure:
    unknown = DeadLetterError("no attempt could write down why; the function's log says it")
    last = run.failure or Failure(error=type(unknown).__name__, message=unknown.message)
    advice = (
        f"given up after {letter.deliveries} deliveries; once the cause is gone: "
        f"sluice deadletter replay {letter.letter_id}"
    )
    return Failure(error=last.error, message=f"{last.message}; {advice}", facts=last.facts)


def _facts(letter: DeadLetter) -> dict[str, object]:
    return {
        "letter_id": letter.letter_id,
        "topic": letter.topic,
        "table": letter.table,
        "run_id": letter.run_id,
        "deliveries": letter.deliveries,
    }
