"""Column types in Arrow: one each, exact, and the same after a trip through Parquet."""

import io
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.core.schemas import MAX_PRECISION, DataType, Kind
from shared.stage.arrow import arrow_field, arrow_schema, arrow_type
from tests.builders import a_column, a_schema

TYPES = {
    "bool": (pa.bool_(), True),
    "int64": (pa.int64(), -(2**63)),
    "decimal(38,37)": (pa.decimal128(38, 37), Decimal("-9." + "9" * 37)),
    "float64": (pa.float64(), 5e-324),
    "text": (pa.string(), "ä\u0000😀"),
    "binary": (pa.binary(), b"\x00\xff"),
    "date": (pa.date32(), date(1, 1, 1)),
    "time": (pa.time64("us"), time(23, 59, 59, 999999)),
    "timestamp": (pa.timestamp("us"), datetime(9999, 12, 31, 23, 59, 59, 999999)),
    "timestamptz": (pa.timestamp("us", tz="UTC"), datetime(1, 1, 1, tzinfo=UTC)),
    "json": (pa.string(), '{"a": [1, null]}'),
}


def test_every_kind_has_its_arrow_type() -> None:
    assert {DataType.parse(text).kind for text in TYPES} == set(Kind)


@pytest.mark.parametrize(("text", "expected"), [(t, e) for t, (e, _) in TYPES.items()])
def test_type_is_mapped(text: str, expected: pa.DataType) -> None:
    assert arrow_type(DataType.parse(text)) == expected


@pytest.mark.parametrize(
    ("precision", "scale"), [(p, s) for p in range(1, MAX_PRECISION + 1) for s in (0, p)]
)
def test_every_decimal_has_an_arrow_type(precision: int, scale: int) -> None:
    found = arrow_type(DataType(Kind.DECIMAL, precision, scale))

    assert (found.precision, found.scale) == (precision, scale)


@pytest.mark.parametrize("is_nullable", [True, False])
def test_field_says_whether_null_may_appear(is_nullable: bool) -> None:
    field = arrow_field(a_column("a", "text", is_nullable=is_nullable))

    assert field == pa.field("a", pa.string(), nullable=is_nullable)


def test_schema_keeps_names_and_order() -> None:
    schema = arrow_schema(a_schema(key=(), b="int64", a="text"))

    assert schema.names == ["b", "a"]
    assert schema.types == [pa.int64(), pa.string()]


@pytest.mark.parametrize(("text", "value"), [(t, v) for t, (_, v) in TYPES.items()])
def test_extreme_value_comes_back_from_parquet_as_it_was(text: str, value: Any) -> None:
    schema = arrow_schema(a_schema(key=(), a=text))
    table = pa.Table.from_pydict({"a": [value, None]}, schema=schema)
    file = io.BytesIO()

    pq.write_table(table, file)

    assert pq.read_table(file).equals(table)
    assert pq.read_table(file)["a"].to_pylist() == [value, None]
