"""The matrix: every point of a clean run of every lane, times all that may go wrong there."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from local.faultpoints.boards import Fault, MemoryBoard, Seen
from local.faultpoints.points import Action, Moment
from tests.crash.judging import Trouble, judge, known_runs
from tests.crash.lanes import Lane, find
from tests.crash.platform import Platform
from tests.crash.tracks import Track

AT_FIRST = ((Moment.BEFORE, Action.KILL), (Moment.BEFORE, Action.PAUSE))
"""Later, before an I/O is after the one before it: nothing between the two can be seen outside."""

AT_EACH = (
    (Moment.BEFORE, Action.FAIL),
    (Moment.AFTER, Action.KILL),
    (Moment.AFTER, Action.PAUSE),
    (Moment.AFTER, Action.LOSE),
)
AT_REQUEST = (
    (Moment.BEFORE, Action.FAIL),
    (Moment.BEFORE, Action.UNAVAILABLE),
    (Moment.AFTER, Action.LOSE),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One lane and what goes wrong in it."""

    lane: str
    faults: tuple[Fault, ...]

    def __str__(self) -> str:
        """Name it in one line."""
        return f"{self.lane}: {' then '.join(map(str, self.faults)) or 'nothing'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a case ended: nothing in ``troubles`` is well."""

    case: Case
    troubles: dict[Trouble, str]
    is_absorbed: bool = False
    """The delivery that met the fault ended well by itself."""
    is_met: bool = True
    """The delivery came to the point."""
    litter: int = 0
    """Staging tables that stay until they are swept."""


def cases(lane: Lane, seen: Iterable[Seen]) -> Iterator[Case]:
    """Yield every case of a lane from the points of its clean run."""
    points = list(dict.fromkeys((s.point.step, str(s.point), s.point.seam, s.inside) for s in seen))
    requests = Counter((step, str(inside)) for step, _, seam, inside in points if seam == "http")
    begun: set[str] = set()
    for step, name, seam, inside in points:
        moments: tuple[tuple[Moment, Action], ...] = AT_EACH
        if step not in begun:
            moments = AT_FIRST + AT_EACH
        if seam == "http":
            # A lone request is its I/O: killing after it is killing after that.
            is_alone = requests[step, str(inside)] == 1
            moments = AT_REQUEST if is_alone else tuple(dict.fromkeys(AT_EACH + AT_REQUEST))
        begun.add(step)
        for moment, action in moments:
            fault = Fault(step=step, point=name, moment=moment, action=action)
            yield Case(lane=lane.name, faults=(fault,))


def matrix(recorded: Mapping[str, Iterable[Seen]]) -> Iterator[Case]:
    """Yield the cases of several lanes: all of their loads, and no point of another step twice.

    How rows are published depends on the lane. What is done before is the same in each, so a point
    there is played in the first lane that comes to it.

    Args:
        recorded: the points of the clean run of each lane, by its name.
    """
    played: set[tuple[str, str, Moment, Action]] = set()
    for name, seen in recorded.items():
        for case in cases(find(name), seen):
            (fault,) = case.faults
            key = (fault.step, fault.point, fault.moment, fault.action)
            if key not in played or fault.step.startswith("load"):
                yield case
            played.add(key)


def play(track: Track, case: Case) -> Verdict:
    """Change the source, let it go wrong, let the platform do its part, and judge."""
    track.get_ready()
    records_before, litter_before = known_runs(track), track.staging_tables()
    message = track.change()
    before = track.look()
    reader = track.read()
    board = MemoryBoard(*case.faults)
    platform = Platform(track, random.Random(str(case)))
    platform.begin(message, board)
    is_met = board.is_used_up
    is_in_time = platform.redeliver()
    troubles = judge(track, records_before)
    platform.repeat()
    troubles = {**judge(track, records_before), **troubles}
    seen = reader.stop()
    after = track.look()
    if not is_met:
        troubles[Trouble.BOOKS] = f"the point was not come to: {case}"
    if not is_in_time:
        troubles[Trouble.STUCK] = "a message was never acknowledged"
    if strange := seen - {before, after} - track.between(before):
        troubles[Trouble.PARTIAL] = f"a reader saw {strange}"
    return Verdict(
        case=case,
        troubles=troubles,
        is_absorbed=platform.is_absorbed,
        is_met=is_met,
        litter=track.staging_tables() - litter_before,
    )


def record(track: Track) -> list[Seen]:
    """Run a change through without a fault and return the points, in order."""
    board = MemoryBoard()
    track.get_ready()
    before = known_runs(track)
    platform = Platform(track, random.Random(0))
    platform.begin(track.change(), board)
    assert platform.redeliver(), f"{track.lane.name}: a message was never acknowledged"
    troubles = judge(track, before)
    assert not troubles, f"{track.lane.name}: a run without a fault: {troubles}"
    return board.seen
