"""One push of one Pub/Sub message, and the JSON that its data is: versioned, and never trusted."""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from shared.core import naming
from shared.errors import InvalidMessageError

VERSION = 1
"""Version of every request. Readers refuse any other."""

MAX_GENERATION = 253_402_300_799_999_999
"""Generations count microseconds since 1970; this is the end of the year 9999."""

_GENERATION = re.compile(r"[1-9][0-9]{0,17}")

_SURROGATE = re.compile(r"[\ud800-\udfff]")
"""JSON can spell half of a surrogate pair, which nothing can write down afterwards."""

_MALFORMED = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)
"""What reading hostile JSON can raise: wrong types, an infinite number, a million brackets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One push of one Pub/Sub message.

    ``attempt`` counts deliveries from 1; 0 when the subscription has no dead-letter policy.
    """

    message_id: str
    published_at: datetime
    data: bytes
    attributes: Mapping[str, str] = field(default_factory=dict)
    subscription: str = ""
    attempt: int = 0

    @classmethod
    def from_push(cls, body: bytes) -> Self:
        """Read the body of a push request (the wrapped form).

        Raises:
            InvalidMessageError: not JSON, or not the form that Pub/Sub pushes.
        Source: Pub/Sub, "Receive push messages".
        """
        try:
            envelope = json.loads(body)
            message = envelope["message"]
            return cls(
                message_id=text(message, "messageId"),
                published_at=parse_time(message["publishTime"]),
                data=base64.b64decode(message.get("data") or "", validate=True),
                attributes=_attributes(message),
                subscription=str(envelope.get("subscription", "")),
                attempt=int(envelope.get("deliveryAttempt") or 0),
            )
        except _MALFORMED as exc:
            raise InvalidMessageError(
                f"the request is not a Pub/Sub push message ({type(exc).__name__}: {exc}); "
                'expected {"message": {"messageId": …, "publishTime": …, "data": …}}'
            ) from exc


def dump(body: dict[str, Any]) -> bytes:
    """Return a message's data."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def keys(data: bytes) -> set[str]:
    """Return the keys of a message; none for what its decoder will refuse."""
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return set()
    return set(body) if isinstance(body, dict) else set()


def load(data: bytes, *, known: set[str]) -> dict[str, Any]:
    """Read a message's data, which may have these keys besides its version.

    Raises:
        InvalidMessageError: no object of this version, or another key.
    """
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as exc:
        raise InvalidMessageError(f"the message's data is not JSON: {exc}") from exc
    if not isinstance(body, dict):
        raise InvalidMessageError(f"the message's data is a {type(body).__name__}, not an object")
    version = body.pop("version", None)
    if version != VERSION:
        raise InvalidMessageError(
            f"message version {version!r} is not {VERSION}: sender and function were deployed "
            "from different releases",
            version=version,
        )
    unknown = sorted(body.keys() - known)
    if unknown:
        raise InvalidMessageError(
            f"unknown keys {', '.join(unknown)}; known: version, {', '.join(sorted(known))}"
        )
    return body


def time(body: dict[str, Any], key: str) -> datetime | None:
    """Return the time that a key has; None without the key.

    Raises:
        InvalidMessageError: it is none.
    """
    try:
        return parse_time(text(body, key)) if key in body else None
    except ValueError as exc:
        raise InvalidMessageError(f"{key}: {exc}") from exc


def text(body: dict[str, Any], key: str) -> str:
    """Return the text that a key has.

    Raises:
        InvalidMessageError: it is none, or empty.
    """
    value = body.get(key)
    if not isinstance(value, str) or not value:
        raise InvalidMessageError(f"{key} must be a non-empty string, got {value!r}")
    if _SURROGATE.search(value):
        raise InvalidMessageError(f"{key} {value!r} holds half a character, which is no text")
    return value


def parse_time(text: str) -> datetime:
    """Read RFC 3339 with up to nine digits of fraction; cut to microseconds, in UTC.

    Raises:
        ValueError: another form, no time zone, or a moment outside the years 1 to 9999.
    """
    head, dot, rest = text.partition(".")
    if dot:
        digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
        text = f"{head}.{digits[:6].ljust(6, '0')}{rest[len(digits) :]}"
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError as exc:
        raise ValueError(f"{text!r} is outside the years 1 to 9999") from exc


def _attributes(message: dict[str, Any]) -> dict[str, str]:
    attributes: dict[str, str] = message.get("attributes") or {}
    if not all(isinstance(v, str) for v in attributes.values()):
        raise TypeError("attributes must be strings")
    return attributes


def run(body: dict[str, Any]) -> tuple[str, str]:
    """Return the table and the run that a message names.

    Raises:
        InvalidMessageError: they can name none.
    """
    table, run_id = text(body, "table"), text(body, "run_id")
    if not (naming.TABLE_NAME.fullmatch(table) and naming.RUN_ID.fullmatch(run_id)):
        raise InvalidMessageError(
            f"table {table!r} and run_id {run_id!r} can name no run; a run is named like "
            "flights and 20240131T030000Z-0123456789ab"
        )
    return table, run_id


def generation(text: str) -> int:
    """Read a generation.

    Raises:
        ValueError: it is none.
    """
    if not _GENERATION.fullmatch(text) or int(text) > MAX_GENERATION:
        raise ValueError(f"{text!r} is not a generation")
    return int(text)
