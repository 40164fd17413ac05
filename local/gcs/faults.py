"""Faults that a test orders: the bad days of a network, on demand and countable.

`POST /_faults` takes a list of rules, `GET /_faults` shows them with their hits, `DELETE /_faults`
ends them all. A rule:

    {"kind": "drop_reply", "method": "PUT", "path_regex": "upload_id=", "skip": 1, "count": 2}

`method` (default: any) and `path_regex` (searched in the path with its query, as sent; default:
any) say which requests it meets; the first `skip` of them pass, the next `count` (default: all)
are hit. The first rule that meets a request and is not used up decides. `delay_s` delays the
request first, whatever the kind. Kinds:

* `status`: answer with `status`, without doing anything.
* `reset`: reset the connection, without doing anything.
* `slow`: nothing but the delay.
* `drop_reply`: do it, then close the connection: the lost reply.
* `truncate`: do it, but send half of the reply's body and close the connection.
* `drop_notification`, `duplicate_notification`: for the notifications of an object; `path_regex` is
  searched in `/b/BUCKET/o/NAME`, percent-encoded, and `method` is not looked at.
"""

import re
import threading
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from local.gcs.errors import invalid
from local.gcs.messages import Request, Response, json_response, parse_json
from local.gcs.routes import Route


class FaultKind(StrEnum):
    """What goes wrong."""

    STATUS = "status"
    RESET = "reset"
    SLOW = "slow"
    DROP_REPLY = "drop_reply"
    TRUNCATE = "truncate"
    DROP_NOTIFICATION = "drop_notification"
    DUPLICATE_NOTIFICATION = "duplicate_notification"


NOTIFICATION_KINDS = frozenset({FaultKind.DROP_NOTIFICATION, FaultKind.DUPLICATE_NOTIFICATION})
REQUEST_KINDS = frozenset(FaultKind) - NOTIFICATION_KINDS


@dataclass(slots=True, kw_only=True)
class FaultRule:
    """One rule and how often it was met."""

    kind: FaultKind
    method: str | None = None
    path_regex: str = ""
    status: int = 503
    count: int | None = None
    delay_s: float = 0.0
    skip: int = 0
    seen: int = 0
    """Requests it met, those it let pass included."""
    hits: int = 0
    """Requests it did its worst to."""

    @classmethod
    def parse(cls, document: dict[str, Any]) -> Self:
        """Read one rule.

        Raises:
            ApiError: 400, it is none.
        """
        known = {"kind", "method", "path_regex", "status", "count", "delay_s", "skip"}
        if unknown := set(document) - known:
            raise invalid(f"A fault has no {sorted(unknown)}; it has {sorted(known)}.")
        try:
            rule = cls(**{**document, "kind": FaultKind(document.get("kind", ""))})
            re.compile(rule.path_regex)
        except (ValueError, TypeError, re.error) as exc:
            kinds = ", ".join(FaultKind)
            raise invalid(f"Not a fault: {document}: {exc}; the kinds are {kinds}.") from exc
        return rule

    def meets(self, method: str | None, path: str) -> bool:
        """Whether it is about this request."""
        is_method = method is None or self.method in (None, method)
        return is_method and re.search(self.path_regex, path) is not None

    def document(self) -> dict[str, Any]:
        """Render it with its counts."""
        return {name: getattr(self, name) for name in self.__slots__}


class Faults:
    """The rules in force, and the endpoint that sets them."""

    def __init__(self) -> None:
        """Begin without any."""
        self._lock = threading.Lock()
        self._rules: list[FaultRule] = []

    def routes(self) -> list[Route]:
        """What the endpoint answers."""
        return [
            Route("GET", "/_faults", self.show),
            Route("POST", "/_faults", self.add),
            Route("DELETE", "/_faults", self.clear),
        ]

    def take(self, kinds: Collection[FaultKind], method: str | None, path: str) -> FaultRule | None:
        """Return the rule that hits this request, and count the hit."""
        with self._lock:
            for rule in self._rules:
                if rule.kind not in kinds or not rule.meets(method, path):
                    continue
                if rule.count is not None and rule.hits >= rule.count:
                    continue
                rule.seen += 1
                if rule.seen <= rule.skip:
                    continue
                rule.hits += 1
                return rule
        return None

    def show(self, request: Request) -> Response:  # noqa: ARG002
        """Answer with all rules."""
        with self._lock:
            return json_response([rule.document() for rule in self._rules])

    def add(self, request: Request) -> Response:
        """Add rules to those in force."""
        documents = parse_json(request.body.read_document())
        if not isinstance(documents, list):
            raise invalid("Faults come as a JSON list of rules.")
        rules = [FaultRule.parse(document) for document in documents]
        with self._lock:
            self._rules += rules
        return self.show(request)

    def clear(self, request: Request) -> Response:  # noqa: ARG002
        """End all faults."""
        with self._lock:
            self._rules.clear()
        return Response(status=204)
