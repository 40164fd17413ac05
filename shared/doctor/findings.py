"""What a check found: how bad it is, what it is about, and what to do."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARN = "warn"
    """It works now, and somebody should look."""
    FAIL = "fail"
    """Something does not move, or will not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. ``fix`` is empty where all is well."""

    check: str
    subject: str
    level: Level
    message: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """Makes the findings of one kind."""

    name: str

    def ok(self, subject: str, message: str) -> Finding:
        """All is well."""
        return Finding(check=self.name, subject=subject, level=Level.OK, message=message)

    def warn(self, subject: str, message: str, fix: str) -> Finding:
        """Somebody should look."""
        return Finding(check=self.name, subject=subject, level=Level.WARN, message=message, fix=fix)

    def fail(self, subject: str, message: str, fix: str) -> Finding:
        """Something does not move."""
        return Finding(check=self.name, subject=subject, level=Level.FAIL, message=message, fix=fix)


class Stopwatch:
    """How long something took, once it is over."""

    def __init__(self) -> None:
        self.ms = 0.0

    def __str__(self) -> str:
        return f"{self.ms:,.0f} ms"


@contextmanager
def stopwatch() -> Iterator[Stopwatch]:
    """Measure what happens inside."""
    watch, started_s = Stopwatch(), time.monotonic()
    try:
        yield watch
    finally:
        watch.ms = (time.monotonic() - started_s) * 1e3
