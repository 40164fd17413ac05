"""Snowflake's columns as ours: names, types, and what its metadata says of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.core.fidelity import Cell, Consent
from shared.core.schemas import Column, DataType, Kind
from shared.core.windows import CursorKind
from shared.errors import SchemaConflictError

MAX_INT64_DIGITS = 18
"""Every number of so many digits fits 64 bits; one of 19 may not."""

MICROSECOND_DIGITS = 6
"""Digits of a second that Arrow, Parquet and the targets keep."""

_FINE = (Consent.NANOSECONDS,)

SOURCE: Final[dict[str, Cell]] = {
    "NUMBER(p,0), p ≤ 18": Cell(type=Kind.INT64, is_wider=True),
    "NUMBER(p,s)": Cell(type=Kind.DECIMAL),
    "FLOAT": Cell(type=Kind.FLOAT64),
    "TEXT": Cell(type=Kind.TEXT),
    "BINARY": Cell(type=Kind.BINARY),
    "BOOLEAN": Cell(type=Kind.BOOL),
    "DATE": Cell(type=Kind.DATE),
    "TIME": Cell(type=Kind.TIME, consents=_FINE),
    "TIMESTAMP_NTZ": Cell(type=Kind.TIMESTAMP, consents=_FINE),
    "TIMESTAMP_LTZ": Cell(type=Kind.TIMESTAMPTZ, consents=_FINE),
    "TIMESTAMP_TZ": Cell(
        type=Kind.TIMESTAMPTZ,
        consents=_FINE,
        note="the moment is kept, in UTC; the offset that it was written with is not part of it",
    ),
    "VARIANT": Cell(type=Kind.JSON, note="as `TO_JSON` writes it: NULL inside a value is `null`"),
    "OBJECT": Cell(type=Kind.JSON),
    "ARRAY": Cell(type=Kind.JSON),
}
"""Types by their name in INFORMATION_SCHEMA.COLUMNS, DATA_TYPE; NUMBER by its digits.

Source: Snowflake, "Summary of data types".
"""

_KINDS: dict[str, Kind] = {
    name: Kind(cell.type) for name, cell in SOURCE.items() if not name.startswith("NUMBER")
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceColumn:
    """One row of INFORMATION_SCHEMA.COLUMNS."""

    name: str
    type_name: str
    precision: int | None
    scale: int | None
    datetime_precision: int | None
    is_nullable: bool
    comment: str | None = None

    @property
    def data_type(self) -> DataType:
        """Our type.

        Raises:
            SchemaConflictError: a type that Sluice does not move.
        """
        if self.type_name == "NUMBER":
            precision, scale = self.precision or 38, self.scale or 0
            if scale == 0 and precision <= MAX_INT64_DIGITS:
                return DataType(Kind.INT64)
            return DataType(Kind.DECIMAL, precision, scale)
        kind = _KINDS.get(self.type_name)
        if kind is None:
            raise SchemaConflictError(
                f"column {self.name} has type {self.type_name}, which Sluice does not move; give "
                f"it a view that casts it to one of NUMBER, {', '.join(_KINDS)}",
                column=self.name,
            )
        return DataType(kind)

    @property
    def target_name(self) -> str:
        """Upper-case names, Snowflake's default, become lower-case; others stay as they are."""
        return self.name.lower() if self.name == self.name.upper() else self.name

    @property
    def column(self) -> Column:
        """The column as it will be in the target."""
        return Column(name=self.target_name, type=self.data_type, is_nullable=self.is_nullable)

    @property
    def has_nanoseconds(self) -> bool:
        """Values may have more digits of a second than the targets keep."""
        return (
            self.data_type.kind in (Kind.TIME, Kind.TIMESTAMP, Kind.TIMESTAMPTZ)
            and (9 if self.datetime_precision is None else self.datetime_precision)
            > MICROSECOND_DIGITS
        )

    @property
    def cursor_kind(self) -> CursorKind:
        """What the column counts in when it is the cursor.

        Raises:
            SchemaConflictError: it cannot be a cursor.
        """
        if self.type_name.startswith("TIMESTAMP"):
            return CursorKind.TIME
        if self.type_name == "DATE":
            return CursorKind.DATE
        if self.type_name == "NUMBER" and not self.scale:
            return CursorKind.NUMBER
        raise SchemaConflictError(
            f"column {self.name} has type {self.type_name} and cannot be the incremental_column; "
            "use a timestamp, a date or a whole number",
            column=self.name,
        )


def find(columns: Sequence[SourceColumn], name: str, role: str) -> SourceColumn:
    """Return the column that a table file calls ``name``, in any case.

    Raises:
        SchemaConflictError: there is none, or several differ only in case; the message lists them.
    """
    exact = [c for c in columns if name in (c.name, c.target_name)]
    found = exact or [c for c in columns if c.name.lower() == name.lower()]
    if not found:
        raise SchemaConflictError(
            f"{role} {name!r} is not a column of the source table; its columns are "
            f"{', '.join(c.target_name for c in columns)}",
            column=name,
        )
    if len(found) > 1:
        raise SchemaConflictError(
            f"{role} {name!r} could be {' or '.join(c.name for c in found)}; write it as there",
            column=name,
        )
    return found[0]
