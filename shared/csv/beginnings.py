"""The first bytes of a file, unpacked: what its dialect is found in."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shared.csv.detection.worksheets import refuse_other_text
from shared.csv.dialect import Worksheet
from shared.csv.unpacking import unpacked

HEAD_BYTES = 2**20
"""How much of a file is looked at to find its dialect."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first bytes of a file, at most ``HEAD_BYTES``."""

    head: bytes
    is_packed: bool
    evidence: tuple[str, ...] = ()
    """Which worksheet of a workbook it is, and why."""

    @property
    def is_whole(self) -> bool:
        """These are all bytes of the file."""
        return len(self.head) < HEAD_BYTES


def beginning(chunks: Iterable[bytes], worksheet: Worksheet | None = None) -> Beginning:
    """Return the first bytes of a file.

    Args:
        chunks: its bytes, packed or not.
        worksheet: what is wanted of a workbook; None: the file is to be none.

    Raises:
        InvalidFileError: it cannot be unpacked; where a worksheet is wanted: it is something else.
    """
    start, head = b"", b""
    told: list[str] = []

    def watched() -> Iterator[bytes]:
        nonlocal start
        for chunk in chunks:
            start = start or chunk
            yield chunk

    for chunk in unpacked(watched(), worksheet, told.append):
        head += chunk
        if len(head) >= HEAD_BYTES:
            break
    if worksheet is not None and not told:
        refuse_other_text(head)
    is_packed = not (head.startswith(start) or start.startswith(head))
    return Beginning(head[:HEAD_BYTES], is_packed, tuple(told))
