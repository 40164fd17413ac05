"""JSON log lines in the form that Cloud Logging understands: constant message, facts as fields.

Every line of a step carries ``step``, ``table`` and ``run_id``. Counts, never rows: no data value
and no credential is ever logged, and of exceptions that are not ours only where they were raised.
"""

import json
import logging
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from shared.core import traces
from shared.errors import told

_context: ContextVar[Mapping[str, Any]] = ContextVar("log_context", default=MappingProxyType({}))
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """One JSON object per line. Source: Cloud Logging, "Structured logging", special fields.

    A line about a run names its trace, so all of a run's lines are found together, and those of an
    attempt its span.
    """

    def __init__(self, project: str | None = None) -> None:
        super().__init__()
        self._traces = f"projects/{project}/traces/" if project else ""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "severity": record.levelname,
            "message": record.getMessage(),
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "logger": record.name,
            **{k: v for k, v in _context.get().items() if v is not None},
            **{k: v for k, v in vars(record).items() if k not in _STANDARD},
        }
        if run_id := line.get("run_id"):
            line["logging.googleapis.com/trace"] = f"{self._traces}{traces.trace_id(str(run_id))}"
        if attempt_id := line.get("attempt_id"):
            line["logging.googleapis.com/spanId"] = traces.span_id(str(attempt_id))
        if record.exc_info:
            line["exception"] = _stack(record.exc_info[1])
        return json.dumps(line, default=str)


def _stack(exc: BaseException | None) -> str:
    """Return where an exception, and those that led to it, were raised; the first one first."""
    found: list[str] = []
    while exc is not None:
        frames = "".join(traceback.format_tb(exc.__traceback__))
        found.append(f"Traceback (most recent call last):\n{frames}{told(exc)}")
        exc = exc.__cause__ or (None if exc.__suppress_context__ else exc.__context__)
    return "\n\n".join(reversed(found))


def configure(project: str | None = None) -> None:
    """Send this package's log lines to standard error as JSON; calling it again changes nothing.

    Args:
        project: whose traces the lines belong to; None: they name them without it.
    """
    logger = logging.getLogger("shared")
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonFormatter(project))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False


@contextmanager
def context(**fields: Any) -> Iterator[None]:
    """Add fields to every line logged inside."""
    token = _context.set({**_context.get(), **fields})
    try:
        yield
    finally:
        _context.reset(token)
