"""Column types in BigQuery, and which existing columns can hold them unaltered.

A type is written as SQL has it: ``INT64``, ``NUMERIC(18, 4)``, ``STRING(10)``.
"""

import re
from typing import Any, Final

from shared.core.fidelity import Cell
from shared.core.schemas import DataType, Kind

NUMERIC_SCALE, NUMERIC_WHOLE = 9, 29
"""Digits after and before the point of a NUMERIC. Source: "Data types", decimal types."""

BIGNUMERIC_SCALE, BIGNUMERIC_WHOLE = 38, 38
"""The same of a BIGNUMERIC, leaving out the part of a 39th."""

CELLS: Final[dict[Kind, Cell]] = {
    Kind.BOOL: Cell(type="BOOL"),
    Kind.INT64: Cell(type="INT64"),
    Kind.DECIMAL: Cell(
        type="NUMERIC({p}, {s})",
        note=f"`BIGNUMERIC(p, s)` beyond {NUMERIC_WHOLE} digits before the point or "
        f"{NUMERIC_SCALE} after it",
    ),
    Kind.FLOAT64: Cell(type="FLOAT64"),
    Kind.TEXT: Cell(type="STRING"),
    Kind.BINARY: Cell(type="BYTES"),
    Kind.DATE: Cell(type="DATE"),
    Kind.TIME: Cell(type="TIME"),
    Kind.TIMESTAMP: Cell(type="DATETIME"),
    Kind.TIMESTAMPTZ: Cell(type="TIMESTAMP"),
    Kind.JSON: Cell(
        type="STRING",
        is_wider=True,
        note="BigQuery's own `JSON` rounds long numbers and forgets the order of keys",
    ),
}
"""What a new column becomes. Source: "Data types"."""

EXISTING: Final = (
    *("BOOL", "INT64", "NUMERIC", "NUMERIC(10, 2)", "BIGNUMERIC", "FLOAT64", "STRING"),
    *("STRING(10)", "BYTES", "BYTES(10)", "DATE", "TIME", "DATETIME", "TIMESTAMP", "JSON"),
)
"""Types of existing columns that docs/types.md answers for."""

_KINDS: dict[str, Kind] = {
    "BOOL": Kind.BOOL,
    "INT64": Kind.INT64,
    "FLOAT64": Kind.FLOAT64,
    "BYTES": Kind.BINARY,
    "DATE": Kind.DATE,
    "TIME": Kind.TIME,
    "DATETIME": Kind.TIMESTAMP,
    "TIMESTAMP": Kind.TIMESTAMPTZ,
    "JSON": Kind.JSON,
}

_LEGACY = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "DECIMAL": "NUMERIC"}
"""Names that the API gives for those of SQL."""

_EXACT = re.compile(r"(?:BIG)?NUMERIC\((\d+), (\d+)\)")
_LENGTH = re.compile(r"(?:STRING|BYTES)\((\d+)\)")


def type_name(data_type: DataType) -> str:
    """Return the type of a new column."""
    if data_type.kind is not Kind.DECIMAL:
        return CELLS[data_type.kind].type
    precision, scale = data_type.precision or 0, data_type.scale or 0
    is_small = scale <= NUMERIC_SCALE and precision - scale <= NUMERIC_WHOLE
    return f"{'NUMERIC' if is_small else 'BIGNUMERIC'}({precision}, {scale})"


def of_field(field: Any) -> str:
    """Return the type of a column, as the API describes it; ``field`` is a ``SchemaField``."""
    name = _LEGACY.get(field.field_type, field.field_type)
    if field.mode == "REPEATED":
        return f"ARRAY<{name}>"
    if field.precision is not None:
        return f"{name}({field.precision}, {field.scale or 0})"
    return f"{name}({field.max_length})" if field.max_length is not None else str(name)


def data_type(name: str) -> DataType:
    """Return the column type of an existing column; text if unknown."""
    digits = _digits(name)
    if digits and sum(digits) <= BIGNUMERIC_SCALE:
        return DataType(Kind.DECIMAL, sum(digits), digits[1])
    return DataType(_KINDS.get(name.partition("(")[0], Kind.TEXT))


def holds(existing: str, wanted: DataType) -> bool:
    """Say whether a column of type ``existing`` keeps every value of ``wanted``, or refuses it.

    None rounds or cuts.
    """
    if existing == type_name(wanted):
        return True
    digits = _digits(existing)
    if wanted.kind is Kind.DECIMAL:
        return digits is not None and digits[1] >= (wanted.scale or 0)
    if wanted.kind is Kind.INT64:
        return digits is not None
    if wanted.kind in (Kind.TEXT, Kind.JSON):
        return existing.startswith("STRING(")
    return wanted.kind is Kind.BINARY and existing.startswith("BYTES(")


def rounds(existing: str, wanted: DataType) -> bool:
    """Say whether a column rounds what it has no digits for, and refuses all else."""
    digits = _digits(existing)
    is_decimal = wanted.kind is Kind.DECIMAL
    return is_decimal and digits is not None and digits[1] < (wanted.scale or 0)


def widens(existing: str, wanted: DataType) -> bool:
    """Say whether a column can become one of type ``wanted`` with all that is in it kept.

    Decimals can. Source: "ALTER COLUMN SET DATA TYPE statement", what it takes.
    """
    before = _digits(existing)
    if before is None or wanted.kind is not Kind.DECIMAL:
        return False
    after = _digits(type_name(wanted)) or (0, 0)
    is_narrowed = existing.startswith("BIG") and not type_name(wanted).startswith("BIG")
    return not is_narrowed and after[0] >= before[0] and after[1] >= before[1]


def length_limit(existing: str) -> int | None:
    """Return the most characters, or bytes, that an existing column takes; None: any number."""
    match = _LENGTH.fullmatch(existing)
    return int(match[1]) if match else None


def scale(existing: str) -> int | None:
    """Return how many digits behind the point a decimal column has; None for other types."""
    digits = _digits(existing)
    return digits[1] if digits else None


def _digits(existing: str) -> tuple[int, int] | None:
    """Return how many digits a decimal has before and after its point; None for other types."""
    if existing == "NUMERIC":
        return NUMERIC_WHOLE, NUMERIC_SCALE
    if existing == "BIGNUMERIC":
        return BIGNUMERIC_WHOLE, BIGNUMERIC_SCALE
    match = _EXACT.fullmatch(existing)
    return (int(match[1]) - int(match[2]), int(match[2])) if match else None
