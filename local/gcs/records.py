"""What is known of an object: the values that the store keeps and the API renders."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An object by name, or one generation of it."""

    bucket: str
    name: str
    generation: int | None = None
    """None stands for the live one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The bytes of one generation: where they are and what they hash to."""

    file_id: str
    size_bytes: int
    crc32c: str
    """Base64 of the four bytes, big-endian."""
    md5_hash: str | None
    """Base64; None for composed objects, as in the real service."""
    component_count: int | None = None
    """Number of objects this was composed of; None for the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRecord:
    """One generation of one object."""

    bucket: str
    name: str
    generation: int
    metageneration: int
    content: Content
    attributes: dict[str, Any]
    """What the caller may set, under the JSON API's names: contentType, metadata, …"""
    created_at: str
    updated_at: str
    deleted_at: str | None = None
    """When it stopped being the live generation; None while it is."""


class EventType(StrEnum):
    """What can happen to an object. Source: Cloud Storage, "Pub/Sub notifications"."""

    FINALIZE = "OBJECT_FINALIZE"
    METADATA_UPDATE = "OBJECT_METADATA_UPDATE"
    DELETE = "OBJECT_DELETE"
    ARCHIVE = "OBJECT_ARCHIVE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something that happened to one generation."""

    event_type: EventType
    record: ObjectRecord
    at: str
    replaced_generation: int | None = None
    """Of a new object: the generation whose place it took."""
    successor_generation: int | None = None
    """Of one that lost its place: the generation that took it."""


def now() -> str:
    """The time as RFC 3339 in UTC with milliseconds, as the JSON API writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
