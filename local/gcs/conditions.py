"""Preconditions: what a caller wants to be true of an object at the moment of its request.

Parsed from the query at the edge, checked by the store inside the transaction that commits.
Source of the semantics: Cloud Storage, "Request preconditions".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from local.gcs.errors import condition_not_met, invalid, not_modified
from local.gcs.records import ObjectRecord

_ABSENT = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """Wishes about generation and metageneration; None stands for no wish."""

    generation: int | None = None
    """0 wants that there is no live object."""
    generation_not: int | None = None
    metageneration: int | None = None
    metageneration_not: int | None = None

    @classmethod
    def parse(cls, values: Mapping[str, object], prefix: str = "if") -> Self:
        """Read `ifGenerationMatch` and the like from a query or a JSON document.

        Args:
            values: query parameters, or `objectPreconditions`.
            prefix: `if`, or `ifSource` for the source of a copy.

        Raises:
            ApiError: 400, a value is not a number.
        """
        return cls(
            generation=number(values, f"{prefix}GenerationMatch"),
            generation_not=number(values, f"{prefix}GenerationNotMatch"),
            metageneration=number(values, f"{prefix}MetagenerationMatch"),
            metageneration_not=number(values, f"{prefix}MetagenerationNotMatch"),
        )

    def check_write(self, current: ObjectRecord | None) -> None:
        """Refuse a change.

        Args:
            current: what the change would replace or alter; None for nothing.

        Raises:
            ApiError: 412.
        """
        generation = current.generation if current else _ABSENT
        metageneration = current.metageneration if current else _ABSENT
        self.check(generation, metageneration, is_read=False)

    def check_read(self, current: ObjectRecord) -> None:
        """Refuse a read.

        Raises:
            ApiError: 412, or 304 when the caller wants only what is new.
        """
        self.check(current.generation, current.metageneration, is_read=True)

    def check(self, generation: int, metageneration: int, *, is_read: bool) -> None:
        """Compare with the numbers of an object or, generation aside, of a bucket."""
        if self.generation not in (None, generation):
            raise condition_not_met()
        if self.metageneration not in (None, metageneration):
            raise condition_not_met()
        if self.generation_not == generation or self.metageneration_not == metageneration:
            raise not_modified() if is_read else condition_not_met()


ALWAYS = Conditions()
"""No wish at all."""


def number(values: Mapping[str, object], key: str) -> int | None:
    """Read a number that may be missing; 64-bit numbers travel as strings.

    Raises:
        ApiError: 400, it is not a number.
    """
    value = values.get(key)
    if value is None:
        return None
    try:
        return int(str(value))
    except ValueError:
        raise invalid(f"Invalid value for {key}: {value!r} is not a number.") from None
