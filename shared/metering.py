"""What this instance has asked of the services around it so far, counted where each is called.

One count for the process: an instance works on one delivery at a time, so what a step asked for is
the difference between its end and its start. Where an instance is given several at once
(`functions.<name>.concurrency`), their counts mix.
"""

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace


@dataclass(slots=True, kw_only=True)
class Usage:
    """So much was asked for."""

    storage_writes: int = 0
    """Writes and lists of Cloud Storage, its class A."""
    storage_reads: int = 0
    """Reads of Cloud Storage, its class B."""
    messages: int = 0
    """Messages published to Pub/Sub."""
    source_s: float = 0.0
    """Seconds in which the source's warehouse was waited for."""
    billed_bytes: int = 0
    """Bytes that BigQuery bills for queries of the target."""


meter = Usage()
"""The count of this process."""


def reading() -> Usage:
    """Return the count as it is now."""
    return replace(meter)


@contextmanager
def waiting() -> Iterator[None]:
    """Count the time until the source has answered."""
    begin_s = time.monotonic()
    try:
        yield
    finally:
        meter.source_s += time.monotonic() - begin_s


def since(begin: Usage) -> Usage:
    """Return what was asked for since a reading."""
    return Usage(**{f.name: getattr(meter, f.name) - getattr(begin, f.name) for f in fields(Usage)})


def peak_mib() -> float:
    """Return the most memory this instance has held so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Source: getrusage(2): kilobytes on Linux, bytes on macOS.
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)
