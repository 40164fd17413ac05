"""What a model of the curated zone may say: the header of ``config/models/<name>.sql``.

A model is one SELECT whose rows are kept as a table of the target. See docs/zones.md.
"""

import hashlib
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from shared.config.base import StrictModel
from shared.config.connections import Connections
from shared.config.places import ColumnNames, PostgresTable
from shared.core import naming
from shared.core.checks import Severity


def _loud_or_quiet(severity: Severity) -> Severity:
    if severity is Severity.QUARANTINE:
        raise ValueError("rows of a model cannot be set aside; write fail or warn")
    return severity


class ModelTest(StrictModel):
    """What all rows of the refreshed table must be like: one of the three keys."""

    not_null: ColumnNames | None = Field(default=None, min_length=1)
    unique: ColumnNames | None = Field(default=None, min_length=1)
    """No two rows have the same values; rows with a NULL among them do not count."""
    accepted: str | None = Field(default=None, min_length=1)
    """A condition in the target's SQL that is true for each row."""
    severity: Annotated[Severity, AfterValidator(_loud_or_quiet)] = Severity.FAIL

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        if sum(each is not None for each in (self.not_null, self.unique, self.accepted)) != 1:
            raise ValueError("give exactly one of not_null, unique and accepted")
        return self

    @property
    def title(self) -> str:
        """What records call it."""
        if self.accepted is not None:
            return f"accepted({self.accepted})"
        kind = "not_null" if self.not_null else "unique"
        return f"{kind}({', '.join(self.not_null or self.unique or ())})"


class ModelConfig(StrictModel):
    """One model: what its file's header says."""

    name: str
    postgres: PostgresTable
    materialised: Literal["full", "incremental"] = "full"
    """``full``: all rows are made anew; ``incremental``: those from the last cursor on."""
    unique_key: ColumnNames = Field(default_factory=list)
    """Columns that identify a row; they become the primary key of a new table."""
    cursor: str | None = Field(default=None, min_length=1)
    """The column of an incremental model that tells what is new; it has no NULL."""
    tests: list[ModelTest] = Field(default_factory=list)
    others: list[str] = Field(default_factory=list)
    """Tables, as ``schema.table``, that it reads and that nobody here loads."""

    @model_validator(mode="after")
    def _plain_name(self) -> Self:
        if not naming.TABLE_NAME.fullmatch(self.name):
            raise ValueError(
                f"{self.name!r} is not a model's name: lower-case letters, digits and _, a letter "
                "first, at most 63"
            )
        return self

    @model_validator(mode="after")
    def _incremental_by_key_and_cursor(self) -> Self:
        if self.materialised == "incremental" and not (self.unique_key and self.cursor):
            raise ValueError("materialised incremental needs unique_key and cursor")
        if self.materialised == "full" and self.cursor:
            raise ValueError("cursor is for materialised incremental; full reads everything")
        return self

    @property
    def place(self) -> PostgresTable:
        """Where its rows go."""
        return self.postgres


class ResolvedModel(StrictModel):
    """A model with all that a refresh needs; nobody parses its SQL again."""

    environment: str
    model: ModelConfig
    sql: str
    inputs: tuple[str, ...]
    """Tables and models that it reads, by name."""
    follows: tuple[str, ...]
    """Those whose publishes ask for a refresh: inputs that no other input is made from."""
    connections: Connections

    @property
    def definition(self) -> str:
        """Stands for what the model computes: another one, another content."""
        given = self.model.model_dump_json(exclude={"tests", "others"})
        return hashlib.sha256(f"{given}\n{self.sql}".encode()).hexdigest()[:16]


class ModelList(StrictModel):
    """All models of an environment, as the config bucket holds them, inputs first."""

    version: Literal[1] = 1
    models: tuple[ResolvedModel, ...] = ()
