"""The bytes of the objects: one file each, under a name of ours.

A file is written in its final place and hashed on the way; it becomes an object when the catalogue
names it. Files that the catalogue does not name, left by a crash, are removed at the next start.
"""

import base64
import contextlib
import hashlib
import os
import uuid
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO, Self

import google_crc32c

from local.gcs.records import Content

BLOCK_BYTES = 2**20
"""Bytes go through memory in blocks of this size."""


class Spool:
    """A file being written. Leaving it by any way but `keep` removes it."""

    def __init__(self, path: Path, *, with_md5: bool = True) -> None:
        """Describe the file; it is created by the first write or by `content`."""
        self._path = path
        self._file: BinaryIO | None = None
        self._is_kept = False
        self._crc32c = 0
        self._md5 = hashlib.md5(usedforsecurity=False) if with_md5 else None
        self.size_bytes = 0

    @classmethod
    def resume(cls, path: Path) -> Self:
        """Continue a file that an earlier process began."""
        spool = cls(path)
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                spool._hash(block)
        return spool

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        if not self._is_kept:
            self._path.unlink(missing_ok=True)

    @property
    def file_id(self) -> str:
        """The name of the file."""
        return self._path.name

    def write(self, block: bytes) -> None:
        """Append bytes."""
        file = self._open()
        self._hash(block)
        written = file.write(block)
        while written < len(block):
            written += file.write(block[written:])

    def content(self, component_count: int | None = None) -> Content:
        """Describe what was written, ready to be committed.

        Raises:
            OSError: the file has not the bytes that were hashed (the disk was full).
        """
        found_bytes = os.fstat(self._open().fileno()).st_size
        if found_bytes != self.size_bytes:
            raise OSError(f"{self._path} has {found_bytes} bytes instead of {self.size_bytes}")
        return Content(
            file_id=self.file_id,
            size_bytes=self.size_bytes,
            crc32c=_base64(self._crc32c.to_bytes(4, "big")),
            md5_hash=_base64(self._md5.digest()) if self._md5 else None,
            component_count=component_count,
        )

    def keep(self) -> None:
        """Leave the file alone from now on."""
        self._is_kept = True

    def close(self) -> None:
        """Give the file handle back; a later write opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> BinaryIO:
        if self._file is None:
            self._file = self._path.open("ab", buffering=0)
        return self._file

    def _hash(self, block: bytes) -> None:
        self._crc32c = google_crc32c.extend(self._crc32c, block)
        if self._md5 is not None:
            self._md5.update(block)
        self.size_bytes += len(block)


class Contents:
    """The folder of all content files."""

    def __init__(self, folder: Path) -> None:
        """Use a folder, creating it when missing."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def spool(self, *, with_md5: bool = True) -> Spool:
        """Begin a new file."""
        return Spool(self._path(uuid.uuid4().hex), with_md5=with_md5)

    def resume(self, file_id: str) -> Spool:
        """Continue a file, reading all of it once for its hashes."""
        return Spool.resume(self._path(file_id))

    def open(self, file_id: str) -> BinaryIO:
        """Open for reading; what is open stays readable when it is removed."""
        return self._path(file_id).open("rb", buffering=0)

    def link(self, file_id: str) -> str:
        """Give the same bytes a second name, with a life of its own; return it."""
        copy_id = uuid.uuid4().hex
        self._path(copy_id).hardlink_to(self._path(file_id))
        return copy_id

    def remove(self, file_id: str) -> None:
        """Remove a file; one that is gone is fine."""
        self._path(file_id).unlink(missing_ok=True)

    def sweep(self, wanted: Collection[str]) -> None:
        """Remove the files that nobody wants."""
        for path in self._folder.iterdir():
            if path.name not in wanted:
                path.unlink()

    def _path(self, file_id: str) -> Path:
        return self._folder / file_id


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode("ascii")
