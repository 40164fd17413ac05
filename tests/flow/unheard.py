"""A bus that nobody listens to: what follows from a message is called by the test."""

from shared.bus import Bus


class UnheardBus(Bus):
    """Publishes nothing."""

    def publish(self, *_: object, **__: object) -> str:
        """Return an id, as Pub/Sub does."""
        return "unheard"
