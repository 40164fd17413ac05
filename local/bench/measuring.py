"""What a program cost: time, CPU and memory, of itself and all that it starts."""

import os
import statistics
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

SAMPLE_S = 0.02


class FailedError(Exception):
    """A program did not do its work; the message is the end of what it printed."""


@dataclass(frozen=True, slots=True)
class Cost:
    """One round of one program."""

    wall_s: float
    cpu_s: float | None = None
    peak_mib: float | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """All rounds of one program at one job; no rounds: it could not do it, and why."""

    name: str
    costs: tuple[Cost, ...] = ()
    note: str = ""

    @property
    def wall_s(self) -> float:
        """Median."""
        return statistics.median(c.wall_s for c in self.costs)

    @property
    def spread(self) -> tuple[float, float]:
        """The shortest and the longest round."""
        return min(c.wall_s for c in self.costs), max(c.wall_s for c in self.costs)

    @property
    def cpu_s(self) -> float | None:
        """Median; None when it was not measured."""
        known = [c.cpu_s for c in self.costs if c.cpu_s is not None]
        return statistics.median(known) if known else None

    @property
    def peak_mib(self) -> float | None:
        """The most of all rounds; None when it was not measured."""
        return max((c.peak_mib for c in self.costs if c.peak_mib is not None), default=None)


def run(
    command: Sequence[str | Path], *, timeout_s: float, environment: Mapping[str, str] | None = None
) -> Cost:
    """Run a program to its end.

    Raises:
        FailedError: it failed, or took too long.
    """
    started_s = time.monotonic()
    process = subprocess.Popen(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **(environment or {})},
    )
    watch = _Memory(process.pid)
    watch.start()
    try:
        printed, _ = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise FailedError(f"did not end within {timeout_s:g} s") from None
    finally:
        watch.stop()
    wall_s = time.monotonic() - started_s
    if process.returncode:
        raise FailedError(printed.decode(errors="replace").strip()[-300:])
    return Cost(wall_s, watch.cpu_s, watch.peak_mib)


class _Memory(threading.Thread):
    """Looks at a process and its children until told to stop."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._process = psutil.Process(pid)
        self._is_stopped = threading.Event()
        self.peak_mib = 0.0
        self.cpu_s = 0.0

    def run(self) -> None:
        while not self._is_stopped.wait(SAMPLE_S):
            try:
                family = [self._process, *self._process.children(recursive=True)]
                resident = sum(p.memory_info().rss for p in family)
                self.cpu_s = max(self.cpu_s, sum(sum(p.cpu_times()[:2]) for p in family))
            except psutil.Error:
                continue
            self.peak_mib = max(self.peak_mib, resident / 2**20)

    def stop(self) -> None:
        self._is_stopped.set()
        self.join()
