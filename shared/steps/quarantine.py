"""What lies in quarantine: the rejected rows of a run, and the file that they were in."""

from collections.abc import Iterator

from shared import csv
from shared.core.manifests import FileOrigin, Manifest
from shared.core.runs import Run, RunState, Trigger
from shared.errors import IllegalTransitionError, InvalidMessageError
from shared.steps.quarantined_rows import rejected_rows
from shared.steps.stored_files import StoredFile
from shared.wiring import Services


def holds_rows(run: Run) -> bool:
    """Say whether a run left rows, or its whole file, in quarantine."""
    if run.receipt and run.receipt.rows_rejected:
        return True
    return run.trigger is Trigger.FILE and run.state is RunState.QUARANTINED


def export(run: Run, services: Services) -> Iterator[bytes]:
    """Yield the rejected rows as a file: its beginning as it was, then these rows, byte by byte.

    Those of Parquet are NDJSON.

    Raises:
        InvalidMessageError: the run staged nothing, so all of its file is in quarantine.
        IllegalTransitionError: the run rejected no rows, or they came from a table.
    """
    manifest, file = origin(run, services)
    require_rejects(manifest)
    places = sorted(row.place for row in rejected_rows(run, services))
    raw = services.settings.bucket("raw")
    info = services.storage.info(raw, file.original) if file.original else None
    if info is None:
        gone = f"gs://{raw}/{file.original}, the file itself, is not kept any more"
        kept = f"{run.table} keeps no originals (csv.raw is off); take the rows from the sender"
        raise InvalidMessageError(gone if file.original else kept)

    original = StoredFile(services.storage, info)
    dialect, schema = csv.Dialect.from_dict(file.dialect), file.read_as or manifest.schema
    yield from csv.excerpt(original, dialect, schema, places)


def encoding(run: Run, services: Services) -> str | None:
    """Return how the characters of a run's file are written; None: it staged nothing of one."""
    manifest = services.manifests.find(run.table, run.run_id)
    found = manifest.file.dialect.get("encoding") if manifest and manifest.file else None
    return str(found) if found else None


def origin(run: Run, services: Services) -> tuple[Manifest, FileOrigin]:
    """Return the manifest of a run, and the file that it is of.

    Raises:
        InvalidMessageError: the run staged nothing, so all of its file is in quarantine.
        IllegalTransitionError: its rows came from a table.
    """
    if run.trigger is not Trigger.FILE:
        raise IllegalTransitionError(
            f"the rows of run {run.run_id} came from a table, which still has them: mend them "
            f"there, and a run of {run.table} brings them"
        )
    manifest = services.manifests.find(run.table, run.run_id)
    if manifest is None or manifest.file is None:
        raise InvalidMessageError(
            f"run {run.run_id} staged nothing of a file; `sluice quarantine show {run.run_id}` has "
            f"what is known, and `sluice replay {run.run_id}` reads the file again"
        )
    return manifest, manifest.file


def require_rejects(manifest: Manifest) -> None:
    """Make sure that a run rejected rows.

    Raises:
        IllegalTransitionError: it rejected none.
    """
    if not manifest.rows_rejected:
        raise IllegalTransitionError(f"run {manifest.run_id} rejected no rows")
