"""Faults on order: requests that fail before they do anything, or whose answers are lost."""

from __future__ import annotations

import re
import threading
from typing import Any

from local.http_json import Call, HttpError, Route

_KEYS = {"method", "path", "times", "status", "after"}


class Faults:
    """The faults in force, each for so many requests.

    A fault is ``{"method": "POST", "path": "/jobs$", "times": 1, "status": 503, "after": false}``:
    the path is a regular expression to search for; ``after``: the request is served, and then
    answered with the status.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[dict[str, Any]] = []

    def take(self, method: str, path: str) -> tuple[int, bool] | None:
        """Return status and ``after`` of the fault that a request meets; None: it meets none."""
        with self._lock:
            for rule in self._rules:
                if rule["times"] > 0 and rule["method"] == method and rule["path"].search(path):
                    rule["times"] -= 1
                    return rule["status"], rule["after"]
        return None

    def routes(self) -> list[Route]:
        """Return the control routes."""
        return [Route("POST", "/_faults", self._order), Route("DELETE", "/_faults", self._clear)]

    def _order(self, call: Call) -> dict[str, int]:
        rules = [_rule(each) for each in call.document()]
        with self._lock:
            self._rules += rules
        return {"rules": len(rules)}

    def _clear(self, _call: Call) -> None:
        with self._lock:
            self._rules.clear()


def _rule(given: dict[str, Any]) -> dict[str, Any]:
    if unknown := given.keys() - _KEYS:
        raise HttpError(400, f"unknown keys of a fault: {', '.join(sorted(unknown))}")
    return {
        "method": given.get("method", "POST"),
        "path": re.compile(given.get("path", "")),
        "times": int(given.get("times", 1)),
        "status": int(given.get("status", 503)),
        "after": bool(given.get("after", False)),
    }
