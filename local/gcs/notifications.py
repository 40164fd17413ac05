"""From a change of an object to a message on a Pub/Sub topic, as bucket notifications do it.

A thread of its own publishes through Google's client, after the commit. What cannot be delivered in
time is reported on stderr and lost: the sweep that the product runs is there for that.
"""

import itertools
import queue
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from local.gcs.buckets import Buckets
from local.gcs.errors import ApiError
from local.gcs.faults import NOTIFICATION_KINDS, FaultKind, Faults
from local.gcs.records import Change
from local.gcs.resources import dumps, object_resource

if TYPE_CHECKING:
    from google.pubsub_v1 import PublisherClient

RETRY_FOR_S = 10.0
"""How long one message is tried again."""

_BATCH_MAX = 100
_TOPIC_PREFIX = "//pubsub.googleapis.com/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One message to be published."""

    topic: str
    data: bytes
    attributes: dict[str, str]


class Notifier:
    """Publishes what the buckets' configurations ask for."""

    def __init__(self, buckets: Buckets, faults: Faults, endpoint: str, base_url: str) -> None:
        """Start the publishing thread.

        Args:
            buckets: where the configurations are.
            faults: may drop or double messages.
            endpoint: host and port of a Pub/Sub emulator.
            base_url: of this emulator, for the links in the messages.
        """
        self._buckets = buckets
        self._faults = faults
        self._endpoint = endpoint
        self._base_url = base_url
        self._queue: queue.SimpleQueue[Notification] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="notifications", daemon=True).start()

    def on_change(self, change: Change) -> None:
        """Queue the messages for one change; returns at once."""
        try:
            configs = self._buckets.notifications(change.record.bucket)
        except ApiError:
            return  # The bucket was deleted meanwhile.
        for config in configs:
            if _is_wanted(config, change):
                notification = _notification(config, change, self._base_url)
                for _ in range(self._copies(change)):
                    self._queue.put(notification)

    def _copies(self, change: Change) -> int:
        path = f"/b/{change.record.bucket}/o/{quote(change.record.name, safe='')}"
        rule = self._faults.take(NOTIFICATION_KINDS, None, path)
        if rule is None:
            return 1
        return 0 if rule.kind is FaultKind.DROP_NOTIFICATION else 2

    def _run(self) -> None:
        publisher: PublisherClient | None = None
        while True:
            batch = [self._queue.get()]
            while len(batch) < _BATCH_MAX and not self._queue.empty():
                batch.append(self._queue.get())
            publisher = publisher or _connect(self._endpoint)
            _publish(publisher, batch)


def _connect(endpoint: str) -> "PublisherClient":
    import grpc
    from google.pubsub_v1 import PublisherClient
    from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport

    return PublisherClient(
        transport=PublisherGrpcTransport(channel=grpc.insecure_channel(endpoint))
    )


def _publish(publisher: "PublisherClient", batch: list[Notification]) -> None:
    from google.api_core.exceptions import GoogleAPIError
    from google.api_core.retry import Retry
    from google.pubsub_v1.types import PubsubMessage

    retry = Retry(initial=0.1, maximum=2.0, timeout=RETRY_FOR_S)
    for topic, group in itertools.groupby(batch, key=lambda message: message.topic):
        messages = [PubsubMessage(data=one.data, attributes=one.attributes) for one in group]
        try:
            publisher.publish(topic=topic, messages=messages, retry=retry, timeout=RETRY_FOR_S)
        except GoogleAPIError as exc:
            lost = [f"{m.attributes['eventType']} of {m.attributes['objectId']}" for m in messages]
            print(f"notifications lost: {', '.join(lost)} to {topic}: {exc}", file=sys.stderr)  # noqa: T201


def _is_wanted(config: dict[str, Any], change: Change) -> bool:
    event_types = config.get("event_types") or [change.event_type]
    is_type = change.event_type in event_types
    return is_type and change.record.name.startswith(config.get("object_name_prefix") or "")


def _notification(config: dict[str, Any], change: Change, base_url: str) -> Notification:
    """Write the message. Source: Cloud Storage, "Pub/Sub notifications"."""
    record = change.record
    has_payload = config["payload_format"] == "JSON_API_V1"
    data = dumps(object_resource(record, base_url)) if has_payload else ""
    generations = {
        "overwroteGeneration": change.replaced_generation,
        "overwrittenByGeneration": change.successor_generation,
    }
    return Notification(
        topic=str(config["topic"]).removeprefix(_TOPIC_PREFIX),
        data=data.encode("utf-8"),
        attributes={
            **(config.get("custom_attributes") or {}),
            "notificationConfig": (
                f"projects/_/buckets/{record.bucket}/notificationConfigs/{config['id']}"
            ),
            "eventType": str(change.event_type),
            "payloadFormat": config["payload_format"],
            "bucketId": record.bucket,
            "objectId": record.name,
            "objectGeneration": str(record.generation),
            "eventTime": change.at,
            **{key: str(value) for key, value in generations.items() if value is not None},
        },
    )
