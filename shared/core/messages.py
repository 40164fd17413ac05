"""What travels on Pub/Sub: requests, each versioned, each with ``decode`` beside ``encode``.

A request says only what to look at. Everything else (the table's configuration, the object's size,
the watermark) is read from its own source of truth, because messages repeat, reorder and come late.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from shared.core import deliveries, stored
from shared.core.deliveries import VERSION, Delivery
from shared.core.modes import SyncMode
from shared.core.windows import Span
from shared.errors import InvalidMessageError

FINALIZE = "OBJECT_FINALIZE"
"""A new object, or a new generation of one. Source: Cloud Storage, "Pub/Sub notifications"."""

MAX_NAME = 320
"""So much of the name of who asks is kept. Source: RFC 5321, the longest mail address."""


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
        return deliveries.dump({"version": VERSION, "table": self.table, **given})

    @classmethod
    def decode(cls, delivery: Delivery) -> Self:
        """Read the message's data; without a request the time is that of publishing.

        Raises:
            InvalidMessageError: unknown version, key or mode, a time or run id that is none, or a
                message without a request that would pass the guards, read a span again or rewind.
        """
        known_keys = {"table", "mode", "request_id", "requested_at", "run_id", "allow_empty"}
        body = deliveries.load(
            delivery.data, known=known_keys | {"from", "to", "rewind_to", "requested_by"}
        )
        _check_allow_empty(body)
        mode = body.get("mode")
        if mode is not None and mode not in list(SyncMode):
            known = ", ".join(SyncMode)
            raise InvalidMessageError(f"unknown mode {mode!r}; known: {known}", mode=mode)
        if ("request_id" in body) != ("requested_at" in body):
            raise InvalidMessageError("request_id and requested_at go together: both make the run")
        by = deliveries.text(body, "requested_by") if "requested_by" in body else ""
        return cls(
            table=deliveries.text(body, "table"),
            message_id=delivery.message_id,
            published_at=deliveries.time(body, "requested_at") or delivery.published_at,
            mode=SyncMode(mode) if mode else None,
            request_id=deliveries.text(body, "request_id") if "request_id" in body else None,
            run_id=deliveries.run(body)[1] if "run_id" in body else None,
            allow_empty=body.get("allow_empty", False),
            span=_span(body),
            rewind_to=_rewind_to(body),
            requested_by=by[:MAX_NAME],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitRequest:
    """Read one unit of a run that was cut into several."""

    table: str
    run_id: str
    unit: str

    def encode(self) -> bytes:
        """Return the message's data."""
        return deliveries.dump(
            {"version": VERSION, "table": self.table, "run_id": self.run_id, "unit": self.unit}
        )

    @classmethod
    def decode(cls, delivery: Delivery) -> Self:
        """Read the message's data.

        Raises:
            InvalidMessageError: unknown version or key, or a key is missing or can name no run.
        """
        body = deliveries.load(delivery.data, known={"table", "run_id", "unit"})
        table, run_id = deliveries.run(body)
        return cls(table=table, run_id=run_id, unit=deliveries.text(body, "unit"))


def decode_extract(delivery: Delivery) -> ExtractRequest | UnitRequest:
    """Read a message of the extract topic, which carries whole runs and single units.

    Raises:
        InvalidMessageError: it is neither.
    """
    is_unit = "unit" in deliveries.keys(delivery.data)
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
        return deliveries.dump(body if self.part is None else {**body, "part": self.part})

    @classmethod
    def decode(cls, delivery: Delivery) -> Self:
        """Read the message's data.

        Raises:
            InvalidMessageError: unknown version or key, or a key is missing or can name no run.
        """
        body = deliveries.load(delivery.data, known={"table", "run_id", "part"})
        table, run_id = deliveries.run(body)
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
        return deliveries.dump({"version": VERSION, "model": self.model, "run_id": self.run_id})

    @classmethod
    def decode(cls, delivery: Delivery) -> Self:
        """Read the message's data.

        Raises:
            InvalidMessageError: unknown version or key, or a key is missing or can name no run.
        """
        body = deliveries.load(delivery.data, known={"model", "run_id"})
        model, run_id = deliveries.run({**body, "table": body.get("model")})
        return cls(model=model, run_id=run_id)


def decode_load(delivery: Delivery) -> LoadRequest | RefreshRequest:
    """Read a message of the load topic, which carries staged runs, their parts, and models.

    Raises:
        InvalidMessageError: it is none of them.
    """
    is_refresh = "model" in deliveries.keys(delivery.data)
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
        return stored.place(self.bucket, self.name, self.generation)

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
                generation=deliveries.generation(attributes["objectGeneration"]),
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
        return deliveries.dump({"version": VERSION})

    @classmethod
    def decode(cls, delivery: Delivery) -> Self:
        """Read the message's data.

        Raises:
            InvalidMessageError: unknown version or key.
        """
        deliveries.load(delivery.data, known=set())
        return cls()


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
    return Span(first=deliveries.text(body, "from"), last=deliveries.text(body, "to"))


def _rewind_to(body: dict[str, Any]) -> str | None:
    if "rewind_to" not in body:
        return None
    if "request_id" not in body or body.keys() & {"mode", "from", "to", "allow_empty"}:
        raise InvalidMessageError(
            "rewind_to goes with a request_id and nothing else: somebody asks for a table as it was"
        )
    return deliveries.run({**body, "run_id": body["rewind_to"]})[1]
