"""One archive per function: the same files give the same bytes, on every machine.

An archive holds ``main.py``, the locked ``requirements.txt`` and those files of ``shared/`` that
the function can import (``imports``). Entries are sorted, their times and modes fixed, and they are
stored, not compressed: compressors differ between versions of zlib, and the hash of an archive
decides whether a function is deployed again (docs/adr/0006).
"""

import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

from shared.deploy import imports
from shared.errors import DeploymentError

MAX_ARCHIVE_BYTES = 100 * 10**6
"""Source: Cloud Run functions, "Quotas": size of the compressed source."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip file can hold."""

_MODE = 0o100644 << 16
"""A plain file that everybody may read."""

_UNIX = 3
"""The system that an entry's mode belongs to, wherever the archive is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """What one function is deployed from."""

    function: str
    data: bytes
    entries: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """Hex digest of the bytes: the archive's identity."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def size_bytes(self) -> int:
        """Size of the file."""
        return len(self.data)

    @property
    def file_name(self) -> str:
        """Name of the file in the folder of archives."""
        return f"{self.function}.zip"


def functions(repository: Path) -> list[str]:
    """Return the names of all functions, sorted.

    Raises:
        DeploymentError: the folder is no checkout of this project.
    """
    found = sorted(path.parent.name for path in repository.glob("functions/*/main.py"))
    if not found:
        raise DeploymentError(
            f"{repository} holds no functions/<name>/main.py; run this in a checkout of the project"
        )
    return found


def build(repository: Path) -> list[Archive]:
    """Build the archives of all functions in memory, in the order of their names.

    Raises:
        DeploymentError: a function lacks its requirements, or its archive is too large.
    """
    return [_build(repository, name) for name in functions(repository)]


def write(archives: list[Archive], folder: Path) -> None:
    """Write archives as ``<function>.zip``, and remove those of functions that are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = {archive.file_name for archive in archives}
    for path in folder.glob("*.zip"):
        if path.name not in kept:
            path.unlink()
    for archive in archives:
        (folder / archive.file_name).write_bytes(archive.data)


def _build(repository: Path, name: str) -> Archive:
    folder = Path("functions") / name
    entries = {
        "main.py": folder / "main.py",
        "requirements.txt": folder / "requirements.txt",
        **{p.as_posix(): p for p in imports.closure(repository, folder / "main.py")},
    }
    try:
        contents = {entry: (repository / entries[entry]).read_bytes() for entry in sorted(entries)}
    except FileNotFoundError as exc:
        raise DeploymentError(f"{exc.filename} is missing; `make lock` writes it") from exc
    archive = Archive(function=name, data=_pack(contents), entries=tuple(contents))
    if archive.size_bytes > MAX_ARCHIVE_BYTES:
        raise DeploymentError(
            f"the archive of {name} has {archive.size_bytes:,} bytes, and Google takes "
            f"{MAX_ARCHIVE_BYTES:,}; look for data files below shared/"
        )
    return archive


def _pack(contents: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:
        for name, data in contents.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = _UNIX
            entry.external_attr = _MODE
            file.writestr(entry, data)
    return buffer.getvalue()
