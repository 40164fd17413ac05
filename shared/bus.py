"""Pub/Sub through Google's client: publish, and know that it is published."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from shared.errors import StorageUnavailableError
from shared.metering import meter

if TYPE_CHECKING:
    from google.cloud.pubsub_v1 import PublisherClient

PUBLISH_TIMEOUT_S = 30.0
"""How long to wait for Pub/Sub to accept a message, retries included."""


class Bus:
    """Publishes requests; on a laptop ``PUBSUB_EMULATOR_HOST`` names the other end."""

    def __init__(self) -> None:
        self._client: PublisherClient | None = None

    def publish(self, topic: str, data: bytes, attributes: Mapping[str, str] | None = None) -> str:
        """Publish one message and return its id once Pub/Sub has it.

        Args:
            topic: full name, ``projects/…/topics/…``.
            data: the message; may be empty when there are attributes.
            attributes: text by text.

        Raises:
            StorageUnavailableError: not accepted in time; it may have been published all the same.
        """
        from google.api_core.exceptions import GoogleAPICallError, RetryError
        from google.pubsub_v1 import PublisherClient, PubsubMessage

        meter.messages += 1
        try:
            # The plain call: the client's own publish gathers batches on a thread.
            response = PublisherClient.publish(
                self._connect(),
                topic=topic,
                messages=[PubsubMessage(data=data, attributes=dict(attributes or {}))],
                timeout=PUBLISH_TIMEOUT_S,
            )
        except (GoogleAPICallError, RetryError) as exc:
            raise StorageUnavailableError(f"{topic}: not published: {exc}", topic=topic) from exc
        return str(response.message_ids[0])

    def _connect(self) -> "PublisherClient":
        if self._client is None:
            from google.cloud.pubsub_v1 import PublisherClient

            self._client = PublisherClient()
        return self._client
