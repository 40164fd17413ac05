"""What a table file may say of a table's limits and promises, beside where and when it goes."""

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, WithJsonSchema

from shared.config.base import StrictModel
from shared.config.times import Duration

_COMPRESSIONS = Literal["zstd", "lz4", "gzip", "snappy", "none"]


def _switch(value: Any) -> Any:
    return {True: "zstd", False: "none"}[value] if isinstance(value, bool) else value


Compression = Annotated[
    _COMPRESSIONS,
    BeforeValidator(_switch),
    WithJsonSchema({"enum": [True, False, *get_args(_COMPRESSIONS)]}),
]


class Guard(StrictModel):
    """What a full load must not do to a table that people read."""

    min_rows: int = Field(default=0, ge=0)
    """Fewer rows than this stop the run before anything is published."""
    max_shrink_percent: float = Field(default=50.0, ge=0, le=100)
    """Losing a larger share of the table's rows stops the run before anything is published."""


class Deletes(StrictModel):
    """How rows that are gone from the source go from the target: by comparing all keys."""

    mode: Literal["hard", "soft"]
    """``hard`` removes a row whose key is gone from the source, ``soft`` sets its ``_deleted_at``.
    """
    max_percent: float = Field(default=10.0, ge=0, le=100)
    """A larger share of the table's rows gone at once stops the run before it is published."""


class FreshnessPromise(StrictModel):
    """How old a table may become, and for what share of the time that is promised."""

    max_age: Duration
    """Since the newest run that committed, or that had nothing to move."""
    objective_percent: float = Field(default=99.0, ge=50, lt=100)
    """The share of the time for which that is promised; ``sluice freshness`` says how it was kept.
    """
