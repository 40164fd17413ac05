"""A dead letter: a message that failed as often as allowed, kept until somebody decides about it.

Pub/Sub publishes it once more, to the topic of the dead letters, with attributes that say where it
failed. Its identity is derived, because the same message may die several times over.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Self

from shared.core import naming
from shared.core.deliveries import Delivery, parse_time
from shared.core.messages import SweepRequest
from shared.errors import InvalidMessageError

ATTRIBUTES = "CloudPubSubDeadLetterSource"
"""How the attributes begin that Pub/Sub adds. Source: Pub/Sub, "Dead-letter topics"."""


class LetterState(StrEnum):
    """What became of a dead letter."""

    OPEN = "open"
    REPLAYED = "replayed"
    DROPPED = "dropped"
    SETTLED = "settled"
    """Its run ended well without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One dead letter. ``data`` is the message's data in Base64, ``deliveries`` how many failed.

    ``table`` and ``run_id`` name the run that the message was about, ``reason`` is why that failed
    last; empty where nobody knows.
    """

    letter_id: str
    topic: str
    """``extract``, ``ingest``, ``load`` or ``sweep``: where the message was published first."""
    data: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    published_at: datetime
    died_at: datetime
    deliveries: int
    table: str = ""
    run_id: str = ""
    reason: str = ""
    state: LetterState = LetterState.OPEN
    closed_at: datetime | None = None

    @classmethod
    def decode(cls, delivery: Delivery) -> Self:
        """Read a dead letter as Pub/Sub forwards it.

        Raises:
            InvalidMessageError: an attribute of the forwarding is missing or no time or number.
        """
        about = {
            k.removeprefix(ATTRIBUTES): v
            for k, v in delivery.attributes.items()
            if k.startswith(ATTRIBUTES)
        }
        try:
            subscription = about["Subscription"]
            published_at = parse_time(about["TopicPublishTime"])
            deliveries = int(about["DeliveryCount"])
        except (KeyError, ValueError) as exc:
            raise InvalidMessageError(f"not a dead letter of Pub/Sub: {exc!r}") from exc
        given = {k: v for k, v in delivery.attributes.items() if not k.startswith(ATTRIBUTES)}
        data = base64.b64encode(delivery.data).decode()
        key = f"{subscription}\n{data}\n{sorted(given.items())}"
        return cls(
            letter_id=letter_id(key, published_at),
            # A subscription is named as its topic; the prefix may hold a hyphen, a topic none.
            topic=subscription.rpartition("-")[2],
            data=data,
            attributes=given,
            published_at=published_at,
            died_at=delivery.published_at,
            deliveries=deliveries,
        )

    @property
    def is_open(self) -> bool:
        """Nobody has decided about it yet."""
        return self.state is LetterState.OPEN

    def message(self) -> Delivery:
        """Return the message as it was; its own id is lost."""
        return Delivery(
            message_id=self.letter_id,
            published_at=self.published_at,
            data=base64.b64decode(self.data),
            attributes=self.attributes,
        )

    def close(self, state: LetterState, at: datetime) -> Self:
        """Return the letter as decided about."""
        return replace(self, state=state, closed_at=at)


def letter_id(key: str, published_at: datetime) -> str:
    """Derive a letter's identity from all that makes the message; ids sort by time.

    Two equal messages published within one millisecond are one letter: they ask for the same.
    """
    digest = hashlib.sha256(f"{key}\n{published_at.isoformat()}".encode()).hexdigest()
    return f"{naming.moment(published_at)}-{digest[:12]}"


def decode_sweep(delivery: Delivery) -> SweepRequest | DeadLetter:
    """Read a message of the sweep function, which is sent dead letters too.

    Raises:
        InvalidMessageError: it is neither.
    """
    is_dead = any(name.startswith(ATTRIBUTES) for name in delivery.attributes)
    return DeadLetter.decode(delivery) if is_dead else SweepRequest.decode(delivery)
