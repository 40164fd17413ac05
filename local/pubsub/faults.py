"""Faults that a test orders: what at-least-once delivery permits, on demand and countable.

``POST /_faults`` takes a rule or a list of them, ``GET`` shows them, ``DELETE`` ends them all:

    {"subscription_regex": "-load$", "kind": "drop_ack", "skip": 1, "count": 2, "delay_s": 0}

``subscription_regex`` (default: any) is searched in the full name; the first ``skip`` chances pass,
the next ``count`` (default: all) are hit. Kinds:

* ``duplicate``: hand a delivery out twice, at the same time.
* ``delay``: make a newly published message wait ``delay_s`` seconds.
* ``drop_ack``: lose an acknowledgement, a push's success included: the message counts as refused.
* ``reorder``: deliver any waiting message instead of the oldest; ordering keys stay in order.
* ``hold``: deliver nothing until the rule is deleted; has ``skip``, but no ``count``.
"""

import re
import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from local.http_json import HttpError


class FaultKind(StrEnum):
    """What goes wrong."""

    DUPLICATE = "duplicate"
    DELAY = "delay"
    DROP_ACK = "drop_ack"
    REORDER = "reorder"
    HOLD = "hold"


@dataclass(slots=True, kw_only=True)
class FaultRule:
    """One rule and how often it was met."""

    kind: FaultKind
    subscription_regex: str = ""
    count: int | None = None
    skip: int = 0
    delay_s: float = 0.0
    seen: int = 0
    """Chances it had, those it let pass included."""
    hits: int = 0

    @classmethod
    def parse(cls, document: Any) -> Self:
        """Read one rule.

        Raises:
            HttpError: 400, it is none.
        """
        known = {"kind", "subscription_regex", "count", "skip", "delay_s"}
        kinds = ", ".join(FaultKind)
        if not isinstance(document, dict) or set(document) - known:
            raise HttpError(400, f"a fault is an object with some of {sorted(known)}: {document}")
        try:
            rule = cls(**{**document, "kind": FaultKind(document.get("kind", ""))})
            re.compile(rule.subscription_regex)
            if rule.kind is FaultKind.HOLD and rule.count is not None:
                raise ValueError("hold has no count; DELETE ends it")
        except (ValueError, TypeError, re.error) as exc:
            raise HttpError(400, f"not a fault: {document}: {exc}; kinds: {kinds}") from exc
        return rule

    def document(self) -> dict[str, Any]:
        """Render it with its counts."""
        return {name: getattr(self, name) for name in self.__slots__}


class Faults:
    """The rules in force; the first that fits and is not used up decides."""

    def __init__(self) -> None:
        """Begin without any."""
        self._lock = threading.Lock()
        self._rules: list[FaultRule] = []

    def take(self, kind: FaultKind, subscription: str) -> FaultRule | None:
        """Return the rule of a kind that hits a subscription now, and count the hit."""
        with self._lock:
            for rule in self._rules:
                if rule.kind is not kind or not re.search(rule.subscription_regex, subscription):
                    continue
                if rule.count is not None and rule.hits >= rule.count:
                    continue
                rule.seen += 1
                if rule.seen > rule.skip:
                    rule.hits += 1
                    return rule
        return None

    def add(self, document: Any) -> None:
        """Put a rule, or a list of rules, in force.

        Raises:
            HttpError: 400, one of them is none; then none is in force.
        """
        rules = [
            FaultRule.parse(each)
            for each in (document if isinstance(document, list) else [document])
        ]
        with self._lock:
            self._rules += rules

    def clear(self) -> None:
        """End all faults."""
        with self._lock:
            self._rules.clear()

    def documents(self) -> list[dict[str, Any]]:
        """Render all rules."""
        with self._lock:
            return [rule.document() for rule in self._rules]
