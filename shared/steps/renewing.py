"""A lease that is renewed while one call takes long, such as the SELECT of a model.

What moves rows itself tells its attempt of progress and renews the lease so; this is for the rest.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context

from shared.errors import LeaseHeldError, RetryableError
from shared.steps.attempts import Work

log = logging.getLogger(__name__)


@contextmanager
def renewed(work: Work) -> Iterator[Callable[[], None]]:
    """Renew the lease of an attempt, in a thread of its own, until the block is left.

    Yields:
        What makes sure, right before a commit, that the run is this attempt's still: it raises
        ``LeaseHeldError`` if another attempt took it over, or if somebody cancelled it.
    """
    over, one_at_a_time = threading.Event(), threading.Lock()

    def renew() -> None:
        with one_at_a_time:
            work.renew()

    def keep() -> None:
        while not over.wait(work.renewal_s):
            try:
                renew()
            except LeaseHeldError:
                return  # the commit asks once more, and is told
            except RetryableError as exc:
                log.warning("the lease was not renewed", extra={"why": exc.message})

    thread = threading.Thread(target=copy_context().run, args=(keep,), daemon=True)
    thread.start()
    try:
        yield renew
    finally:
        over.set()
        thread.join()
