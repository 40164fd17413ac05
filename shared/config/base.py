"""What every part of the configuration has in common."""

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """Base of everything that a person configures: immutable, and no key that is not known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def distinct(columns: list[str]) -> list[str]:
    """Let a list of columns through that names none of them twice."""
    if len(set(columns)) < len(columns):
        raise ValueError("names a column twice")
    return columns
