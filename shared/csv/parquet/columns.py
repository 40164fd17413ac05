"""What the columns of a Parquet file are here, and their values where they already are that."""

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from shared.core.schemas import DataType, Kind
from shared.errors import InvalidFileError, InvalidSchemaError
from shared.stage.arrow import arrow_type

_UINT64_DIGITS = 20
_BOUNDS = {
    Kind.DATE: (-719_162, 2_932_896),
    Kind.TIMESTAMP: (-62_135_596_800_000_000, 253_402_300_799_999_999),
    Kind.TIMESTAMPTZ: (-62_135_596_800_000_000, 253_402_300_799_999_999),
}
"""Days or microseconds of the years 1 to 9999, from 1970 on: what a cell of text can be, too."""


def stored(kind: pa.DataType) -> pa.DataType:
    """Return a type without the names of extensions and dictionaries."""
    while isinstance(kind, pa.BaseExtensionType) or types.is_dictionary(kind):
        kind = kind.value_type if types.is_dictionary(kind) else kind.storage_type
    return kind


def is_text(kind: pa.DataType) -> bool:
    """Say whether a stored type is of texts."""
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def is_binary(kind: pa.DataType) -> bool:
    """Say whether a stored type is of bytes."""
    return bool(
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_binary_view(kind)
        or types.is_fixed_size_binary(kind)
    )


def data_type(field: pa.Field) -> DataType:
    """Return the type that a column of a file has in a new table.

    Raises:
        InvalidFileError: there is none.
    """
    if isinstance(field.type, pa.JsonType):
        return DataType(Kind.JSON)
    if isinstance(field.type, pa.UuidType):
        return DataType(Kind.TEXT)
    kind = stored(field.type)
    if types.is_decimal(kind) or kind == pa.uint64():
        return _decimal(kind)
    for is_one, found in _KINDS:
        if is_one(kind):
            return DataType(found)
    if types.is_timestamp(kind):
        return DataType(Kind.TIMESTAMPTZ if kind.tz else Kind.TIMESTAMP)
    raise InvalidFileError(
        f"column {field.name} is {kind}, which no type of a table is; cast it, or leave it out"
    )


def _decimal(kind: pa.DataType) -> DataType:
    if kind == pa.uint64():
        return DataType(Kind.DECIMAL, _UINT64_DIGITS, 0)
    try:
        return DataType(Kind.DECIMAL, kind.precision, kind.scale)
    except InvalidSchemaError:
        return DataType(Kind.TEXT)  # more digits than a decimal has here


_KINDS = (
    (types.is_null, Kind.TEXT),
    (types.is_boolean, Kind.BOOL),
    (types.is_integer, Kind.INT64),
    (types.is_floating, Kind.FLOAT64),
    (is_text, Kind.TEXT),
    (is_binary, Kind.BINARY),
    (types.is_date, Kind.DATE),
    (types.is_time, Kind.TIME),
    (types.is_nested, Kind.JSON),
)


def plain(values: pa.Array) -> pa.Array:
    """Return values in the one Arrow type that stands for all of their kind, none altered.

    Texts may be no UTF-8; types within others stay as they are.
    """
    if isinstance(values, pa.ExtensionArray):
        return plain(values.storage)
    kind = values.type
    if types.is_dictionary(kind):
        return plain(values.dictionary_decode())
    if is_text(kind) or types.is_null(kind):
        return values.cast(pa.string())
    if is_binary(kind):
        return values.cast(pa.binary())
    if types.is_floating(kind):
        return values.cast(pa.float64())
    if types.is_decimal(kind) and kind.bit_width < 128:
        return values.cast(pa.decimal128(kind.precision, kind.scale))
    if types.is_date64(kind):
        return values.cast(pa.date32())
    return values


def staged(values: pa.Array, wanted: DataType) -> pa.Array | None:
    """Return plain values in the type that is staged, if all of them have exactly that.

    None: some have not, or are of another kind; as texts they are judged one by one.
    """
    if not _is_alike(values.type, wanted):
        return None
    try:
        cast = values.cast(arrow_type(wanted))
        cast.validate(full=True)
    except pa.ArrowInvalid:
        return None
    return cast if _is_within(cast, wanted.kind) else None


def _is_alike(kind: pa.DataType, wanted: DataType) -> bool:
    if wanted.kind is Kind.DECIMAL:
        return bool(types.is_decimal(kind) or types.is_integer(kind))
    if types.is_timestamp(kind):
        return wanted.kind is (Kind.TIMESTAMPTZ if kind.tz else Kind.TIMESTAMP)
    found = next((found for is_one, found in _KINDS if is_one(kind)), None)
    return found is wanted.kind and found not in (Kind.TEXT, Kind.JSON)


def _is_within(values: pa.Array, kind: Kind) -> bool:
    if kind not in _BOUNDS or values.null_count == len(values):
        return True
    numbers = values.cast(pa.int32() if kind is Kind.DATE else pa.int64())
    least, most = pc.min_max(numbers).values()
    low, high = _BOUNDS[kind]
    return bool(low <= least.as_py() and most.as_py() <= high)
