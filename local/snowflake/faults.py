"""Faults on demand: what goes wrong with which statement, to test what the product does then."""

from __future__ import annotations

import enum
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


class FaultKind(enum.StrEnum):
    """What can go wrong."""

    ERROR = "error"
    """The statement fails with `errno`, `sqlstate` and `message`, without having run."""
    SLOW = "slow"
    """The statement starts `delay_s` late; the wait counts for its timeout."""
    RESET = "reset"
    """The connection is reset instead of a reply, before the statement runs or, with
    `when: after`, after it has run and committed."""
    EXPIRE_SESSION = "expire_session"
    """The session token has expired: the client renews it and sends the statement again."""
    EXPIRE_CHUNKS = "expire_chunks"
    """The result is good, but its chunk URLs are not: each download is refused with 403."""
    UNEVEN_WIDTHS = "uneven_widths"
    """Each chunk encodes its numbers in its own narrowest type instead of the result's."""


@dataclass(slots=True)
class Fault:
    """A fault that waits for statements that match `sql_regex` (anywhere, in any case).

    It lets `skip` of them pass, happens to the next `count`, and is gone.
    """

    kind: FaultKind
    sql_regex: str = ""
    count: int = 1
    skip: int = 0
    when: str = "before"
    errno: int = 603
    sqlstate: str = "XX000"
    message: str = "SQL execution internal error: an injected fault"
    delay_s: float = 0.0

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Fault:
        """Read a fault from JSON.

        Raises:
            ValueError: an unknown field or kind, or a pattern that is not one.
        """
        known = {item.name for item in fields(cls)}
        unknown = sorted(set(data) - known)
        if unknown or "kind" not in data:
            raise ValueError(f"a fault needs kind and has no {unknown}; it has {sorted(known)}")
        fault = cls(**dict(data))
        fault.kind = FaultKind(fault.kind)
        re.compile(fault.sql_regex)
        return fault


class Faults:
    """The faults that are waiting."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []

    def add(self, faults: list[Fault]) -> None:
        """Add faults; each works independently of the others."""
        with self._lock:
            self._waiting += faults

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._waiting.clear()

    def count(self) -> int:
        """How many are waiting."""
        with self._lock:
            return len(self._waiting)

    def take(self, sql: str) -> dict[FaultKind, Fault]:
        """The faults that happen to this statement; each is used up by one."""
        with self._lock:
            due: dict[FaultKind, Fault] = {}
            for fault in self._waiting:
                if not re.search(fault.sql_regex, sql, re.IGNORECASE | re.DOTALL):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                elif fault.kind not in due:
                    fault.count -= 1
                    due[fault.kind] = fault
            self._waiting = [fault for fault in self._waiting if fault.count > 0]
            return due
