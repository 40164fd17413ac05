"""How a file is packed, for who writes it anew."""

from collections.abc import Iterable
from enum import Enum, auto

from shared.csv.unpacking import FORMATS, GZIP

_PARQUET = b"PAR1"
"""Source: parquet-format, "File format"."""


class Packing(Enum):
    """How a file is packed, as far as it can be packed again."""

    NONE = auto()
    GZIP = auto()
    PARQUET = auto()
    """Not the file, but its values."""
    OTHER = auto()
    """That of workbooks, too, whatever is in them."""


def packing(chunks: Iterable[bytes]) -> Packing:
    """Say how a file is packed, by its first bytes."""
    head = next(iter(chunks), b"")
    if head.startswith(_PARQUET):
        return Packing.PARQUET
    name = next((name for first, name, _ in FORMATS if head.startswith(first)), None)
    if name is None:
        return Packing.NONE
    return Packing.GZIP if name == GZIP else Packing.OTHER
