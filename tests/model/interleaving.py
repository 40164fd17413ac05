"""Function instances that stop before every I/O, so that a test decides who goes on and how.

Each instance is a thread, but only the one that holds the baton runs: whatever happens between two
I/Os is atomic, and a test that gives the baton in the same order sees the same history.
"""

import threading
from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from shared.errors import RetryableError

R = TypeVar("R")


class Fate(StrEnum):
    """What becomes of the I/O that an instance stands before."""

    DONE = "done"
    REFUSED = "refused"
    """An error instead of the operation."""
    LOST = "lost"
    """The operation is done, the reply is lost: an error all the same."""
    TWICE = "twice"
    """The reply is lost, and the client library tries again by itself."""


class Killed(BaseException):
    """The instance is gone. No handler sees it, and none of its clean-up reaches the world."""


class Baton:
    """Who runs just now; every I/O of every end passes through here."""

    def __init__(self) -> None:
        self.holder: Instance | None = None

    def io(
        self,
        name: str,
        operation: Callable[[], R],
        error: type[RetryableError],
        *,
        retries: bool = False,
    ) -> R:
        """Do an I/O when its turn comes; at once where no instance holds the baton.

        Args:
            name: what is done, for the reader of a failure.
            operation: does it, atomically.
            error: what the end raises when it does not answer.
            retries: the client library tries again by itself after a lost reply.
        """
        if self.holder is None:
            return operation()
        fate = self.holder.stop_before(name)
        if fate is Fate.REFUSED:
            raise error(f"{name}: not done")
        result = operation()
        if fate is Fate.TWICE and retries:
            return operation()
        if fate is Fate.LOST:
            raise error(f"{name}: reply lost")
        return result


class Instance:
    """One function instance at work on one delivery."""

    def __init__(self, name: str, baton: Baton, work: Callable[[], None]) -> None:
        self.name = name
        self.stands_before = "its first I/O"
        self.is_over = False
        self.error: Exception | None = None
        self._baton = baton
        self._work = work
        self._is_killed = False
        self._fate = Fate.DONE
        self._go, self._back = threading.Lock(), threading.Lock()
        self._go.acquire()
        self._back.acquire()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"{self.name} before {self.stands_before}"

    def advance(self, fate: Fate = Fate.DONE) -> None:
        """Let the instance do the I/O that it stands before, and run up to the next."""
        if self.is_over:
            return
        self._fate = fate
        self._baton.holder = self
        self._go.release()
        self._back.acquire()
        self._baton.holder = None

    def run_up_to(self, name: str) -> None:
        """Advance until the instance stands before an I/O whose name begins so.

        Raises:
            LookupError: it ended without one.
        """
        self.aim_at(name)
        if self.is_over:
            raise LookupError(f"{self.name} ended without {name!r}: {self.error!r}")

    def aim_at(self, name: str) -> None:
        """Advance until the instance stands before the next I/O whose name begins so, or ends."""
        self.advance()
        while not (self.is_over or self.stands_before.startswith(name)):
            self.advance()

    def run(self) -> None:
        """Advance to the end."""
        while not self.is_over:
            self.advance()

    def kill(self) -> None:
        """End the instance where it stands: kill -9 as far as the world can tell."""
        self._is_killed = True
        self.advance()
        self._thread.join()

    def stop_before(self, name: str) -> Fate:
        """Wait for the baton; called by the instance's own thread."""
        if self._is_killed:
            raise Killed
        self.stands_before = name
        self._back.release()
        self._go.acquire()
        if self._is_killed:
            raise Killed
        return self._fate

    def _run(self) -> None:
        self._go.acquire()
        try:
            if not self._is_killed:
                self._work()
        except Killed:
            pass
        except Exception as exc:  # noqa: BLE001 - the instance's outermost frame: the test judges
            self.error = exc
        self.is_over = True
        self._back.release()
