"""The matrix notices a protocol that is broken: each mistake is one that could be made."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from local.faultpoints.boards import Fault
from local.faultpoints.points import Action, Moment
from shared.targets.relational import bookkeeping
from shared.targets.relational.changes import Changes
from tests.crash import functions, platform
from tests.crash.judging import Trouble
from tests.crash.lab import Lab
from tests.crash.matrix import Case

Patch = tuple[Any, str, Callable[..., Any]]


def state_in_a_transaction_of_its_own() -> Patch:
    """Commit the rows before the row that says how far the table is."""
    record = bookkeeping.record

    def mistaken(cursor: Any, *args: Any) -> None:
        cursor._link._connection.commit()
        record(cursor, *args)

    return bookkeeping, "record", mistaken


def rows_deleted_in_a_transaction_of_their_own() -> Patch:
    """Commit the rows that are gone before those that come."""
    take_out = Changes._take_out

    def mistaken(changes: Any, statement: Any) -> int:
        deleted = take_out(changes, statement)
        changes._cursor._link._connection.commit()
        return deleted

    return Changes, "_take_out", mistaken


def acknowledged_before_the_work() -> Patch:
    """Tell Pub/Sub to forget the message, whatever happens then."""
    serve = functions.serve

    def mistaken(*args: Any) -> bool:
        serve(*args)
        return True

    return platform, "serve", mistaken


def no_look_at_what_is_committed() -> Patch:
    """Load without asking whether the run was published before."""

    def mistaken(cursor: Any, *args: Any, **kwargs: Any) -> Any:
        return None

    return bookkeeping, "read_load", mistaken


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """A mistake, the case that shows it, and how."""

    make: Callable[[], Patch]
    lane: str
    point: str
    moment: Moment
    action: Action
    trouble: Trouble

    @property
    def case(self) -> Case:
        """Return the case."""
        fault = Fault(step="load", point=self.point, moment=self.moment, action=self.action)
        return Case(lane=self.lane, faults=(fault,))


MISTAKES = (
    Mistake(
        make=state_in_a_transaction_of_its_own,
        lane="append",
        point="postgres: UPDATE _sluice.state",
        moment=Moment.AFTER,
        action=Action.KILL,
        trouble=Trouble.DUPLICATED,
    ),
    Mistake(
        make=rows_deleted_in_a_transaction_of_their_own,
        lane="full, by key",
        point="postgres: UPDATE table, differences, staged rows",
        moment=Moment.AFTER,
        action=Action.PAUSE,
        trouble=Trouble.PARTIAL,
    ),
    Mistake(
        make=acknowledged_before_the_work,
        lane="append",
        point="postgres: COPY table",
        moment=Moment.AFTER,
        action=Action.KILL,
        trouble=Trouble.LOST,
    ),
    Mistake(
        make=no_look_at_what_is_committed,
        lane="append",
        point="postgres: COMMIT transaction #3",
        moment=Moment.AFTER,
        action=Action.KILL,
        trouble=Trouble.STUCK,
    ),
)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.make.__name__)
def test_mistake_in_the_protocol_is_noticed(
    lab: Lab, mistake: Mistake, monkeypatch: pytest.MonkeyPatch
) -> None:
    (sound,) = lab.play([mistake.case])
    monkeypatch.setattr(*mistake.make())

    (broken,) = lab.play([mistake.case])

    assert sound.troubles == {}
    assert mistake.trouble in broken.troubles
