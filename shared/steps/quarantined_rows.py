"""The rejected rows of runs as they are kept: lines of NDJSON in the quarantine bucket.

``quarantine`` says what may be done with them. Every row knows where its line begins, so whoever
looks at them page by page reads on from there, however many there are before.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from shared.core import naming
from shared.core.manifests import Manifest
from shared.core.runs import Run
from shared.errors import ConflictError, InvalidMessageError
from shared.storage import ObjectInfo
from shared.wiring import Services

PIECE_BYTES = 2**16
"""Rejects are read in pieces of this size: whoever wants one page of them stops early."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where the line of a rejected row begins: so many bytes into one generation of an object."""

    name: str
    generation: int
    offset: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """One rejected row, as its line in quarantine says."""

    facts: dict[str, Any]
    position: Position | None = None
    """None: it was told by somebody who does not say."""

    @property
    def place(self) -> tuple[int, int]:
        """Where it starts in the unpacked file, and its bytes."""
        return self.facts["byte_offset"], self.facts["byte_count"]


def rejected_rows(
    run: Run, services: Services, start: Position | None = None
) -> Iterator[Rejected]:
    """Yield the rejected rows of a run, about in the order of the file.

    Those of the attempt that was loaded; where none was, those of the last attempt. A table's are
    those of all units that were loaded.

    Args:
        run: whose.
        services: where to look.
        start: of the row to begin with; nothing before it is read.

    Raises:
        ConflictError: the rows of the run are kept elsewhere by now, or were rewritten.
        InvalidMessageError: no row begins there.
    """
    manifest = services.manifests.find(run.table, run.run_id)
    if manifest:
        for name in _names_from(names(manifest), start):
            yield from kept(name, services, start)
        return
    attempts = [naming.rejects_object(run.table, run.run_id, a.id) for a in reversed(run.attempts)]
    for name in _names_from(attempts, start):
        rows = kept(name, services, start)
        if first := next(rows, None):
            yield first
            yield from rows
            return


def names(manifest: Manifest) -> tuple[str, ...]:
    """Return the names of the objects with the rejected rows of what was staged.

    There need not be any object of a name.
    """
    if manifest.observed and manifest.observed.rejects:
        return manifest.observed.rejects
    return (naming.rejects_object(manifest.table, manifest.run_id, manifest.attempt),)


def kept(name: str, services: Services, start: Position | None = None) -> Iterator[Rejected]:
    """Yield the rejected rows in an object; none if there is no such object.

    Args:
        name: of the object.
        services: where it is.
        start: of the row to begin with, if it is in this object.

    Raises:
        ConflictError: the object is another one than the start was in.
        InvalidMessageError: no row begins there.
    """
    found = services.storage.info(services.settings.bucket("quarantine"), name)
    offset = _offset(name, found, start)
    if found is None or not found.size_bytes:
        return
    for line, at in _lines_of(found, offset, services):
        position = Position(name=name, generation=found.generation, offset=at)
        yield Rejected(json.loads(line), position)


def _names_from(found: Sequence[str], start: Position | None) -> Sequence[str]:
    """Return the objects from the one on that has the first row.

    Raises:
        ConflictError: it is none of them.
    """
    if start is None:
        return found
    if start.name not in found:
        raise ConflictError(f"{start.name} has no rejected rows of the run any more")
    return found[found.index(start.name) :]


def _offset(name: str, found: ObjectInfo | None, start: Position | None) -> int:
    """Return how many bytes of an object are before the first row."""
    if start is None or start.name != name:
        return 0
    if found is None or found.generation != start.generation:
        raise ConflictError(f"{name} is gone or was rewritten")
    if not 0 <= start.offset < found.size_bytes:
        raise InvalidMessageError(f"{name} has no byte {start.offset}")
    return start.offset


def _lines_of(found: ObjectInfo, offset: int, services: Services) -> Iterator[tuple[bytes, int]]:
    """Yield the lines of an object from an offset on, each with its own.

    Raises:
        InvalidMessageError: no line begins there.
    """
    # The byte before tells whether a line begins.
    at = max(0, offset - 1)
    chunks = services.storage.stream(
        found.bucket, found.name, found.generation, start=at, piece_bytes=PIECE_BYTES
    )
    for line in _lines(chunks):
        if at >= offset:
            yield line, at
        elif line:
            raise InvalidMessageError(f"no row begins at byte {offset} of {found.name}")
        at += len(line) + 1


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
    if rest:
        yield rest
