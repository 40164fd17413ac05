"""Runs that are asked to go on, once more or again after they had ended."""

from collections.abc import Mapping
from types import MappingProxyType

from shared.core.dead_letters import LetterState
from shared.core.messages import IngestRequest
from shared.core.runs import REPLAYS, Run, RunState, Trigger
from shared.errors import IllegalTransitionError
from shared.steps import resending
from shared.steps.auditing import tell
from shared.steps.handing_on import request_next
from shared.wiring import Services

_ADVICE: Mapping[RunState, str] = MappingProxyType(
    {
        RunState.COMMITTED: "its rows are in the target; `sluice rewind {table} --to {run_id}` "
        "puts the table back as it was then",
        RunState.SKIPPED: "there was nothing to move; `sluice run {table}` asks for a new run",
        RunState.SUPERSEDED: "a later run took its place; `sluice run {table}` asks for a new run",
    }
)


def replay(run: Run, services: Services, by: str = "") -> Run:
    """Bring a run back to where it was before it failed or was set aside, and ask it to go on.

    A run that has not ended is only asked. What is staged is used as it is, and nothing is loaded
    twice: the target knows the run by its id. Its dead letters have had their answer.

    Raises:
        IllegalTransitionError: the run ended well.
    """
    if advice := _ADVICE.get(run.state):
        raise IllegalTransitionError(
            f"run {run.run_id} of {run.table} is {run.state} and needs no replay: "
            f"{advice.format(table=run.table, run_id=run.run_id)}",
            run_id=run.run_id,
        )
    if run.trigger is Trigger.FILE:
        name = IngestRequest.from_key(run.trigger_key).name
        if other := resending.successor(name, services):
            raise IllegalTransitionError(
                f"run {run.run_id} of {run.table} needs no replay: {other} was sent in its place",
                run_id=run.run_id,
            )
    now = services.now()

    def again(current: Run) -> Run:
        return current.again(now, by) if current.state in REPLAYS else current

    brought_back = services.ledger.change(run.table, run.run_id, again)
    tell(brought_back, services)
    request_next(brought_back, services)
    for letter in services.dead_letters.letters(LetterState.OPEN):
        if (letter.table, letter.run_id) == (run.table, run.run_id):
            services.dead_letters.close(letter, LetterState.REPLAYED, now)
    return brought_back
