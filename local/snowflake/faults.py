"""Faults on demand: what goes wrong with which statement, to test what the product does then."""

from __future__ import annotations

import enum
import re
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
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

    It lets `skip` of them pass and happens to the next `count`; `hits` says to how many it has.
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
    hits: int = 0

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Fault:
        """Read a fault from JSON.

        Raises:
            ValueError: an unknown field or kind, or a pattern that is not one.
        """
        known = {item.name for item in fields(cls)} - {"hits"}
        unknown = sorted(set(data) - known)
        if unknown or "kind" not in data:
            raise ValueError(f"a fault needs kind and has no {unknown}; it has {sorted(known)}")
        fault = cls(**dict(data))
        fault.kind = FaultKind(fault.kind)
        re.compile(fault.sql_regex)
        return fault


class Faults:
    """The faults that were ordered, in that order, until they are cleared."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ordered: list[Fault] = []

    def order(self, faults: list[Fault]) -> None:
        """Add faults; each works independently of the others."""
        with self._lock:
            self._ordered += faults

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._ordered.clear()

    def to_list(self) -> list[dict[str, Any]]:
        """All faults, as JSON."""
        with self._lock:
            return [asdict(fault) for fault in self._ordered]

    def take(self, sql: str) -> dict[FaultKind, Fault]:
        """The faults that happen to this statement, at most one a kind."""
        with self._lock:
            due: dict[FaultKind, Fault] = {}
            for fault in self._ordered:
                is_match = re.search(fault.sql_regex, sql, re.IGNORECASE | re.DOTALL)
                if not is_match or fault.hits >= fault.count or fault.kind in due:
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                else:
                    fault.hits += 1
                    due[fault.kind] = fault
            return due
