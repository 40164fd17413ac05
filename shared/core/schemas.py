"""Column types as every layer names them, between a source's own types, Arrow and a target's.

A data type has one text form (``decimal(18,4)``, ``timestamp``, ``text``) that is used in table
files, manifests and receipts; ``DataType.parse`` and ``str`` are each other's inverse.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from shared.errors import InvalidSchemaError

MAX_PRECISION = 38
"""Digits of a decimal. Source: Snowflake NUMBER and Arrow decimal128 both end at 38."""


class Kind(StrEnum):
    """The closed set of types; times are microseconds, binary and text are unbounded."""

    BOOL = "bool"
    INT64 = "int64"
    DECIMAL = "decimal"
    FLOAT64 = "float64"
    TEXT = "text"
    BINARY = "binary"
    DATE = "date"
    TIME = "time"
    TIMESTAMP = "timestamp"
    """Wall clock, without a zone."""
    TIMESTAMPTZ = "timestamptz"
    """A moment, kept in UTC."""
    JSON = "json"
    """Text that holds one JSON value."""


@dataclass(frozen=True, slots=True)
class DataType:
    """A kind, with precision and scale where the kind is decimal."""

    kind: Kind
    precision: int | None = None
    scale: int | None = None

    def __post_init__(self) -> None:
        if self.kind is not Kind.DECIMAL:
            if self.precision is not None or self.scale is not None:
                raise InvalidSchemaError(f"{self.kind} takes no precision or scale")
            return
        precision, scale = self.precision, self.scale
        if precision is None or scale is None or not self._is_sound(precision, scale):
            raise InvalidSchemaError(
                f"decimal({precision},{scale}): write decimal(PRECISION,SCALE) "
                f"with 0 <= SCALE <= PRECISION, and PRECISION from 1 to {MAX_PRECISION}"
            )

    @staticmethod
    def _is_sound(precision: int, scale: int) -> bool:
        return 1 <= precision <= MAX_PRECISION and 0 <= scale <= precision

    def __str__(self) -> str:
        if self.kind is Kind.DECIMAL:
            return f"decimal({self.precision},{self.scale})"
        return self.kind.value

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text form.

        Raises:
            InvalidSchemaError: not a known type; the message lists the known ones.
        """
        match = re.fullmatch(r"\s*decimal\s*\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)\s*", text)
        if match:
            return cls(Kind.DECIMAL, int(match[1]), int(match[2]))
        name = text.strip()
        if name in set(Kind) - {Kind.DECIMAL}:
            return cls(Kind(name))
        known = ", ".join(k.value for k in Kind if k is not Kind.DECIMAL)
        raise InvalidSchemaError(f"unknown type {text!r}; known: {known}, decimal(PRECISION,SCALE)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: its name exactly as in the target, its type, and whether NULL may appear."""

    name: str
    type: DataType
    is_nullable: bool = True


@dataclass(frozen=True, slots=True)
class TableSchema:
    """Columns in order, with the primary key's names (empty: none known)."""

    columns: tuple[Column, ...]
    primary_key: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = self.names
        if repeated := _repeated(names):
            raise InvalidSchemaError(f"column names repeat: {', '.join(repeated)}")
        if repeated := _repeated(self.primary_key):
            raise InvalidSchemaError(f"primary key names {', '.join(repeated)} more than once")
        missing = [k for k in self.primary_key if k not in names]
        if missing:
            raise InvalidSchemaError(
                f"primary key names {', '.join(missing)}, but the columns are {', '.join(names)}"
            )

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def names(self) -> list[str]:
        """Column names in order."""
        return [c.name for c in self.columns]

    @property
    def only_key(self) -> "TableSchema":
        """The schema of the key alone, in the key's order."""
        return TableSchema(tuple(self.column(k) for k in self.primary_key), self.primary_key)

    def column(self, name: str) -> Column:
        """Return a column by its exact name; KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


def _repeated(names: Sequence[str]) -> list[str]:
    return sorted(name for name, times in Counter(names).items() if times > 1)
