"""Result batches as Snowflake writes them: the Arrow encoding that the real connector decodes.

Snowflake's encoding carries the type in field metadata and the value in the narrowest form: numbers
as scaled integers, as wide as the largest value needs (so the same query can come back as int8
today and as int32 tomorrow), timestamps as `{epoch, fraction}`. All work is done on whole columns.
Source: the decoding half, shipped as C++ sources with snowflake-connector-python 5.2
(nanoarrow_cpp/ArrowIterator).
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from local.snowflake.columns import Column, ColumnType

# TIMESTAMP_TZ's zone is minutes from UTC plus this. Source: connector, TimeStampConverter.
_UTC_MINUTES = 1440
# Timestamps of a finer scale do not fit 64 bits and travel as a struct. Source: the same.
_INT64_TIMESTAMP_SCALE = 7
# A coarser TIMESTAMP_TZ has no fraction: its epoch counts units of its scale. Source: the same.
_SHORT_ZONED_SCALE = 3
_UNIT_SCALE = {"s": 0, "ms": 3, "us": 6, "ns": 9}
_INTEGER_TYPES = (pa.int8(), pa.int16(), pa.int32(), pa.int64())


class Widths:
    """The narrowest number type for each column, over all batches seen so far."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._ranges = [(0, 0)] * len(columns)

    def see(self, batch: pa.RecordBatch) -> None:
        """Widen to hold this batch, as it came from DuckDB."""
        for index, column in enumerate(self._columns):
            if column.type.kind == "FIXED":
                limits = pc.min_max(_unscaled(batch.column(index))).as_py()
                low, high = self._ranges[index]
                self._ranges[index] = (
                    min(low, int(limits["min"] or 0)),
                    max(high, int(limits["max"] or 0)),
                )

    def types(self) -> list[pa.DataType]:
        """One type a column: an integer, or decimal128 beyond 64 bits; null for other kinds."""
        return [
            _narrowest(low, high, column.type.scale or 0)
            if column.type.kind == "FIXED"
            else pa.null()
            for (low, high), column in zip(self._ranges, self._columns, strict=True)
        ]


def encode(
    batch: pa.RecordBatch, columns: Sequence[Column], widths: Sequence[pa.DataType]
) -> pa.RecordBatch:
    """Encode a batch from DuckDB; `columns` and `widths` are in its columns' order."""
    arrays = [
        _encode_number(array, width)
        if column.type.kind == "FIXED"
        else _encode_column(array, column.type)
        for array, column, width in zip(batch.columns, columns, widths, strict=True)
    ]
    fields = [
        pa.field(column.name, array.type, column.is_nullable, metadata=_metadata(column))
        for array, column in zip(arrays, columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def _metadata(column: Column) -> dict[str, str]:
    wire = column.rowtype()
    return {
        "logicalType": column.type.kind,
        "precision": str(column.type.precision or 0),
        "scale": str(column.type.scale or 0),
        "charLength": str(column.type.length or 0),
        "byteLength": str(_zoned_bytes(column.type) or wire["byteLength"] or 0),
        "finalType": "T",
    }


def _zoned_bytes(kind: ColumnType) -> int:
    if kind.kind != "TIMESTAMP_TZ":
        return 0
    return 8 if _scale(kind) <= _SHORT_ZONED_SCALE else 16


def _encode_column(array: pa.Array, kind: ColumnType) -> pa.Array:
    if kind.kind.startswith("TIMESTAMP"):
        return _encode_timestamp(array, kind)
    if kind.kind == "TIME":
        microseconds = array.cast(pa.int64())
        return _rescale(microseconds, from_scale=6, to_scale=_scale(kind))
    if kind.kind == "REAL":
        return array.cast(pa.float64())
    if kind.kind in {"TEXT", "VARIANT", "OBJECT", "ARRAY"}:
        return array.cast(pa.string())
    return array


def _encode_number(array: pa.Array, width: pa.DataType) -> pa.Array:
    return array.cast(width) if pa.types.is_decimal(width) else _unscaled(array).cast(width)


def _unscaled(array: pa.Array) -> pa.Array:
    """The digits of a number column as whole numbers: a decimal's 16 bytes read with scale 0."""
    whole = pa.decimal128(38, 0)
    if not pa.types.is_decimal(array.type) or array.type.scale == 0:
        return array.cast(whole)
    return pa.Array.from_buffers(
        whole, len(array), array.buffers(), null_count=array.null_count, offset=array.offset
    )


def _narrowest(low: int, high: int, scale: int) -> pa.DataType:
    for integer in _INTEGER_TYPES:
        half = 1 << (integer.bit_width - 1)
        if -half <= low and high < half:
            return integer
    return pa.decimal128(38, scale)


def _scale(kind: ColumnType) -> int:
    return 9 if kind.scale is None else kind.scale


def _rescale(values: pa.Array, *, from_scale: int, to_scale: int) -> pa.Array:
    if to_scale >= from_scale:
        return pc.multiply(values, pa.scalar(10 ** (to_scale - from_scale), pa.int64()))
    return _floor_divide(values, 10 ** (from_scale - to_scale))[0]


def _floor_divide(values: pa.Array, divisor: int) -> tuple[pa.Array, pa.Array]:
    """Quotient rounded down and remainder, also for moments before 1970."""
    scalar = pa.scalar(divisor, pa.int64())
    quotient = pc.divide(values, scalar)
    remainder = pc.subtract(values, pc.multiply(quotient, scalar))
    borrow = pc.less(remainder, 0).cast(pa.int64())
    remainder = pc.add(remainder, pc.multiply(borrow, scalar))
    return pc.subtract(quotient, borrow), remainder


def _encode_timestamp(array: pa.Array, kind: ColumnType) -> pa.Array:
    unit_scale = _UNIT_SCALE[array.type.unit]
    ticks = array.cast(pa.int64())
    scale, is_zoned = _scale(kind), kind.kind == "TIMESTAMP_TZ"
    if not is_zoned and scale <= _INT64_TIMESTAMP_SCALE:
        return _rescale(ticks, from_scale=unit_scale, to_scale=scale)
    if is_zoned and scale <= _SHORT_ZONED_SCALE:
        children = [_rescale(ticks, from_scale=unit_scale, to_scale=scale)]
        names = ["epoch"]
    else:
        epoch, rest = _floor_divide(ticks, 10**unit_scale)
        fraction = _rescale(rest, from_scale=unit_scale, to_scale=9).cast(pa.int32())
        children, names = [epoch, fraction], ["epoch", "fraction"]
    if is_zoned:
        children.append(pa.repeat(pa.scalar(_UTC_MINUTES, pa.int32()), len(array)))
        names.append("timezone")
    return _struct(children, names, null_mask=array.is_null())


def _struct(children: list[pa.Array], names: list[str], *, null_mask: pa.Array) -> pa.Array:
    """A struct column whose children are never null: a null moment is a null struct."""
    filled = [pc.fill_null(child, pa.scalar(0, child.type)) for child in children]
    fields = [
        pa.field(name, child.type, nullable=False)
        for name, child in zip(names, filled, strict=True)
    ]
    return pa.StructArray.from_arrays(filled, fields=fields, mask=null_mask)
