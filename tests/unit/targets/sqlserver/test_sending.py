"""Arrow as JSON that says the same, and values that SQL Server would alter."""

import datetime as dt
import json
import tracemalloc
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import ValueNotRepresentableError
from shared.stage.arrow import arrow_type
from shared.targets.sqlserver import sending
from tests.builders import a_column

MAX38 = 10**38 - 1


def a_batch(kind: str, values: list[Any]) -> pa.RecordBatch:
    """Return a batch of one column, ``x``."""
    return pa.RecordBatch.from_arrays(
        [pa.array(values, arrow_type(a_column("x", kind).type))], names=["x"]
    )


def written(kind: str, values: list[Any]) -> list[Any]:
    """Return what JSON says of values, put into a slice of a longer batch."""
    batch = a_batch(kind, [values[0], *values, None]).slice(1, len(values))
    documents = list(sending.documents([a_column("x", kind)], batch))
    return [row[0] for document in documents for row in json.loads(document)]


def check(kind: str, values: list[Any], destination: str | None = None) -> None:
    """Check values on their way into a column of some type."""
    ends_in = {"x": destination} if destination else {}
    sending._check([a_column("x", kind)], a_batch(kind, values), ends_in, "part-7", 100)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_texts_say_the_same(values: list[str | None]) -> None:
    assert written("text", values) == values


@settings(max_examples=60, deadline=None)
@given(st.lists(st.none() | st.binary(max_size=40), min_size=1))
def test_bytes_become_hexadecimal_digits(values: list[bytes | None]) -> None:
    assert written("binary", values) == [v if v is None else v.hex() for v in values]


def test_bytes_are_written_block_by_block() -> None:
    batch = a_batch("binary", [bytes(1000)] * 8000)

    tracemalloc.start()
    for _ in sending.documents([a_column("x", "binary")], batch):
        pass
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak_bytes < batch.nbytes


@settings(max_examples=60, deadline=None)
@given(st.lists(st.none() | st.integers(-MAX38, MAX38), min_size=1), st.integers(0, 38))
def test_decimals_are_written_digit_by_digit(values: list[int | None], scale: int) -> None:
    numbers = [None if v is None else Decimal(f"{v}E-{scale}") for v in values]

    texts = written(f"decimal(38,{scale})", numbers)

    assert not any("E" in text for text in texts if text)
    assert [t if t is None else Decimal(t) for t in texts] == numbers


@settings(max_examples=60, deadline=None)
@given(st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_floats_come_back_bit_by_bit(values: list[float | None]) -> None:
    assert written("float64", values) == values


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("int64", -(2**63), -(2**63)),
        ("bool", True, True),
        ("date", dt.date(1, 1, 1), "0001-01-01"),
        ("time", dt.time(23, 59, 59, 999999), "23:59:59.999999"),
        ("timestamp", dt.datetime(9999, 12, 31, 1, 2, 3, 4), "9999-12-31 01:02:03.000004"),
        (
            "timestamptz",
            dt.datetime(2024, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=2))),
            "2023-12-31 22:00:00.000000 +00:00",
        ),
    ],
)
def test_value_is_written_as_t_sql_reads_it_whatever_the_session(
    kind: str, value: Any, text: Any
) -> None:
    assert written(kind, [value, None]) == [text, None]


def test_documents_are_bounded_in_rows_and_bytes() -> None:
    columns = [a_column("x", "text")]
    many, wide = a_batch("text", [""] * 25_000), a_batch("text", ["x" * 100_000] * 20)

    sizes = [len(json.loads(text)) for text in sending.documents(columns, many)]

    assert sizes == [10_000, 10_000, 5_000]
    assert max(map(len, sending.documents(columns, wide))) < 2 * sending.BLOCK_BYTES


@pytest.mark.parametrize(
    ("kind", "good", "bad", "destination", "why"),
    [
        ("text", "abc", "a\x00", None, "NUL character"),
        ("text", "ééé", "éééé", "nvarchar(3)", "text of more than 3 UTF-16 units"),
        ("text", "a🦊", "🦊🦊", "nvarchar(3) COLLATE X", "text of more than 3 UTF-16 units"),
        ("text", "0" * 8 + "-0000-0000-0000-" + "0" * 12, "0" * 36, "uniqueidentifier", "no GUID"),
        ("binary", b"ab", b"abc", "varbinary(2)", "more than 2 bytes"),
        ("int64", 2**31 - 1, 2**31, "int", "outside -2147483648 to 2147483647"),
        ("int64", 0, -1, "tinyint", "outside 0 to 255"),
        ("int64", 99, 100, "decimal(4,2)", "outside -99 to 99"),
        ("decimal(38,2)", Decimal("99.99"), Decimal("100.00"), "decimal(4,2)", "outside -99 to"),
        ("decimal(38,0)", Decimal(2**63 - 1), Decimal(2**63), "bigint", "a number outside"),
        ("float64", 1e308, float("nan"), None, "NaN or infinity"),
        ("float64", 0.0, float("-inf"), None, "NaN or infinity"),
        ("float64", 2.2250738585072014e-308, 5e-324, None, "nearer to 0"),
    ],
)
def test_value_that_would_be_altered_is_named_with_its_place(
    kind: str, good: Any, bad: Any, destination: str | None, why: str
) -> None:
    check(kind, [good, None], destination)

    with pytest.raises(ValueNotRepresentableError, match=why) as error:
        check(kind, [good, None, bad, bad], destination)

    assert "column x, row 103 of part-7: " in error.value.message
    assert error.value.facts == {"column": "x", "row": 103}


@pytest.mark.parametrize("days", [-719_163, 2_932_897])
def test_date_and_time_outside_the_years_1_to_9999_are_refused(days: int) -> None:
    day = pa.array([days], pa.int32()).cast(pa.date32())
    moment = pa.array([days * 86_400_000_000], pa.timestamp("us"))

    for kind, values in (("date", day), ("timestamp", moment)):
        batch = pa.RecordBatch.from_arrays([values], names=["x"])
        with pytest.raises(ValueNotRepresentableError, match="outside the years 1 to 9999"):
            sending._check([a_column("x", kind)], batch, {}, "part", 0)
