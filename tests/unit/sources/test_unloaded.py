"""Files that an engine wrote, back in the columns of the source."""

import io
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.core.schemas import Column, DataType, Kind, TableSchema
from shared.errors import IntegrityError, ValueNotRepresentableError
from shared.sources.unloaded import read_unloaded


def a_file(*values: Any, kind: pa.DataType) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"C": pa.array(values, kind)}), sink)
    return sink.getvalue()


def read(data: bytes, data_type: DataType, rows: int) -> list[Any]:
    schema = TableSchema((Column(name="c", type=data_type, is_nullable=True),))
    batches = list(read_unloaded(data, schema, rows=rows, place="gs://b/f#1"))
    return [row["c"] for batch in batches for row in batch.to_pylist()]


@pytest.mark.parametrize(
    ("kind", "value", "data_type", "expected"),
    [
        (pa.int32(), 7, DataType(Kind.INT64), 7),
        (pa.decimal128(2, 0), Decimal(-7), DataType(Kind.INT64), -7),
        (pa.int32(), 7, DataType(Kind.DECIMAL, 38, 0), Decimal(7)),
        (pa.int64(), 7, DataType(Kind.DECIMAL, 4, 2), Decimal("7.00")),
        (pa.decimal128(3, 2), Decimal("1.25"), DataType(Kind.DECIMAL, 38, 2), Decimal("1.25")),
        (
            pa.decimal128(38, 0),
            Decimal("9" * 38),
            DataType(Kind.DECIMAL, 38, 0),
            Decimal("9" * 38),
        ),
        (pa.string(), "", DataType(Kind.TEXT), ""),
        (pa.binary(), "é".encode(), DataType(Kind.TEXT), "é"),
        (pa.string(), "00FFab", DataType(Kind.BINARY), b"\x00\xff\xab"),
        (pa.string(), "", DataType(Kind.BINARY), b""),
        (pa.date32(), date(1, 1, 1), DataType(Kind.DATE), date(1, 1, 1)),
        (pa.int64(), 86_399_999_999, DataType(Kind.TIME), time(23, 59, 59, 999_999)),
        (pa.int32(), -1, DataType(Kind.TIMESTAMP), datetime(1969, 12, 31, 23, 59, 59, 999_999)),
        (
            pa.decimal128(16, 0),
            Decimal(1_709_200_800_000_001),
            DataType(Kind.TIMESTAMPTZ),
            datetime(2024, 2, 29, 10, 0, 0, 1, tzinfo=UTC),
        ),
    ],
)
def test_value_comes_back_as_the_column_has_it_and_null_stays_null(
    kind: pa.DataType, value: Any, data_type: DataType, expected: Any
) -> None:
    assert read(a_file(value, None, kind=kind), data_type, 2) == [expected, None]


@pytest.mark.parametrize(
    ("kind", "value", "data_type"),
    [
        (pa.int64(), 1_000_000, DataType(Kind.DECIMAL, 4, 2)),
        (pa.decimal128(3, 2), Decimal("1.25"), DataType(Kind.INT64)),
        (pa.string(), "0G", DataType(Kind.BINARY)),
        (pa.binary(), b"\xff", DataType(Kind.TEXT)),
    ],
)
def test_value_that_would_be_altered_is_refused(
    kind: pa.DataType, value: Any, data_type: DataType
) -> None:
    with pytest.raises(ValueNotRepresentableError, match="would alter"):
        read(a_file(value, kind=kind), data_type, 1)


def test_file_of_other_rows_than_the_engine_said_is_refused() -> None:
    with pytest.raises(IntegrityError, match=r"gs://b/f#1 has 1 rows of 1 columns"):
        read(a_file(1, kind=pa.int64()), DataType(Kind.INT64), 2)


def test_what_is_no_parquet_is_refused() -> None:
    with pytest.raises(IntegrityError, match="is no Parquet file"):
        read(b"PAR1 cut off", DataType(Kind.INT64), 1)
