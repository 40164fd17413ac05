"""Backups of ledger and configurations: made, listed, taken away, brought back."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict
from starlette.responses import JSONResponse, StreamingResponse

from shared.api import examples
from shared.api.access import Admin
from shared.api.context import Lent
from shared.api.idempotency import Idempotent
from shared.api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, page_of_names
from shared.api.problems import Refusal
from shared.core import naming
from shared.operations import backups

router = APIRouter(prefix="/api/v1/admin/backups", tags=["backups"])

EXAMPLE = "20240131T030000Z"

BackupId = Annotated[
    str,
    Path(
        pattern=rf"^{naming.BACKUP_ID.pattern}$",
        description="Id of a backup: the moment that it was made at.",
        examples=[EXAMPLE],
    ),
]


class BackupModel(BaseModel):
    """An archive that was made."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "backup_id": EXAMPLE,
                    "made_at": "2024-01-31T03:00:00Z",
                    "size_bytes": 81234,
                    "objects": 1500,
                }
            ]
        }
    )

    backup_id: str
    made_at: datetime
    size_bytes: int
    objects: int


class ListedBackup(BaseModel):
    """An archive, as a listing shows it."""

    model_config = examples.shown({"backup_id": EXAMPLE, "size_bytes": 81234})

    backup_id: str
    size_bytes: int


class RestoredModel(BaseModel):
    """What was brought back."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"written": 12, "kept": 1488, "left": 3}]}
    )

    written: int
    kept: int
    left: int


@router.get("")
def list_backups(
    services: Lent, _: Admin, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[ListedBackup]:
    """List the backups there are, the oldest first."""
    found = {
        info.name.removeprefix(naming.BACKUPS).partition(".")[0]: info
        for info in backups.listed(services)
    }
    names, following = page_of_names(sorted(found), limit, cursor)
    items = [ListedBackup(backup_id=name, size_bytes=found[name].size_bytes) for name in names]
    return Page(items=items, next=following)


@router.post("", status_code=201, responses={201: {"model": BackupModel}})
def make_backup(services: Lent, _: Admin, once: Idempotent) -> JSONResponse:
    """Write ledger and configurations into one archive, in the state bucket."""
    return once(
        lambda ask: BackupModel.model_validate(
            backups.make(services, ask.at, ask.by), from_attributes=True
        ),
        HTTPStatus.CREATED,
    )


@router.get("/{backup_id}", response_class=StreamingResponse)
def download_backup(services: Lent, _: Admin, backup_id: BackupId) -> StreamingResponse:
    """Return an archive as a file, to keep elsewhere."""
    content = backups.content(services, backup_id)
    if content is None:
        raise _unknown(backup_id)
    headers = {"Content-Disposition": f'attachment; filename="sluice-{backup_id}.ndjson.gz"'}
    return StreamingResponse(content, media_type=backups.CONTENT_TYPE, headers=headers)


@router.post("/{backup_id}/restore", responses={200: {"model": RestoredModel}})
def restore_backup(services: Lent, _: Admin, once: Idempotent, backup_id: BackupId) -> JSONResponse:
    """Bring back what an archive has and the buckets have not; what is there stays as it is.

    Tables of the files are left to a deployment.
    """

    def bring_back(by: str) -> RestoredModel:
        found = backups.restore(services, backup_id, by)
        if found is None:
            raise _unknown(backup_id)
        return RestoredModel.model_validate(found, from_attributes=True)

    return once(lambda ask: bring_back(ask.by), HTTPStatus.OK)


def _unknown(backup_id: str) -> Refusal:
    return Refusal(
        HTTPStatus.NOT_FOUND,
        "unknown_backup",
        f"there is no backup {backup_id}; /api/v1/admin/backups lists those there are",
    )
