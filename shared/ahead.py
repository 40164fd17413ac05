"""Work ahead of a consumer: an iterator drained by a thread of its own, a bounded number of items.

Reading, parsing, encoding and sending overlap this way although each is plain sequential code; the
time goes to native code and sockets, which let other threads run meanwhile.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import Generic, TypeVar

S = TypeVar("S")
T = TypeVar("T")


def side_by_side(items: Iterable[S], call: Callable[[S], T], *, at_once: int) -> Iterator[T]:
    """Yield what a call returns for each item, in the items' order, several calls at a time.

    What a call raises is raised when its result is due. Closing the iterator waits for the calls
    under way, and makes no more.

    Args:
        items: of the calls.
        call: made in threads, with the context variables of the caller.
        at_once: so many calls are under way, or their results wait.
    """
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(at_once) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(copy_context().run, call, item))
                if len(waiting) == at_once:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for call_ahead in waiting:
                call_ahead.cancel()


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
