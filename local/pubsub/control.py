"""What people and tests ask and order over HTTP: health, statistics, faults, pending messages.

GET    /_health
GET    /_stats                       by subscription: backlog, outstanding, counts since start
GET    /_messages?subscription=NAME  everything unacknowledged, as a push would write it
GET    /_published                   the newest thousand messages, each with its topic
GET    /_faults    POST    DELETE    see ``faults``
GET    /certs                        the keys that sign OIDC tokens, a JSON Web Key Set
"""

from typing import Any

from local.http_json import Call, HttpError, Route
from local.pubsub.backlog import NOBODY, Backlog
from local.pubsub.broker import Broker
from local.pubsub.faults import Faults
from local.pubsub.identity import Identity
from local.pubsub.push import described
from local.rpc import RefusedError


class Control:
    """The control routes of one emulator."""

    def __init__(self, broker: Broker, faults: Faults, identity: Identity) -> None:
        """Show and change these."""
        self._broker = broker
        self._faults = faults
        self._identity = identity

    def routes(self) -> list[Route]:
        """Return what an HTTP server needs."""
        return [
            Route("GET", "/_health", lambda _: {"status": "ok"}),
            Route("GET", "/_stats", lambda _: self._stats()),
            Route("GET", "/_messages", self._messages),
            Route("GET", "/_published", lambda _: self._published()),
            Route("GET", "/_faults", lambda _: self._faults.documents()),
            Route("POST", "/_faults", self._add_faults),
            Route("DELETE", "/_faults", lambda _: self._clear_faults()),
            Route("GET", "/certs", lambda _: self._identity.certs()),
        ]

    def _stats(self) -> dict[str, Any]:
        now_s = self._broker.now_s()
        return {each.name: _statistics(each, now_s) for each in self._broker.backlogs()}

    def _messages(self, call: Call) -> list[dict[str, Any]]:
        try:
            backlog = self._broker.backlog(call.query.get("subscription", ""))
        except RefusedError as exc:
            raise HttpError(404, f"{exc.message} Name it: /_messages?subscription=…") from exc
        return [
            {
                **described(delivery.message),
                "attempts": delivery.attempts,
                "outstanding": delivery.lease != NOBODY,
            }
            for delivery in backlog.pending()
        ]

    def _published(self) -> list[dict[str, Any]]:
        return [{"topic": t, **described(message)} for t, message in self._broker.published()]

    def _add_faults(self, call: Call) -> list[dict[str, Any]]:
        self._faults.add(call.document())
        return self._faults.documents()

    def _clear_faults(self) -> None:
        self._faults.clear()
        self._broker.wake()


def _statistics(backlog: Backlog, now_s: float) -> dict[str, Any]:
    pending = backlog.pending()
    oldest_s = now_s - pending[0].message.publish_time.timestamp() if pending else 0.0
    counts = backlog.counts
    return {
        "backlog": len(pending),
        "outstanding": backlog.outstanding,
        "oldest_age_s": round(max(0.0, oldest_s), 3),
        "delivered": counts.delivered,
        "acknowledged": counts.acknowledged,
        "nacked": counts.nacked,
        "dead_lettered": counts.dead_lettered,
    }
