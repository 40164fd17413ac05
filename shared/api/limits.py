"""How often a caller may ask: one bucket of tokens per caller, in the memory of the instance.

Several instances each grant a rate of their own, so the limit protects an instance, not a quota.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

MAX_CALLERS = 10_000
"""Callers that are remembered; whoever has not asked for longest is forgotten first."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at_s: float


class RateLimit:
    """Grants so many calls a second to each caller, and a burst beyond."""

    def __init__(
        self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._lock = Lock()

    def take(self, caller: str) -> int:
        """Take a call; return 0, or how many seconds the caller should wait."""
        with self._lock:
            bucket = self._filled(caller)
            if bucket.tokens < 1:
                return max(1, math.ceil((1 - bucket.tokens) / self._per_second))
            bucket.tokens -= 1
            return 0

    def wait(self, caller: str) -> int:
        """Return how many seconds a caller should wait, and take nothing."""
        with self._lock:
            bucket = self._filled(caller)
            return 0 if bucket.tokens >= 1 else math.ceil((1 - bucket.tokens) / self._per_second)

    def _filled(self, caller: str) -> _Bucket:
        now_s = self._clock()
        bucket = self._buckets.pop(caller, None) or _Bucket(self._burst, now_s)
        gained = (now_s - bucket.at_s) * self._per_second
        bucket.tokens = min(self._burst, bucket.tokens + gained)
        bucket.at_s = now_s
        self._buckets[caller] = bucket
        while len(self._buckets) > MAX_CALLERS:
            self._buckets.popitem(last=False)
        return bucket
