"""Work ahead of a consumer: an iterator drained by a thread of its own, a bounded number of items.

Reading, parsing, encoding and sending overlap this way although each is plain sequential code; the
time goes to native code and sockets, which let other threads run meanwhile.
"""

import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import Generic, TypeVar

T = TypeVar("T")


@contextmanager
def ahead(items: Iterable[T], depth: int = 1) -> Iterator[Iterator[T]]:
    """Iterate over items that a thread prepares.

    The order stays, and what the thread raises is raised to the consumer when it comes to that
    place. Leaving the context ends the thread, also when not all items were taken; a generator is
    closed by the thread that ran it.

    Args:
        items: iterated over in the thread, with the context variables of the caller.
        depth: how many finished items may wait; up to ``depth`` + 2 are alive at a time.
    """
    worker = _Worker(items, depth)
    thread = threading.Thread(target=copy_context().run, args=(worker.run,), daemon=True)
    thread.start()
    try:
        yield worker.results()
    finally:
        worker.stop()
        thread.join()


class _End:
    """The last thing in the queue."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class _Worker(Generic[T]):
    def __init__(self, items: Iterable[T], depth: int) -> None:
        self._items = items
        # Each in a list, which gives it away: no side keeps an item alive that it is done with.
        self._ready: queue.Queue[list[T] | _End] = queue.Queue(depth)
        self._is_stopped = False
        self._has_ended = False

    def run(self) -> None:
        try:
            for item in self._items:
                self._ready.put([item])
                del item
                if self._is_stopped:
                    break
            if close := getattr(self._items, "close", None):
                close()
        except BaseException as exc:  # noqa: BLE001 - the consumer gets it
            self._ready.put(_End(exc))
        else:
            self._ready.put(_End(None))

    def results(self) -> Iterator[T]:
        while not isinstance(result := self._ready.get(), _End):
            yield result.pop()
        self._has_ended = True
        if result.error:
            raise result.error

    def stop(self) -> None:
        """Let the thread come to its end, whatever still waits."""
        self._is_stopped = True
        while not self._has_ended:
            self._has_ended = isinstance(self._ready.get(), _End)
