"""What travels on Pub/Sub: requests, each versioned, each with ``decode`` beside ``encode``.

A request says only what to look at. Everything else (the table's configuration, the object's size,
the watermark) is read from its own source of truth, because messages repeat, reorder and come late.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from shared.core import naming
from shared.core.modes import SyncMode
from shared.core.windows import Span
from shared.errors import InvalidMessageError

VERSION = 1
"""Version of every request. Readers refuse any other."""

FINALIZE = "OBJECT_FINALIZE"
"""A new object, or a new generation of one. Source: Cloud Storage, "Pub/Sub notifications"."""

MAX_GENERATION = 253_402_300_799_999_999
"""Generations count microseconds since 1970; this is the end of the year 9999."""

MAX_NAME = 320
"""So much of the name of who asks is kept. Source: RFC 5321, the longest mail address."""

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
                message_id=_text(message, "messageId"),
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractRequest:
    """Move one table now.

    Scheduler sends only the table, the same each time. Somebody who asks adds a request id, so
    that asking twice with the same id moves the table once, and may ask for another mode, for a run
    that passes the guards, for a span to be read again, or for the table as it was after an earlier
    run. With a run id it asks a run that is there already to go on.
    """

    table: str
    message_id: str = ""
    published_at: datetime
    mode: SyncMode | None = None
    request_id: str | None = None
    run_id: str | None = None
    allow_empty: bool = False
    span: Span | None = None
    rewind_to: str | None = None
    requested_by: str = ""
    """Who asks, by their own account: whoever may publish may write any name here."""

    def encode(self) -> bytes:
        """Return the message's data; the time of a request travels with it."""
        optional: dict[str, Any] = {
            "mode": self.mode,
            "request_id": self.request_id,
            "run_id": self.run_id,
            "allow_empty": self.allow_empty or None,
            "from": self.span.first if self.span else None,
            "to": self.span.last if self.span else None,
            "rewind_to": self.rewind_to,
            "requested_by": self.requested_by or None,
        }
        if self.request_id:
            optional["requested_at"] = self.published_at.isoformat()
        given = {k: v for k, v in optional.items() if v is not None}
        return _dump({"version": VERSION, "table": self.table, **given})

    @classmethod
    def decode(cls, delivery: Delivery) -> Self:
        """Read the message's data; without a request the time is that of publishing.

        Raises:
            InvalidMessageError: unknown version, key or mode, a time or run id that is none, or a
                message without a request that would pass the guards, read a span again or rewind.
        """
        known_keys = {"table", "mode", "request_id", "requested_at", "run_id", "allow_empty"}
        body = _load(delivery.data, known=known_keys | {"from", "to", "rewind_to", "requested_by"})
        _check_allow_empty(body)
        mode = body.get("mode")
        if mode is not None and mode not in list(SyncMode):
            known = ", ".join(SyncMode)
            raise InvalidMessageError(f"unknown mode {mode!r}; known: {known}", mode=mode)
        if ("request_id" in body) != ("requested_at" in body):
            raise InvalidMessageError("request_id and requested_at go together: both make the run")
        return cls(
            table=_text(body, "table"),
            message_id=delivery.message_id,
            published_at=_time(body, "requested_at") or delivery.published_at,
            mode=SyncMode(mode) if mode else None,
            request_id=_text(body, "request_id") if "request_id" in body else None,
            run_id=_run(body)[1] if "run_id" in body else None,
            allow_empty=body.get("allow_empty", False),
            span=_span(body),
            rewind_to=_rewind_to(body),
            requested_by=_text(body, "requested_by")[:MAX_NAME] if "requested_by" in body else "",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitRequest:
    """Read one unit of a run that was cut into several."""

    table: str
    run_id: str
    unit: str

    def encode(self) -> bytes:
        """Return the message's data."""
        return _dump(
            {"version": VERSION, "table": self.table, "run_id": self.run_id, "unit": self.unit}
        )

    @classmethod
    def decode(cls, delivery: Delivery) -> Self:
        """Read the message's data.

        Raises:
            InvalidMessageError: unknown version or key, or a part is missing or can name no run.
        """
        body = _load(delivery.data, known={"table", "run_id", "unit"})
        table, run_id = _run(body)
        return cls(table=table, run_id=run_id, unit=_text(body, "unit"))


def decode_extract(delivery: Delivery) -> ExtractRequest | UnitRequest:
    """Read a message of the extract topic, which carries whole runs and single units.

    Raises:
        InvalidMessageError: it is neither.
    """
    is_unit = "unit" in _keys(delivery.data)
    return UnitRequest.decode(delivery) if is_unit else ExtractRequest.decode(delivery)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRequest:
    """Load the staged run of a table, or only one of its parts into the staging table."""

    table: str
    run_id: str
    part: int | None = None

    def encode(self) -> bytes:
        """Return the message's data."""
        body: dict[str, Any] = {"version": VERSION, "table": self.table, "run_id": self.run_id}
        return _dump(body if self.part is None else {**body, "part": self.part})

    @classmethod
    def decode(cls, delivery: Delivery) -> Self:
        """Read the message's data.

        Raises:
            InvalidMessageError: unknown version or key, or a part is missing or can name no run.
        """
        body = _load(delivery.data, known={"table", "run_id", "part"})
        table, run_id = _run(body)
        part = body.get("part")
        if part is not None and (type(part) is not int or part < 0):
            raise InvalidMessageError(f"part must be a whole number from 0, got {part!r}")
        return cls(table=table, run_id=run_id, part=part)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshRequest:
    """Refresh a model of the curated zone: the run that was recorded for it."""

    model: str
    run_id: str

    def encode(self) -> bytes:
        """Return the message's data."""
        return _dump({"version": VERSION, "model": self.model, "run_id": self.run_id})

    @classmethod
    def decode(cls, delivery: Delivery) -> Self:
        """Read the message's data.

        Raises:
            InvalidMessageError: unknown version or key, or a part is missing or can name no run.
        """
        body = _load(delivery.data, known={"model", "run_id"})
        model, run_id = _run({**body, "table": body.get("model")})
        return cls(model=model, run_id=run_id)


def decode_load(delivery: Delivery) -> LoadRequest | RefreshRequest:
    """Read a message of the load topic, which carries staged runs, their parts, and models.

    Raises:
        InvalidMessageError: it is none of them.
    """
    is_refresh = "model" in _keys(delivery.data)
    return RefreshRequest.decode(delivery) if is_refresh else LoadRequest.decode(delivery)


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestRequest:
    """Take in one generation of one object in the landing bucket."""

    bucket: str
    name: str
    generation: int

    @property
    def key(self) -> str:
        """What makes this generation one of a kind: the trigger key of its run."""
        return f"gs://{self.bucket}/{self.name}#{self.generation}"

    @property
    def announced_at(self) -> datetime:
        """The generation's own time; it counts microseconds, so a file that is gone has one too."""
        return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=self.generation)

    @classmethod
    def from_key(cls, key: str) -> Self:
        """Return the request that ``key`` was made from."""
        place, _, generation = key.removeprefix("gs://").rpartition("#")
        bucket, _, name = place.partition("/")
        return cls(bucket=bucket, name=name, generation=int(generation))

    def attributes(self) -> dict[str, str]:
        """Return the attributes that Cloud Storage's own notification carries."""
        return {
            "eventType": FINALIZE,
            "bucketId": self.bucket,
            "objectId": self.name,
            "objectGeneration": str(self.generation),
        }

    @classmethod
    def decode(cls, delivery: Delivery) -> Self:
        """Read a Cloud Storage notification.

        Raises:
            InvalidMessageError: another event type, or an attribute is missing.
        """
        attributes = delivery.attributes
        if attributes.get("eventType") != FINALIZE:
            raise InvalidMessageError(
                f"event type {attributes.get('eventType')!r} is not {FINALIZE}; "
                "the landing bucket's notification must be limited to it"
            )
        try:
            return cls(
                bucket=attributes["bucketId"],
                name=attributes["objectId"],
                generation=_generation(attributes["objectGeneration"]),
            )
        except (KeyError, ValueError) as exc:
            raise InvalidMessageError(
                f"the notification lacks a usable attribute: {exc}; Cloud Storage sends "
                "bucketId, objectId and objectGeneration"
            ) from exc


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRequest:
    """Look for what was lost or left behind. Scheduler sends it, the same each time."""

    def encode(self) -> bytes:
        """Return the message's data."""
        return _dump({"version": VERSION})

    @classmethod
    def decode(cls, delivery: Delivery) -> Self:
        """Read the message's data.

        Raises:
            InvalidMessageError: unknown version or key.
        """
        _load(delivery.data, known=set())
        return cls()


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


def _run(body: dict[str, Any]) -> tuple[str, str]:
    table, run_id = _text(body, "table"), _text(body, "run_id")
    if not (naming.TABLE_NAME.fullmatch(table) and naming.RUN_ID.fullmatch(run_id)):
        raise InvalidMessageError(
            f"table {table!r} and run_id {run_id!r} can name no run; a run is named like "
            "flights and 20240131T030000Z-0123456789ab"
        )
    return table, run_id


def _check_allow_empty(body: dict[str, Any]) -> None:
    wanted = body.get("allow_empty", False)
    if type(wanted) is not bool:
        raise InvalidMessageError(f"allow_empty must be true or false, got {wanted!r}")
    if wanted and "request_id" not in body:
        raise InvalidMessageError(
            "allow_empty goes with a request_id: it is asked for once, never by a schedule"
        )


def _span(body: dict[str, Any]) -> Span | None:
    if not body.keys() & {"from", "to"}:
        return None
    if not {"from", "to", "request_id"} <= body.keys():
        raise InvalidMessageError(
            "from, to and request_id go together: a span is read again when somebody asks for it"
        )
    return Span(first=_text(body, "from"), last=_text(body, "to"))


def _rewind_to(body: dict[str, Any]) -> str | None:
    if "rewind_to" not in body:
        return None
    if "request_id" not in body or body.keys() & {"mode", "from", "to", "allow_empty"}:
        raise InvalidMessageError(
            "rewind_to goes with a request_id and nothing else: somebody asks for a table as it was"
        )
    return _run({**body, "run_id": body["rewind_to"]})[1]


def _attributes(message: dict[str, Any]) -> dict[str, str]:
    attributes: dict[str, str] = message.get("attributes") or {}
    if not all(isinstance(v, str) for v in attributes.values()):
        raise TypeError("attributes must be strings")
    return attributes


def _generation(text: str) -> int:
    if not _GENERATION.fullmatch(text) or int(text) > MAX_GENERATION:
        raise ValueError(f"{text!r} is not a generation")
    return int(text)


def _dump(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _keys(data: bytes) -> set[str]:
    """Return the keys of a message; none for what its decoder will refuse."""
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return set()
    return set(body) if isinstance(body, dict) else set()


def _load(data: bytes, *, known: set[str]) -> dict[str, Any]:
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


def _time(body: dict[str, Any], key: str) -> datetime | None:
    try:
        return parse_time(_text(body, key)) if key in body else None
    except ValueError as exc:
        raise InvalidMessageError(f"{key}: {exc}") from exc


def _text(body: dict[str, Any], key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not value:
        raise InvalidMessageError(f"{key} must be a non-empty string, got {value!r}")
    if _SURROGATE.search(value):
        raise InvalidMessageError(f"{key} {value!r} holds half a character, which is no text")
    return value
