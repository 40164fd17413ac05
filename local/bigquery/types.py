"""BigQuery's column types: as fields of a schema, as DuckDB keeps them, as cells of an answer."""

from __future__ import annotations

import base64
import datetime as dt
import math
import re
from typing import Any

import duckdb
import pyarrow as pa

from local.bigquery.errors import ApiError, unsupported

NAMES = {
    "INTEGER": "INTEGER",
    "INT64": "INTEGER",
    "FLOAT": "FLOAT",
    "FLOAT64": "FLOAT",
    "BOOLEAN": "BOOLEAN",
    "BOOL": "BOOLEAN",
    **{
        name: name
        for name in ("STRING", "BYTES", "DATE", "TIME", "DATETIME", "TIMESTAMP", "NUMERIC")
    },
    "BIGNUMERIC": "BIGNUMERIC",
    "DECIMAL": "NUMERIC",
    "BIGDECIMAL": "BIGNUMERIC",
}
"""Names that a schema may use, and the one by which it comes back."""

_STORED = {
    "INTEGER": "BIGINT",
    "FLOAT": "DOUBLE",
    "BOOLEAN": "BOOLEAN",
    "STRING": "VARCHAR",
    "BYTES": "BLOB",
    "DATE": "DATE",
    "TIME": "TIME",
    "DATETIME": "TIMESTAMP",
    "TIMESTAMP": "TIMESTAMP WITH TIME ZONE",
}
_FOUND = {
    "BIGINT": "INTEGER",
    "INTEGER": "INTEGER",
    "HUGEINT": "INTEGER",
    "DOUBLE": "FLOAT",
    "FLOAT": "FLOAT",
    "BOOLEAN": "BOOLEAN",
    "VARCHAR": "STRING",
    "BLOB": "BYTES",
    "DATE": "DATE",
    "TIME": "TIME",
    "TIMESTAMP": "DATETIME",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
}
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
NUMERIC_PRECISION, NUMERIC_SCALE, NUMERIC_WHOLE = 38, 9, 29
"""Source: BigQuery, "Data types", decimal types."""

BATCH_ROWS = 2_048
"""Rows that are in memory as Arrow at a time."""

MAX_DIGITS = 38
"""Digits that a decimal can have in DuckDB."""

_UTC_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def field(given: dict[str, Any]) -> dict[str, Any]:
    """Return a field of a schema as BigQuery gives it back.

    Raises:
        ApiError: the type is unknown here, or cannot be kept.
    """
    name = NAMES.get(str(given.get("type", "")).upper())
    mode = str(given.get("mode") or "NULLABLE").upper()
    if name is None or mode == "REPEATED":
        raise unsupported(f"a column of type {given.get('type')}, mode {mode}")
    if int(given.get("precision") or 0) > MAX_DIGITS:
        raise unsupported(f"more than {MAX_DIGITS} digits")
    extra = {k: str(given[k]) for k in ("precision", "scale", "maxLength") if given.get(k)}
    return {"name": given["name"], "type": name, "mode": mode, **extra}


def stored(given: dict[str, Any]) -> str:
    """Return the type in which DuckDB keeps a field."""
    if given["type"] not in ("NUMERIC", "BIGNUMERIC"):
        return _STORED[given["type"]]
    if "precision" in given:
        return f"DECIMAL({given['precision']},{given.get('scale', 0)})"
    return f"DECIMAL({NUMERIC_PRECISION},{NUMERIC_SCALE})"


def found(name: str, kind: str) -> dict[str, Any]:
    """Return the field for a column of a result, by its type in DuckDB."""
    match = _DECIMAL.fullmatch(kind)
    if match is None:
        return {"name": name, "type": _FOUND.get(kind, "STRING"), "mode": "NULLABLE"}
    precision, scale = int(match[1]), int(match[2])
    is_numeric = scale <= NUMERIC_SCALE and precision - scale <= NUMERIC_WHOLE
    return {"name": name, "type": "NUMERIC" if is_numeric else "BIGNUMERIC", "mode": "NULLABLE"}


def rows(relation: duckdb.DuckDBPyRelation) -> list[list[dict[str, Any]]]:
    """Return the rows of a query as an answer holds them."""
    found: list[list[dict[str, Any]]] = []
    for batch in relation.to_arrow_reader(BATCH_ROWS):
        columns = [column.to_pylist() for column in batch.columns]
        found += [[cell(value) for value in row] for row in zip(*columns, strict=True)]
    return found


def cell(value: Any) -> dict[str, Any]:
    """Return a value as an answer holds it. Source: BigQuery REST, `TableRow`."""
    return {"v": None if value is None else _text(value)}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        names = {math.inf: "Infinity", -math.inf: "-Infinity"}
        return "NaN" if math.isnan(value) else names.get(value, repr(value))
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dt.datetime) and value.tzinfo:
        return str((value - _UTC_EPOCH) // dt.timedelta(microseconds=1))
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return format(value, "f") if hasattr(value, "as_tuple") else str(value)


def require_loadable(given: dict[str, Any], kind: pa.DataType, decimals: list[str]) -> None:
    """Make sure that a column of Parquet may go into a field; ``decimals`` may be read as these.

    Raises:
        ApiError: BigQuery refuses it.
    """
    is_big = pa.types.is_decimal(kind) and given["type"] == "BIGNUMERIC"
    if not _fits(given, kind) or (is_big and "BIGNUMERIC" not in decimals):
        raise ApiError(
            "invalid",
            f"Provided Schema does not match: Field {given['name']} has type {given['type']}, and "
            f"the file has {kind}",
        )


def require_wider(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Make sure that a column may change its type: decimals may get more digits on both sides.

    Raises:
        ApiError: BigQuery refuses it, or it is unknown here.
    """
    old, new = _digits(before), _digits(after)
    is_big = before["type"] == "BIGNUMERIC" and after["type"] != "BIGNUMERIC"
    if old is None or new is None or is_big or new[0] < old[0] or new[1] < old[1]:
        raise ApiError(
            "invalidQuery",
            f"ALTER TABLE ALTER COLUMN SET DATA TYPE requires that the existing column type "
            f"({before['type']}) is assignable to the new type ({after['type']})",
        )


def _digits(given: dict[str, Any]) -> tuple[int, int] | None:
    """Return how many digits a decimal field has before and after its point."""
    if given["type"] not in ("NUMERIC", "BIGNUMERIC"):
        return None
    if "precision" not in given:
        return NUMERIC_WHOLE, NUMERIC_SCALE
    scale = int(given.get("scale", 0))
    return int(given["precision"]) - scale, scale


def _fits(given: dict[str, Any], kind: pa.DataType) -> bool:
    name, types = given["type"], pa.types
    if name in ("NUMERIC", "BIGNUMERIC"):
        if not types.is_decimal(kind):
            return bool(types.is_integer(kind))
        scale = int(given.get("scale", 0)) if "precision" in given else NUMERIC_SCALE
        return bool(kind.scale <= scale)
    checks = {
        "INTEGER": types.is_integer,
        "FLOAT": types.is_floating,
        "BOOLEAN": types.is_boolean,
        "STRING": types.is_string,
        "BYTES": types.is_binary,
        "DATE": types.is_date,
        "TIME": types.is_time,
        "DATETIME": lambda each: types.is_timestamp(each) and each.tz is None,
        "TIMESTAMP": lambda each: types.is_timestamp(each) and each.tz is not None,
    }
    return bool(checks[name](kind))
