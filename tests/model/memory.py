"""Cloud Storage and Pub/Sub in memory: the semantics of the seams, nothing else.

Names, arguments, preconditions and errors are those of ``shared.storage`` and ``shared.bus``.
"""

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from shared.errors import ConflictError, StorageUnavailableError
from shared.storage import ABSENT, HOLD_NOTE, PIECE_BYTES, ObjectInfo, Writer
from tests.model.interleaving import Baton

R = TypeVar("R")

FIRST_GENERATION = 1_700_000_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The live generation of one object."""

    info: ObjectInfo
    data: bytes


class MemoryStorage:
    """Buckets with true generations: an overwritten or deleted generation is gone.

    ``history`` keeps every generation that was ever written, ``deleted`` those that were deleted,
    ``streams`` and ``streamed_bytes`` count what was streamed: for the test alone.
    """

    def __init__(self, baton: Baton, now: Callable[[], datetime]) -> None:
        self._baton = baton
        self._now = now
        self._live: dict[tuple[str, str], Stored] = {}
        self.first_generation = FIRST_GENERATION
        self.history: list[Stored] = []
        self.deleted: list[ObjectInfo] = []
        self.streams = 0
        self.streamed_bytes = 0

    def read(self, bucket: str, name: str) -> tuple[bytes, int] | None:
        """Return an object's bytes and generation; None when there is none."""

        def operation() -> tuple[bytes, int] | None:
            found = self._live.get((bucket, name))
            return (found.data, found.info.generation) if found else None

        return self._io(f"read {name}", operation)

    def write(
        self,
        bucket: str,
        name: str,
        data: bytes,
        *,
        generation: int,
        content_type: str,
        metadata: Mapping[str, str] | None = None,
    ) -> int:
        """Write an object if its present generation is the one given; return the new one."""
        return self._baton.io(
            f"write {name}",
            lambda: self.put(bucket, name, data, generation, metadata),
            StorageUnavailableError,
            retries=True,
        )

    @contextmanager
    def create(
        self,
        bucket: str,
        name: str,
        content_type: str,
        metadata: Mapping[str, str] | None = None,
    ) -> Iterator[Writer]:
        """Stream a new object; it appears whole on leaving, or not at all on an exception."""
        content = io.BytesIO()
        writer = Writer(content)
        yield writer
        data = self.sent(writer, content.getvalue())
        # The client asks a resumable upload how far it came, so it never meets its own object.
        writer.generation = self._baton.io(
            f"create {name}",
            lambda: self.put(bucket, name, data, ABSENT, metadata),
            StorageUnavailableError,
        )

    def sent(self, writer: Writer, data: bytes) -> bytes:
        """Return what arrives of what was streamed: all of it, unless a test damages it."""
        return data

    def download(self, bucket: str, name: str, generation: int) -> bytes | None:
        """Return the bytes of one generation; None when it is gone."""

        def operation() -> bytes | None:
            found = self._find(bucket, name, generation)
            return found.data if found else None

        return self._io(f"download {name}", operation)

    def stream(
        self,
        bucket: str,
        name: str,
        generation: int,
        *,
        start: int = 0,
        end: int | None = None,
        piece_bytes: int = PIECE_BYTES,
    ) -> Iterator[bytes]:
        """Yield the stored bytes of one generation, in chunks."""
        data = self.download(bucket, name, generation)
        if data is None:
            raise FileNotFoundError(f"gs://{bucket}/{name}#{generation}")
        self.streams += 1
        data = data[:end]
        for at in range(start, len(data), piece_bytes):
            piece = data[at : at + piece_bytes]
            self.streamed_bytes += len(piece)
            yield piece

    def info(self, bucket: str, name: str, generation: int | None = None) -> ObjectInfo | None:
        """Return what is known of an object, or of one generation; None when there is none."""

        def operation() -> ObjectInfo | None:
            found = self._find(bucket, name, generation)
            return found.info if found else None

        return self._io(f"look at {name}", operation)

    def list(
        self,
        bucket: str,
        prefix: str,
        *,
        start: str = "",
        end: str = "",
        page_size: int | None = None,
    ) -> Iterator[ObjectInfo]:
        """Yield the live objects below a prefix, by name: from ``start`` on, before ``end``."""

        def operation() -> Iterator[ObjectInfo]:
            live = sorted((n, s.info) for (b, n), s in self._live.items() if b == bucket)
            within = [(n, i) for n, i in live if n >= start and (n < end or not end)]
            return iter([info for n, info in within if n.startswith(prefix)])

        yield from self._io(f"list {prefix}", operation)

    def folders(self, bucket: str, prefix: str) -> tuple[str, ...]:
        """Return the names of the folders right below a prefix that ends in a slash."""
        names = [info.name.removeprefix(prefix) for info in self.list(bucket, prefix)]
        return tuple(sorted({name.partition("/")[0] for name in names if "/" in name}))

    def note(self, bucket: str, name: str, generation: int, metadata: Mapping[str, str]) -> None:
        """Add to the metadata of one generation; its bytes and its number stay as they are."""

        def operation() -> None:
            found = self._find(bucket, name, generation)
            if found is None:
                raise FileNotFoundError(f"gs://{bucket}/{name}#{generation}")
            info = replace(found.info, metadata={**found.info.metadata, **metadata})
            self._live[bucket, name] = Stored(info=info, data=found.data)

        self._baton.io(f"note {name}", operation, StorageUnavailableError, retries=True)

    def delete(self, bucket: str, name: str, generation: int) -> None:
        """Delete one generation; one that is gone already is left gone."""

        def operation() -> None:
            found = self._live.get((bucket, name))
            if found is None:
                return
            if found.info.generation != generation:
                raise ConflictError(f"gs://{bucket}/{name} has another generation")
            if found.info.is_held:
                raise StorageUnavailableError(f"gs://{bucket}/{name} is held")
            self.deleted.append(self._live.pop((bucket, name)).info)

        self._baton.io(f"delete {name}", operation, StorageUnavailableError, retries=True)

    def hold(self, info: ObjectInfo, note: str | None) -> None:
        """Put a hold on an object, or take it away; one that is gone is left gone."""

        def operation() -> None:
            found = self._find(info.bucket, info.name, info.generation)
            if found is None:
                return
            metadata = {k: v for k, v in found.info.metadata.items() if k != HOLD_NOTE}
            metadata |= {HOLD_NOTE: note} if note else {}
            held = replace(found.info, is_held=note is not None, metadata=metadata)
            self._live[info.bucket, info.name] = replace(found, info=held)

        self._baton.io(f"hold {info.name}", operation, StorageUnavailableError, retries=True)

    def copy(self, source: ObjectInfo, bucket: str, name: str) -> None:
        """Copy one generation to a new name; a copy made before is left alone."""

        def operation() -> None:
            found = self._find(source.bucket, source.name, source.generation)
            if found is None:
                raise FileNotFoundError(str(source))
            if (bucket, name) not in self._live:
                self.put(bucket, name, found.data, ABSENT)

        self._baton.io(f"copy to {name}", operation, StorageUnavailableError, retries=True)

    def put(
        self,
        bucket: str,
        name: str,
        data: bytes,
        generation: int,
        metadata: Mapping[str, str] | None = None,
    ) -> int:
        """Write at once, without waiting for a turn."""
        found = self._live.get((bucket, name))
        if generation != (found.info.generation if found else ABSENT):
            raise ConflictError(f"gs://{bucket}/{name} has another generation")
        info = ObjectInfo(
            bucket=bucket,
            name=name,
            generation=self.first_generation + len(self.history),
            size_bytes=len(data),
            created_at=self._now(),
            metadata=metadata or {},
        )
        self._live[bucket, name] = stored = Stored(info=info, data=data)
        self.history.append(stored)
        return info.generation

    def _io(self, name: str, operation: Callable[[], R]) -> R:
        return self._baton.io(name, operation, StorageUnavailableError)

    def _find(self, bucket: str, name: str, generation: int | None) -> Stored | None:
        found = self._live.get((bucket, name))
        if found and generation in (None, found.info.generation):
            return found
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One published message."""

    id: str
    topic: str
    data: bytes


class MemoryBus:
    """Keeps what is published. When and how often it arrives is the test's business."""

    def __init__(self, baton: Baton) -> None:
        self._baton = baton
        self.sent: list[Sent] = []

    def publish(self, topic: str, data: bytes, attributes: Mapping[str, str] | None = None) -> str:
        """Publish one message and return its id."""
        return self._baton.io(
            f"send to {topic.rpartition('/')[2]}",
            lambda: self.put(topic, data),
            StorageUnavailableError,
            retries=True,
        )

    def put(self, topic: str, data: bytes) -> str:
        """Publish at once, without waiting for a turn."""
        self.sent.append(Sent(id=f"message-{len(self.sent)}", topic=topic, data=data))
        return self.sent[-1].id
