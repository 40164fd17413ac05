"""Faults that a test orders: what goes wrong with which statement.

`POST /_faults` takes a fault or a list of them, `GET` shows them, `DELETE` ends them all:

    {"kind": "error", "sql_regex": "INSERT", "count": 1, "skip": 0, "number": 1205, "severity": 13}

`sql_regex` (default: any) is searched in the text that the client sent, in any case; the first
`skip` chances pass, the next `count` are hit. What the driver sends without a text counts as
`LOGIN`, `BEGIN TRANSACTION`, `COMMIT TRANSACTION` and `ROLLBACK TRANSACTION`. Kinds:

* `error`: the statement fails with `number`, `severity` and `message`, without having run. A login
  refused with 40613 is a database that is not available.
* `slow`: it starts `delay_s` seconds late.
* `reset`: the connection is reset instead of an answer, before the statement runs or, with
  `"when": "after"`, after it has run.
"""

from __future__ import annotations

import contextlib
import enum
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Self

from local.http_json import HttpError
from local.sqlserver.errors import SqlServerError


class FaultKind(enum.StrEnum):
    """What goes wrong."""

    ERROR = "error"
    SLOW = "slow"
    RESET = "reset"


class DisconnectError(Exception):
    """The client is cut off without an answer."""


@dataclass(slots=True, kw_only=True)
class Fault:
    """One fault and how often it was met."""

    kind: FaultKind
    sql_regex: str = ""
    count: int = 1
    skip: int = 0
    when: str = "before"
    number: int = 40613
    severity: int = 16
    message: str = "Database is not currently available. An injected fault."
    delay_s: float = 0.0
    hits: int = 0

    @classmethod
    def parse(cls, document: Any) -> Self:
        """Read one fault.

        Raises:
            HttpError: 400, it is none.
        """
        known = set(cls.__slots__) - {"hits"}
        if not isinstance(document, dict) or set(document) - known:
            raise HttpError(400, f"a fault is an object with some of {sorted(known)}: {document}")
        try:
            fault = cls(**{**document, "kind": FaultKind(document.get("kind", ""))})
            re.compile(fault.sql_regex)
        except (ValueError, TypeError, re.error) as exc:
            kinds = ", ".join(FaultKind)
            raise HttpError(400, f"not a fault: {document}: {exc}; kinds: {kinds}") from exc
        return fault


class Faults:
    """The faults that were ordered, in that order, until they are cleared."""

    def __init__(self) -> None:
        """Begin without any."""
        self._lock = threading.Lock()
        self._ordered: list[Fault] = []

    def take(self, sql: str) -> list[Fault]:
        """Return the faults that hit this statement, and count the hits."""
        with self._lock:
            due = []
            for fault in self._ordered:
                if fault.hits >= fault.count or not re.search(fault.sql_regex, sql, re.I | re.S):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                else:
                    fault.hits += 1
                    due.append(fault)
            return due

    def add(self, document: Any) -> None:
        """Put a fault, or a list of them, in force.

        Raises:
            HttpError: 400, one of them is none; then none is in force.
        """
        faults = [
            Fault.parse(each) for each in (document if isinstance(document, list) else [document])
        ]
        with self._lock:
            self._ordered += faults

    def clear(self) -> None:
        """End all faults."""
        with self._lock:
            self._ordered.clear()

    def documents(self) -> list[dict[str, Any]]:
        """Render all faults."""
        with self._lock:
            return [asdict(each) for each in self._ordered]


@contextlib.contextmanager
def strike(faults: Faults, sql: str) -> Iterator[None]:
    """Let the faults of a statement happen around it.

    Raises:
        SqlServerError: the ordered error.
        DisconnectError: the connection is to be reset.
    """
    due = faults.take(sql)
    for fault in due:
        if fault.kind is FaultKind.SLOW:
            time.sleep(fault.delay_s)
        elif fault.kind is FaultKind.ERROR:
            raise SqlServerError(fault.number, fault.message, fault.severity)
        elif fault.when == "before":
            raise DisconnectError
    yield
    if any(fault.kind is FaultKind.RESET for fault in due):
        raise DisconnectError
