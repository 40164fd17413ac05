"""Stored objects: what is known of one, and the stream into a new one."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.core import stored

ABSENT = 0
"""The generation of an object that does not exist, in preconditions."""

HOLD_NOTE = "held-for"
"""Key of the metadata that says who put a hold on an object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInfo:
    """One generation of one object."""

    bucket: str
    name: str
    generation: int
    size_bytes: int
    created_at: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)
    """What the writer wanted a listing to tell."""
    is_held: bool = False
    """Somebody's hold keeps everybody from deleting or replacing it, life cycles too."""

    @property
    def uri(self) -> str:
        """Address of the object, whatever its generation."""
        return f"gs://{self.bucket}/{self.name}"

    @property
    def place(self) -> str:
        """Name of this generation, in records and for people."""
        return stored.place(self.bucket, self.name, self.generation)


class Writer:
    """A stream into a new object: counts and hashes what passes.

    ``generation`` is known once the stream is closed; leaving the stream by an exception leaves no
    object behind.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._sha256 = hashlib.sha256()
        self.size_bytes = 0
        self.generation = ABSENT
        self.closed = False

    def write(self, data: Any) -> int:
        """Send bytes."""
        self._sha256.update(data)
        size = memoryview(data).nbytes
        self.size_bytes += size
        self._stream.write(data)
        return size

    def flush(self) -> None:
        """Do nothing: an object appears whole, when the stream closes."""

    @property
    def sha256(self) -> str:
        """Hex digest of everything written so far."""
        return self._sha256.hexdigest()
