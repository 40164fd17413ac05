"""What the API says of quarantine: runs that left something there, and rejected rows by cells."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from shared.api import examples
from shared.core.runs import Run, RunState
from shared.steps import resending
from shared.wiring import Services


class QuarantinedRun(BaseModel):
    """A run that left something in quarantine."""

    model_config = examples.shown(examples.QUARANTINED)

    run_id: str
    table: str
    state: RunState
    file: str = Field(description="The dropped file, as gs://bucket/name#generation.")
    rows_rejected: int | None = Field(description="Null: the whole file was refused.")
    reason: str | None = Field(description="Why the whole file was refused.")
    replayed_by: str | None = Field(description="The run that its rows were sent through again.")
    updated_at: datetime

    @classmethod
    def of(cls, run: Run, services: Services) -> Self:
        """Return what a run left in quarantine."""
        return cls(
            run_id=run.run_id,
            table=run.table,
            state=run.state,
            file=run.trigger_key,
            rows_rejected=run.receipt.rows_rejected if run.receipt else None,
            reason=run.failure.message if run.failure else None,
            replayed_by=resending.replayed_by(run, services),
            updated_at=run.updated_at,
        )


class QuarantinedFile(QuarantinedRun):
    """What a run left in quarantine, and how its file is written."""

    encoding: str | None = Field(
        default=None, description="Of the file's characters; mended rows are stored in it, too."
    )


class CellModel(BaseModel):
    """One cell of a rejected row."""

    column: str | None
    text: str
    is_offending: bool


class RejectedRow(BaseModel):
    """One rejected row, with what is to blame."""

    model_config = examples.shown(examples.REJECTED)

    file: str | None = Field(description="Null: the row came from a table; `raw` is JSON then.")
    line: int | None
    byte_offset: int | None
    byte_count: int | None
    column: str | None
    rule: str
    reason: str
    raw: str = Field(description="As it stands in the file.")
    is_truncated: bool
    cells: list[CellModel] | None = Field(description="Null: it cannot be parted into cells.")


class ReplayBody(BaseModel):
    """What to send in the place of the rejected rows."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"mended": "id,name\n7,Ann\n"}]}
    )

    mended: str | None = Field(
        default=None, description="Mended rows with their header; absent: the rows as they were."
    )
