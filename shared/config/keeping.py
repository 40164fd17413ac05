"""How long what a table leaves in the buckets is kept, if for less long than its buckets say."""

from datetime import timedelta
from typing import Self

from pydantic import model_validator

from shared.config.base import StrictModel
from shared.config.times import Duration

MIN_KEPT = timedelta(days=1)
"""The sweep looks a few times a day, and a run that failed is to be replayed."""


class Retention(StrictModel):
    """Ages at which the sweep deletes objects of a table; absent: the bucket's life cycle does."""

    raw: Duration | None = None
    """Originals of dropped files."""
    staged: Duration | None = None
    """Parquet parts: a rewind, a replay or a trace reaches no further back."""
    quarantined: Duration | None = None
    """Rejected rows."""

    @model_validator(mode="after")
    def _a_day_at_least(self) -> Self:
        for name in type(self).model_fields:
            if (age := getattr(self, name)) is not None and age < MIN_KEPT:
                raise ValueError(f"{name} is at least 1d: a run that failed is to be replayed")
        return self
