"""A file of which any part can be read: what a kind needs whose contents stand at its end."""

from collections.abc import Iterator
from typing import Protocol, runtime_checkable


@runtime_checkable
class RangedFile(Protocol):
    """The bytes of one file that does not change: all of them in order, or those of a range.

    Files of text are read in order alone, so any iterable of bytes does for them.
    """

    def __iter__(self) -> Iterator[bytes]:
        """Yield its bytes from the start."""

    @property
    def size_bytes(self) -> int:
        """How many there are."""

    def range(self, start: int, count: int) -> bytes:
        """Return ``count`` bytes from ``start`` on, fewer where the file ends before.

        Raises:
            FileNotFoundError: the file is gone.
        """
