"""The bytes of a dropped file: as it was dropped, or as its original was kept in the raw zone."""

import logging
from dataclasses import replace

from shared import timings
from shared.config.tables import ResolvedTable
from shared.core import naming
from shared.core.messages import IngestRequest
from shared.core.modes import SyncMode
from shared.core.runs import Run
from shared.errors import FileGoneError
from shared.steps.attempts import Work
from shared.storage import ObjectInfo

log = logging.getLogger(__name__)


def find(
    work: Work, resolved: ResolvedTable, request: IngestRequest
) -> tuple[ObjectInfo, ObjectInfo] | None:
    """Return the dropped file, and the object that has its bytes: itself, or its original.

    None when a newer file replaces all of its rows anyway, or it was deleted before anybody read
    it.

    Raises:
        FileGoneError: its rows are lost.
    """
    services = work.services
    if file := services.storage.info(request.bucket, request.name, request.generation):
        if work.is_first:
            # A later attempt would tell of the back-off, not of how long a file waits.
            waited = services.now() - file.created_at
            log.info("file picked up", extra={"wait_s": waited.total_seconds()})
        try:
            if are_kept(resolved):
                _keep(work, file)
        except FileNotFoundError:
            log.info("the file went while it was copied", extra={"object": request.key})
        else:
            return file, file
    newer = services.storage.info(request.bucket, request.name)
    if newer and resolved.table.sync_mode is SyncMode.FULL:
        return None
    original = name_of(work.run, request.name)
    if kept := services.storage.info(services.settings.bucket("raw"), original):
        file = replace(
            kept,
            bucket=request.bucket,
            name=request.name,
            generation=request.generation,
            created_at=request.announced_at,
        )
        return file, kept
    if newer is None and work.is_first:
        return None
    raise FileGoneError(
        f"{request.key} was {'overwritten' if newer else 'deleted'} before it was read to its end, "
        "and no original of it is kept: its rows are lost. Have the sender drop it once more, "
        "each file under a name of its own",
        object=request.key,
    )


def are_kept(resolved: ResolvedTable) -> bool:
    """Say whether originals of a table's files are copied to the raw zone."""
    return resolved.table.csv is None or resolved.table.csv.raw


def _keep(work: Work, file: ObjectInfo) -> None:
    raw = work.services.settings.bucket("raw")
    with timings.timed("keep original", bytes=file.size_bytes):
        work.services.storage.copy(file, raw, name_of(work.run, file.name))


def name_of(run: Run, name: str) -> str:
    """Return the name of a file's original, which is known without the file."""
    return naming.raw_object(run.table, run.run_id, naming.run_time(run.run_id), name)
