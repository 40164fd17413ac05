"""Push delivery: a thread for each subscription decides, a thread for each request waits.

Success acknowledges, anything else refuses. The ack deadline is the request's time: past it the
message is pushed again, but the first request is left running, and listened to.
"""

import base64
import http.client
import json
import threading
from urllib.parse import urlsplit

from google.pubsub_v1.types import PubsubMessage, Subscription

from local.pubsub.backlog import Backlog, Grant
from local.pubsub.identity import Identity

WINDOW = 16
"""Pushes of one subscription at the same time, those past their deadline not counted. Ours; the
real service adapts its window to the endpoint."""

SUCCESS = frozenset({102, 200, 201, 202, 204})
"""Source: Pub/Sub, "Push subscriptions"."""

LISTEN_S = 600.0
"""How long past the ack deadline a request is listened to. Ours."""


class Pusher:
    """Looks after all backlogs: lets leases lapse, and pushes where an endpoint is set."""

    def __init__(self, identity: Identity, window: int = WINDOW) -> None:
        """Set up.

        Args:
            identity: signs tokens.
            window: pushes of one subscription at the same time.
        """
        self._identity = identity
        self._window = window

    def serve(self, backlog: Backlog) -> None:
        """Look after a backlog until it is closed; returns at once."""
        threading.Thread(target=self._serve, args=(backlog,), daemon=True).start()

    def _serve(self, backlog: Backlog) -> None:
        with backlog.changed:
            while not backlog.is_closed:
                backlog.expire()
                is_push = bool(backlog.subscription.push_config.push_endpoint)
                room = max(0, self._window - backlog.outstanding) if is_push else 0
                for grant in backlog.take(room):
                    arguments = (backlog, backlog.subscription, grant)
                    threading.Thread(target=self._push, args=arguments, daemon=True).start()
                backlog.wait()

    def _push(self, backlog: Backlog, subscription: Subscription, grant: Grant) -> None:
        if self._post(subscription, grant) in SUCCESS:
            backlog.acknowledge([grant.ack_id])
        else:
            backlog.set_deadline([grant.ack_id], 0)

    def _post(self, subscription: Subscription, grant: Grant) -> int | None:
        """Return the status of the answer; None when there was none."""
        url = urlsplit(subscription.push_config.push_endpoint)
        kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        timeout_s = subscription.ack_deadline_seconds + LISTEN_S
        connection = kind(str(url.hostname), url.port, timeout=timeout_s)
        target = url.path + (f"?{url.query}" if url.query else "")
        try:
            connection.request(
                "POST", target or "/", _body(subscription, grant), self._headers(subscription)
            )
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def _headers(self, subscription: Subscription) -> dict[str, str]:
        config = subscription.push_config
        headers = {"Content-Type": "application/json", "User-Agent": "CloudPubSub-Google"}
        if "oidc_token" in config:
            account = config.oidc_token.service_account_email
            audience = config.oidc_token.audience or config.push_endpoint
            headers["Authorization"] = f"Bearer {self._identity.token(account, audience)}"
        return headers


def described(message: PubsubMessage) -> dict[str, object]:
    """Return a message as pushes write it. Source: Pub/Sub, "Receive push messages"."""
    publish_time = message.publish_time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "data": base64.b64encode(message.data).decode(),
        "attributes": dict(message.attributes),
        "messageId": message.message_id,
        "message_id": message.message_id,
        "publishTime": publish_time,
        "publish_time": publish_time,
        **({"orderingKey": message.ordering_key} if message.ordering_key else {}),
    }


def _body(subscription: Subscription, grant: Grant) -> bytes:
    document = {
        "message": described(grant.message),
        "subscription": subscription.name,
        **({"deliveryAttempt": grant.attempt} if grant.attempt else {}),
    }
    return json.dumps(document).encode()
