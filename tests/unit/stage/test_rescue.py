"""What ``rescue`` writes beside a row."""

import datetime as dt
import json
import math
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from shared.core.schemas import DataType
from shared.stage.arrow import arrow_schema, arrow_type
from shared.stage.rescue import fold
from tests.builders import a_column, a_schema

STAGED = a_schema((), id="int64", _rescued="json")


def folded(kind: str, values: list[Any]) -> list[str | None]:
    """Return what is kept of the values of a column that the table lacks."""
    source = a_schema((), id="int64", x=kind)
    arrays = [pa.array(range(len(values)), pa.int64())]
    arrays.append(pa.array(values, arrow_type(DataType.parse(kind))))
    batch = pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(source))
    (found,) = fold([batch], source, STAGED)
    assert found.schema.equals(arrow_schema(STAGED))
    kept: list[str | None] = found.column("_rescued").to_pylist()
    return kept


@pytest.mark.parametrize(
    ("kind", "value", "kept"),
    [
        ("bool", True, True),
        ("int64", 2**53, 2**53),
        ("int64", 2**53 + 1, "9007199254740993"),
        ("decimal(38,10)", Decimal("1E-10"), "0.0000000001"),
        ("float64", 0.1, 0.1),
        ("float64", math.nan, "nan"),
        ("text", 'é"\n', 'é"\n'),
        ("binary", b"\x00\xff", "00ff"),
        ("date", dt.date(1, 1, 1), "0001-01-01"),
        ("time", dt.time(1, 2, 3, 4), "01:02:03.000004"),
        ("timestamp", dt.datetime(9999, 12, 31), "9999-12-31T00:00:00"),
        ("timestamptz", dt.datetime(2024, 1, 1, tzinfo=dt.UTC), "2024-01-01T00:00:00+00:00"),
        ("json", '{"a": [1.50]}', {"a": [1.5]}),
    ],
)
def test_value_of_any_type_is_kept_exactly(kind: str, value: Any, kept: Any) -> None:
    text, nothing = folded(kind, [value, None])

    assert json.loads(text or "") == {"x": kept}
    assert nothing is None


def test_column_that_is_staged_with_another_type_is_empty_there() -> None:
    source = a_schema((), id="text")
    batch = pa.RecordBatch.from_arrays([pa.array(["one"])], schema=arrow_schema(source))

    (found,) = fold([batch], source, STAGED)

    assert found.to_pylist() == [{"id": None, "_rescued": '{"id": "one"}'}]


def test_rows_without_anything_to_rescue_have_nothing_beside_them() -> None:
    source = a_schema((), id="int64")
    batch = pa.RecordBatch.from_arrays([pa.array([1, 2])], schema=arrow_schema(source))

    (found,) = fold([batch], source, STAGED)

    assert found.to_pylist() == [{"id": 1, "_rescued": None}, {"id": 2, "_rescued": None}]
    assert a_column("_rescued", "json") in STAGED.columns
