"""Cloud Storage through Google's client: ``client`` asks, ``failures`` sorts what goes wrong."""

from shared.storage.client import PIECE_BYTES, Storage
from shared.storage.objects import ABSENT, HOLD_NOTE, ObjectInfo, Writer

__all__ = ["ABSENT", "HOLD_NOTE", "PIECE_BYTES", "ObjectInfo", "Storage", "Writer"]
