"""Dead letters that somebody decides about, other than by asking for them once more."""

from shared.core import naming
from shared.core.audit import MAX_TEXT, Event
from shared.core.dead_letters import DeadLetter, LetterState
from shared.wiring import Services


def drop(letter: DeadLetter, services: Services, by: str) -> None:
    """Decide that a letter is not needed; its run stays failed.

    The audit log is told first: of a closed letter nobody would tell later.
    """
    is_table = naming.TABLE_NAME.fullmatch(letter.table)
    event = Event(
        table=letter.table if is_table else naming.NO_TABLE,
        event_id=f"deadletter/{letter.letter_id}/dropped",
        kind="deadletter.dropped",
        at=services.now(),
        by=by[:MAX_TEXT],
        run_id=letter.run_id,
        why=letter.reason[:MAX_TEXT],
    )
    services.audit.append(event)
    services.dead_letters.close(letter, LetterState.DROPPED, services.now())
