"""An object of Cloud Storage as a file that is read in order, or at any place."""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.storage import ObjectInfo, Storage


@dataclass(frozen=True, slots=True)
class StoredFile:
    """The bytes of one generation of one object: a ``csv.RangedFile``.

    Raises:
        FileNotFoundError: on reading: the generation is gone.
    """

    storage: Storage
    info: ObjectInfo

    def __iter__(self) -> Iterator[bytes]:
        """Yield its bytes from the start."""
        info = self.info
        return self.storage.stream(info.bucket, info.name, info.generation)

    @property
    def size_bytes(self) -> int:
        """How many there are."""
        return self.info.size_bytes

    def range(self, start: int, count: int) -> bytes:
        """Return bytes from a place on, fewer where the file ends before."""
        info, end = self.info, min(start + count, self.size_bytes)
        if end <= start:
            return b""
        pieces = self.storage.stream(info.bucket, info.name, info.generation, start=start, end=end)
        return b"".join(pieces)
