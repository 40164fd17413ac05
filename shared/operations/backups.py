"""Backups: ledger and configurations as one archive, and the way back for what is missing.

An archive is NDJSON under gzip: a head, one line per object, and an end with the number of objects
and the hash of all lines before it. Objects are read one by one, so an archive is of no single
moment; it need not be, because a record coordinates and the target alone decides what is visible.
A restore therefore only brings back what is missing and never replaces anything: a run that the
archive has as open is asked to go on by the sweep, and finds in the target what it had done.
"""

import gzip
import hashlib
import json
import zlib
from collections.abc import Container, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import IO, Any, cast

from shared.core import naming
from shared.core.audit import Event
from shared.errors import ConflictError, IntegrityError
from shared.ledger import WRITTEN_AT
from shared.operations import tables
from shared.storage import ABSENT, ObjectInfo
from shared.wiring import Services

VERSION = 1

READERS = 16
"""Objects read or written at a time."""

BATCH = 500
"""Objects in memory at a time."""

CONTENT_TYPE = "application/gzip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """An archive of ledger and configurations."""

    backup_id: str
    made_at: datetime
    size_bytes: int
    objects: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a restore did: ``kept`` were there; ``left`` are the files', for a deployment."""

    written: int
    kept: int
    left: int


def make(services: Services, at: datetime, by: str) -> Backup:
    """Write an archive of all that is there now; the same moment again finds the first.

    Raises:
        StorageUnavailableError: an object could not be read, or the archive not be written.
    """
    backup_id = naming.moment(at)
    if found := find(services, backup_id):
        return found
    bucket = services.settings.bucket("state")
    count = 0
    with services.storage.create(bucket, naming.backup_object(backup_id), CONTENT_TYPE) as out:
        digest = hashlib.sha256()
        with gzip.GzipFile(fileobj=cast(IO[bytes], out), mode="wb", mtime=0) as packed:
            head = {
                "version": VERSION,
                "made_at": at.isoformat(),
                "prefix": services.settings.prefix,
            }
            for line in chain([_line(head)], _lines(services)):
                packed.write(line)
                digest.update(line)
                count += 1
            packed.write(_line({"objects": count - 1, "sha256": digest.hexdigest()}))
    _tell(services, f"backup/{backup_id}/made", "backup.made", by, {"objects": count - 1})
    return Backup(backup_id=backup_id, made_at=at, size_bytes=out.size_bytes, objects=count - 1)


def find(services: Services, backup_id: str) -> Backup | None:
    """Return an archive that is whole; None when there is none of this id.

    Raises:
        IntegrityError: it is not as it was written.
    """
    info = _info(services, backup_id)
    if info is None:
        return None
    made_at = naming.run_time(backup_id)
    objects = sum(1 for _ in _objects(services, info))
    return Backup(backup_id=backup_id, made_at=made_at, size_bytes=info.size_bytes, objects=objects)


def listed(services: Services) -> list[ObjectInfo]:
    """Return the archives as a listing shows them, the oldest first."""
    return list(services.storage.list(services.settings.bucket("state"), naming.BACKUPS))


def content(services: Services, backup_id: str) -> Iterator[bytes] | None:
    """Return the bytes of an archive, piece by piece; None when there is none of this id."""
    info = _info(services, backup_id)
    if info is None:
        return None
    return services.storage.stream(info.bucket, info.name, info.generation)


def restore(services: Services, backup_id: str, by: str) -> Restored | None:
    """Bring back what an archive has and the buckets have not; None when there is no such archive.

    Raises:
        IntegrityError: it is not as it was written; nothing was brought back.
        InvalidConfigError: a table through the API would write where another table or a model does
            by now; nothing was brought back.
    """
    info = _info(services, backup_id)
    if info is None:
        return None
    # All of it is looked through before anything is written.
    known = set(services.config.names())
    lost = [e for e in _objects(services, info) if _is_api_table(e) and not _is_table_of(e, known)]
    tables.require_restorable(services, ((t["name"], t["text"].encode()) for t in lost))
    written = kept = left = 0
    objects = _objects(services, info)
    with ThreadPoolExecutor(READERS) as pool:
        while batch := list(islice(objects, BATCH)):
            mine = [each for each in batch if _is_restorable(each)]
            new = [each for each in mine if not _is_table_of(each, known)]
            done = list(pool.map(lambda each: _put(services, each), new))
            written, kept = written + sum(done), kept + len(mine) - sum(done)
            left += len(batch) - len(mine)
    found = Restored(written=written, kept=kept, left=left)
    at_s = int(services.now().timestamp())
    facts = {"written": written, "kept": kept, "left": left}
    _tell(services, f"backup/{backup_id}/{at_s}/restored", "backup.restored", by, facts)
    return found


def _lines(services: Services) -> Iterator[bytes]:
    """Yield a line for each object of ledger and configurations."""
    config, state = services.settings.bucket("config"), services.settings.bucket("state")
    infos = chain(services.storage.list(config, ""), services.storage.list(state, naming.LEDGER))
    wanted = (info for info in infos if not info.name.startswith(naming.REQUESTS))
    with ThreadPoolExecutor(READERS) as pool:
        while batch := list(islice(wanted, BATCH)):
            yield from filter(None, pool.map(lambda info: _kept(services, info), batch))


def _kept(services: Services, info: ObjectInfo) -> bytes:
    """Return the line of an object; empty for one that is gone by now."""
    found = services.storage.read(info.bucket, info.name)
    if found is None:
        return b""
    metadata = {WRITTEN_AT: info.created_at.isoformat(), **info.metadata}
    zone = info.bucket.removeprefix(f"{services.settings.prefix}-")
    facts = {"zone": zone, "name": info.name, "metadata": metadata, "text": found[0].decode()}
    return _line(facts)


def _objects(services: Services, info: ObjectInfo) -> Iterator[dict[str, Any]]:
    """Yield the objects in an archive.

    Raises:
        IntegrityError: it is of another release, ends too early, or is not as it was written.
    """
    chunks = services.storage.stream(info.bucket, info.name, info.generation)
    lines = _unpacked(chunks, info.name)
    head = next(lines, b"")
    if _facts(head, info.name).get("version") != VERSION:
        raise IntegrityError(f"{info.name} is an archive of another release")
    digest = hashlib.sha256(head)
    for count, line in enumerate(lines):
        facts = _facts(line, info.name)
        if "objects" in facts:
            if facts != {"objects": count, "sha256": digest.hexdigest()}:
                raise IntegrityError(f"{info.name} is not as it was written; take another archive")
            return
        digest.update(line)
        yield facts
    raise IntegrityError(f"{info.name} ends too early; take another archive")


def _facts(line: bytes, name: str) -> dict[str, Any]:
    try:
        facts = json.loads(line)
    except ValueError:
        facts = None
    if not isinstance(facts, dict):
        raise IntegrityError(f"{name} has a line that is no object; take another archive")
    return facts


def _unpacked(chunks: Iterator[bytes], name: str) -> Iterator[bytes]:
    try:
        with gzip.GzipFile(fileobj=cast(IO[bytes], _Pieces(chunks))) as packed:
            yield from packed
    except (EOFError, OSError, zlib.error) as exc:
        raise IntegrityError(f"{name} cannot be unpacked: {exc}; take another archive") from exc


class _Pieces:
    """Pieces of bytes as a file to read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._rest = chunks, b""

    def read(self, size: int) -> bytes:
        """Return at most so many bytes; none at the end."""
        if not self._rest:
            self._rest = next(self._chunks, b"")
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece


def _is_restorable(facts: dict[str, Any]) -> bool:
    """Say whether an object is brought back: those of the files are a deployment's."""
    folder, _ = naming.configured_by(facts["name"])
    return facts["zone"] == "state" or folder == "api"


def _is_api_table(facts: dict[str, Any]) -> bool:
    folder, table = naming.configured_by(facts["name"])
    return bool(facts["zone"] == "config" and folder == "api" and table)


def _is_table_of(facts: dict[str, Any], known: Container[str]) -> bool:
    """Say whether an object is a table through the API that is one of these, or of the files."""
    return _is_api_table(facts) and naming.configured_by(facts["name"])[1] in known


def _put(services: Services, facts: dict[str, Any]) -> bool:
    """Write an object; False where there is one."""
    try:
        services.storage.write(
            services.settings.bucket(facts["zone"]),
            facts["name"],
            facts["text"].encode(),
            generation=ABSENT,
            content_type="application/json",
            metadata=facts["metadata"],
        )
    except ConflictError:
        return False
    return True


def _info(services: Services, backup_id: str) -> ObjectInfo | None:
    bucket = services.settings.bucket("state")
    return services.storage.info(bucket, naming.backup_object(backup_id))


def _tell(services: Services, event_id: str, kind: str, by: str, facts: dict[str, int]) -> None:
    services.audit.append(
        Event(
            table=naming.NO_TABLE,
            event_id=event_id,
            kind=kind,
            at=services.now(),
            by=by,
            detail=json.dumps(facts),
        )
    )


def _line(facts: dict[str, Any]) -> bytes:
    return json.dumps(facts, separators=(",", ":")).encode() + b"\n"
