"""One delivery under watch: it counts its I/Os and meets its faults.

Outside a delivery nothing is watched: the wrapped seams then work as if they were not wrapped.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from local.faultpoints.points import Action, Moment, Point


class KilledError(BaseException):
    """The process is gone. No ``except Exception`` may see it, and nothing it does counts."""


class UnavailableError(Exception):
    """The service answers 503 in place of doing what it was asked."""


class Board(Protocol):
    """Where a delivery looks up, at each of its points, what happens there."""

    def at(self, delivery: "Delivery", point: Point, moment: Moment) -> Action | None:
        """Say what goes wrong here; None for nothing."""

    def kill(self, delivery: "Delivery") -> None:
        """End the process, or act as if it ended; it may return."""

    def pause(self) -> None:
        """Stand still, and return when it is time to go on."""


class Delivery:
    """One delivery of one message to one step."""

    def __init__(self, step: str, board: Board) -> None:
        self.step = step
        self.subject = ""
        """The table or file that the message names, once it is read."""
        self.inside: list[Point] = []
        """The I/Os under way, the innermost last: an HTTP request is part of another I/O."""
        self.links: list[Callable[[], None]] = []
        """Cut the connections that are open; at a real end the operating system does so."""
        self.is_dead = False
        self._board = board
        self._counts: Counter[tuple[str, str, str]] = Counter()

    def reach(self, seam: str, operation: str, about: str) -> Point:
        """Come to an I/O."""
        key = (seam, operation, about)
        self._counts[key] += 1
        return Point(
            step=self.step, seam=seam, operation=operation, about=about, nth=self._counts[key]
        )

    def meet(self, point: Point, moment: Moment, breaking: Callable[[], Exception]) -> None:
        """Let happen what the board says.

        Args:
            point: the I/O.
            moment: its side.
            breaking: breaks the connection, and returns the error that tells of it.
        """
        if self.is_dead:
            raise KilledError
        action = self._board.at(self, point, moment)
        if action is Action.KILL:
            self._die()
        elif action is Action.PAUSE:
            self._board.pause()
        elif action is Action.UNAVAILABLE:
            raise UnavailableError
        elif action is not None:
            raise breaking()

    def _die(self) -> None:
        self._board.kill(self)
        self.is_dead = True
        for cut in self.links:
            cut()
        raise KilledError


_current: ContextVar[Delivery | None] = ContextVar("delivery", default=None)


def current() -> Delivery | None:
    """Return the delivery under watch in this thread."""
    return _current.get()


@contextmanager
def delivery(step: str, board: Board) -> Iterator[Delivery]:
    """Watch what happens inside as one delivery."""
    here = Delivery(step, board)
    token = _current.set(here)
    try:
        yield here
    finally:
        _current.reset(token)


@contextmanager
def io(seam: str, operation: str, about: str, breaking: Callable[[], Exception]) -> Iterator[None]:
    """Put a fault point before and after what is done inside."""
    here = current()
    if here is None:
        yield
        return
    point = here.reach(seam, operation, about)
    here.meet(point, Moment.BEFORE, breaking)
    here.inside.append(point)
    try:
        yield
    finally:
        here.inside.remove(point)
    here.meet(point, Moment.AFTER, breaking)
