"""What every part of the configuration has in common."""

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """Base of everything that a person configures: immutable, and no key that is not known."""

    model_config = ConfigDict(extra="forbid", frozen=True)
