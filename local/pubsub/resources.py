"""Names, limits and defaults of topics, subscriptions and messages.

Source of all limits: Pub/Sub, "Quotas and limits", "Resource names" and the reference of
``google.pubsub.v1``.
"""

import re
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import TypeVar
from urllib.parse import urlsplit

from google.protobuf.field_mask_pb2 import FieldMask
from google.pubsub_v1.types import PubsubMessage, PushConfig, Subscription, Topic

from local.rpc import invalid, not_emulated

DELETED_TOPIC = "_deleted-topic_"
"""What a subscription has for a topic once that is deleted."""

ACK_DEADLINE_DEFAULT_S, ACK_DEADLINE_MIN_S, ACK_DEADLINE_MAX_S = 10, 10, 600
BACKOFF_MIN_DEFAULT, BACKOFF_MAX_DEFAULT = timedelta(seconds=10), timedelta(seconds=600)
ATTEMPTS_DEFAULT, ATTEMPTS_MIN, ATTEMPTS_MAX = 5, 5, 100
RETENTION_DEFAULT = timedelta(days=7)

PUBLISH_MAX_BYTES = 10_000_000
PUBLISH_MAX_MESSAGES = 1_000
ATTRIBUTES_MAX = 100
KEY_MAX_BYTES, VALUE_MAX_BYTES = 256, 1_024

TOPIC_CHANGEABLE = frozenset({"labels", "message_retention_duration"})
TOPIC_FIELDS = TOPIC_CHANGEABLE | {"name"}
SUBSCRIPTION_CHANGEABLE = frozenset(
    {
        *("ack_deadline_seconds", "dead_letter_policy", "expiration_policy", "labels"),
        *("message_retention_duration", "push_config", "retry_policy"),
    }
)
SUBSCRIPTION_FIELDS = SUBSCRIPTION_CHANGEABLE | {
    *("name", "topic", "filter", "enable_message_ordering"),
}
PUSH_FIELDS = frozenset({"push_endpoint", "attributes", "oidc_token", "pubsub_wrapper"})

_ID = re.compile(r"(?!goog)[A-Za-z][\w.~+%-]{2,254}", re.ASCII)

M = TypeVar("M", Topic, Subscription)


def split_name(name: str) -> tuple[str, str]:
    """Return project and id of a topic or a subscription."""
    _, project, _, resource_id = name.split("/")
    return project, resource_id


def check_name(kind: str, name: str) -> None:
    """Refuse a name that the real service would refuse.

    Raises:
        RefusedError: INVALID_ARGUMENT.
    """
    parts = name.split("/")
    is_path = len(parts) == 4 and parts[0] == "projects" and parts[1] and parts[2] == kind
    if not is_path or not _ID.fullmatch(parts[3]):
        raise invalid(
            f"Invalid name {name!r}: it is projects/PROJECT/{kind}/ID; an ID has 3 to 255 letters, "
            "digits and -_.~+%, begins with a letter, and not with goog."
        )


def check_topic(topic: Topic) -> None:
    """Refuse a topic with a wrong name, or with what is not emulated.

    Raises:
        RefusedError: INVALID_ARGUMENT or UNIMPLEMENTED.
    """
    check_name("topics", topic.name)
    _check_fields(topic, TOPIC_FIELDS)


def complete(subscription: Subscription) -> None:
    """Fill in a subscription's defaults, then check it.

    Raises:
        RefusedError: INVALID_ARGUMENT or UNIMPLEMENTED.
    """
    check_name("subscriptions", subscription.name)
    _check_fields(subscription, SUBSCRIPTION_FIELDS)
    _complete_deadline(subscription)
    _complete_retry_policy(subscription)
    _complete_dead_letter_policy(subscription)
    check_push_config(subscription.push_config)


def check_push_config(config: PushConfig) -> None:
    """Refuse what cannot be pushed to; an empty configuration means pull.

    Raises:
        RefusedError: INVALID_ARGUMENT or UNIMPLEMENTED.
    """
    _check_fields(config, PUSH_FIELDS)
    url = urlsplit(config.push_endpoint)
    if config.push_endpoint and not (url.scheme in ("http", "https") and url.hostname):
        raise invalid(f"Push endpoint {config.push_endpoint!r} is not an http or https URL.")


def merged(current: M, change: M, mask: FieldMask, changeable: Collection[str]) -> M:
    """Return a copy of a resource with the fields of a mask taken from another one.

    Raises:
        RefusedError: INVALID_ARGUMENT, the mask is empty or names what cannot be changed.
    """
    unknown = [path for path in mask.paths if path.split(".")[0] not in changeable]
    if unknown or not mask.paths:
        raise invalid(f"Update mask {list(mask.paths)} must name some of {sorted(changeable)}.")
    kind = type(current)
    result = kind(current)
    try:
        mask.MergeMessage(kind.pb(change), kind.pb(result), True, True)  # noqa: FBT003
    except ValueError as exc:
        raise invalid(f"Update mask {list(mask.paths)}: {exc}") from exc
    return result


def check_messages(messages: Sequence[PubsubMessage], request_bytes: int) -> None:
    """Refuse a publish request that breaks a limit.

    Raises:
        RefusedError: INVALID_ARGUMENT.
    """
    if not 0 < len(messages) <= PUBLISH_MAX_MESSAGES:
        raise invalid(f"{len(messages)} messages at once; 1 to {PUBLISH_MAX_MESSAGES} are allowed.")
    if request_bytes > PUBLISH_MAX_BYTES:
        raise invalid(f"A request of {request_bytes} bytes; at most {PUBLISH_MAX_BYTES} are.")
    for message in messages:
        attributes = dict(message.attributes)
        if not message.data and not attributes:
            raise invalid("A message is empty; it needs data or an attribute.")
        if len(attributes) > ATTRIBUTES_MAX:
            raise invalid(f"A message has more than {ATTRIBUTES_MAX} attributes.")
        if any(not key or len(key.encode()) > KEY_MAX_BYTES for key in attributes):
            raise invalid(f"An attribute's key has 1 to {KEY_MAX_BYTES} bytes.")
        for value in (*attributes.values(), message.ordering_key):
            if len(value.encode()) > VALUE_MAX_BYTES:
                raise invalid(f"Attribute or ordering key has more than {VALUE_MAX_BYTES} bytes.")


def _check_fields(message: Topic | Subscription | PushConfig, emulated: Collection[str]) -> None:
    fields = {descriptor.name for descriptor, _ in type(message).pb(message).ListFields()}
    if surplus := fields - set(emulated):
        raise not_emulated(f"{type(message).__name__} with {', '.join(sorted(surplus))}")


def _complete_deadline(subscription: Subscription) -> None:
    deadline_s = subscription.ack_deadline_seconds or ACK_DEADLINE_DEFAULT_S
    if not ACK_DEADLINE_MIN_S <= deadline_s <= ACK_DEADLINE_MAX_S:
        raise invalid(
            f"Ack deadline {deadline_s} s is not in {ACK_DEADLINE_MIN_S} to {ACK_DEADLINE_MAX_S}."
        )
    subscription.ack_deadline_seconds = deadline_s
    if "message_retention_duration" not in subscription:
        subscription.message_retention_duration = RETENTION_DEFAULT


def _complete_retry_policy(subscription: Subscription) -> None:
    if "retry_policy" not in subscription:
        return
    policy = subscription.retry_policy
    if "minimum_backoff" not in policy:
        policy.minimum_backoff = BACKOFF_MIN_DEFAULT
    if "maximum_backoff" not in policy:
        policy.maximum_backoff = BACKOFF_MAX_DEFAULT
    bounds = (timedelta(), policy.minimum_backoff, policy.maximum_backoff, BACKOFF_MAX_DEFAULT)
    if list(bounds) != sorted(bounds):
        raise invalid(
            "Backoffs must be 0 s <= minimum_backoff <= maximum_backoff <= 600 s, not "
            f"{policy.minimum_backoff} and {policy.maximum_backoff}."
        )


def _complete_dead_letter_policy(subscription: Subscription) -> None:
    if "dead_letter_policy" not in subscription:
        return
    policy = subscription.dead_letter_policy
    check_name("topics", policy.dead_letter_topic)
    policy.max_delivery_attempts = policy.max_delivery_attempts or ATTEMPTS_DEFAULT
    if not ATTEMPTS_MIN <= policy.max_delivery_attempts <= ATTEMPTS_MAX:
        raise invalid(
            f"max_delivery_attempts {policy.max_delivery_attempts} is not in "
            f"{ATTEMPTS_MIN} to {ATTEMPTS_MAX}."
        )
