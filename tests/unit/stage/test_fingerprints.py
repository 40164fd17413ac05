"""Fingerprints: as docs/receipt.md defines them, in any order, and never blind to a change."""

import datetime as dt
import hashlib
import math
import struct
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.receipts import Point, combined, differences
from shared.core.schemas import TableSchema
from shared.stage.arrow import arrow_schema
from shared.stage.fingerprints import BLOCK_ROWS, Fold
from shared.stage.hashing import LONG_BYTES
from tests.builders import a_schema

M64 = 2**64
SCHEMA = a_schema(
    (),
    b="bool",
    i="int64",
    d="decimal(18,4)",
    w="decimal(38,6)",
    f="float64",
    t="text",
    x="binary",
    day="date",
    clock="time",
    wall="timestamp",
    at="timestamptz",
    j="json",
)


def digits(number: int) -> tuple[int, ...]:
    return tuple(map(int, str(number)))


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.text("ab", max_size=200)
ROWS = st.tuples(
    st.none() | st.booleans(),
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.decimals(-(10**13), 10**13, places=4),
    st.none()
    | st.integers(-(10**37), 10**37).map(lambda n: Decimal((int(n < 0), digits(abs(n)), -6))),
    st.none() | st.floats(),
    st.none() | TEXTS,
    st.none() | st.binary(max_size=80),
    st.none() | st.dates(),
    st.none() | st.times(),
    st.none() | st.datetimes(),
    st.none() | st.datetimes(timezones=st.just(dt.UTC)),
    st.none() | st.just("{}"),
)


def point(rows: list[tuple[Any, ...]], schema: TableSchema = SCHEMA, cut: int = 0) -> Point:
    """Return the point of rows, folded in two batches."""
    fields = arrow_schema(schema)
    fold = Fold(schema)
    for part in (rows[:cut], rows[cut:]):
        columns = list(zip(*part, strict=True)) or [()] * len(fields)
        arrays = [pa.array(c, f.type) for c, f in zip(columns, fields, strict=True)]
        fold.add(pa.RecordBatch.from_arrays(arrays, schema=fields))
    return fold.point


# The definition, value by value ----------------------------------------------------------------


def splitmix(n: int) -> int:
    w = n * 0x9E3779B97F4A7C15 % M64
    w = (w ^ w >> 30) * 0xBF58476D1CE4E5B9 % M64
    w = (w ^ w >> 27) * 0x94D049BB133111EB % M64
    return w ^ w >> 31


def odd(n: int) -> int:
    return splitmix(n) | 1


def mixed(w: int) -> int:
    w = (w ^ w >> 32) * odd(1) % M64
    w = (w ^ w >> 32) * odd(2) % M64
    return w ^ w >> 32


def word_of_bytes(data: bytes) -> int:
    if len(data) > LONG_BYTES:
        return int.from_bytes(hashlib.sha256(data).digest()[:8], "little")
    total = len(data) * odd(3)
    for n in range(0, len(data), 8):
        w = int.from_bytes(data[n : n + 8], "little") * odd(16 + n // 4) % M64
        total += (w ^ w >> 32) * odd(17 + n // 4)
    return total % M64


EPOCH = dt.datetime(1970, 1, 1)


def microseconds(value: dt.datetime) -> int:
    return (value.replace(tzinfo=None) - EPOCH) // dt.timedelta(microseconds=1)


def unscaled(value: Decimal, scale: int) -> int:
    sign, found, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    return (-1) ** sign * int("".join(map(str, found))) * 10 ** (exponent + scale)


def word(kind: str, value: Any) -> int:
    if kind in ("text", "json"):
        return word_of_bytes(value.encode())
    if kind == "binary":
        return word_of_bytes(value)
    if kind == "float64":
        bits = 0x7FF8 << 48 if math.isnan(value) else 0
        return bits or struct.unpack("<Q", struct.pack("<d", value + 0.0))[0]
    number = {
        "bool": int,
        "int64": int,
        "decimal(18,4)": lambda v: unscaled(v, 4),
        "decimal(38,6)": lambda v: unscaled(v, 6),
        "date": lambda v: (v - EPOCH.date()).days,
        "time": lambda v: microseconds(dt.datetime.combine(EPOCH, v)),
        "timestamp": microseconds,
        "timestamptz": microseconds,
    }[kind](value)
    if kind == "decimal(38,6)":
        return (mixed(number % M64) + (number >> 64) * odd(4)) % M64
    return number % M64


def hashed(kind: str, value: Any) -> int:
    return splitmix(5) if value is None else mixed(word(kind, value))


def row_hash(row: tuple[Any, ...]) -> int:
    total = 0
    for column, value in zip(SCHEMA, row, strict=True):
        by_name = int.from_bytes(hashlib.sha256(column.name.encode()).digest()[:8], "little") | 1
        total += hashed(str(column.type), value) * by_name
    return mixed(total % M64)


@settings(max_examples=40, deadline=None)
@given(st.lists(ROWS, max_size=6), st.integers(0, 6))
def test_fingerprints_are_those_of_the_definition(rows: list[Any], cut: int) -> None:
    found = point(rows, cut=cut)

    for number, column in enumerate(SCHEMA):
        values = [row[number] for row in rows]
        expected = sum(hashed(str(column.type), value) for value in values) % M64
        assert found.columns[number].fingerprint == f"{expected:016x}", column
        assert found.columns[number].nulls == values.count(None)
    assert found.fingerprint == f"{sum(map(row_hash, rows)) % M64:016x}"


@settings(max_examples=40, deadline=None)
@given(st.lists(ROWS, max_size=8), st.randoms(use_true_random=False), st.integers(0, 8))
def test_order_and_batches_and_parts_do_not_matter(rows: list[Any], random: Any, cut: int) -> None:
    shuffled = random.sample(rows, len(rows))

    assert point(rows) == point(shuffled, cut=cut)
    assert combined([point(rows[:cut]), point(rows[cut:])]) == combined([point(rows)])


def test_totals_outgrow_64_bits() -> None:
    schema = a_schema((), i="int64", w="decimal(38,0)")
    rows = [(2**63 - 1, Decimal(10**37))] * 3 + [(-(2**63), Decimal(-(10**37)))]

    first, second = point(rows, schema).columns

    assert first.total == str(3 * (2**63 - 1) - 2**63)
    assert (second.total, second.minimum) == (str(2 * 10**37), str(-(10**37)))


def test_number_of_a_text_is_its_length() -> None:
    (found,) = point([("é🦊",), (None,), ("",)], a_schema((), t="text")).columns

    assert (found.total, found.minimum, found.maximum, found.units) == ("6", "0", "6", 3)


def test_number_of_a_float_is_in_steps_that_every_engine_has() -> None:
    rows = [(1.5,), (-0.1,), (math.nan,), (2.0**33,), (None,)]

    (found,) = point(rows, a_schema((), f="float64")).columns

    assert (found.minimum, found.maximum, found.nulls) == ("-6554", "98304", 1)


@pytest.mark.parametrize("length", [1, 8, 9, 63, 64, 65, 300, LONG_BYTES, LONG_BYTES + 1])
def test_a_text_among_others_has_the_hash_that_it_has_alone(length: int) -> None:
    schema = a_schema((), t="text")
    text = "x" * length
    others = [("",), ("short",), ("m" * 100,), ("l" * 1000,), ("h" * 9000,), (None,)]

    whole = point([(text,), *others], schema)

    assert whole == combined([point([(text,)], schema), point(others, schema)])


def test_more_rows_than_one_block_are_folded_whole() -> None:
    schema = a_schema((), i="int64", t="text")
    rows = [(n, str(n)) for n in range(BLOCK_ROWS + 5)]

    found = point(rows, schema)

    assert found.rows == BLOCK_ROWS + 5
    assert found.columns[0].total == str(sum(range(BLOCK_ROWS + 5)))


# Damage ----------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.lists(ROWS, min_size=2, max_size=6), st.data())
def test_any_corruption_of_the_rows_is_named(
    rows: list[tuple[Any, ...]], data: st.DataObject
) -> None:
    damaged = corrupted(rows, data)

    found = differences("staged to target", point(rows), point(damaged))

    same = sorted(map(row_hash, rows)) == sorted(map(row_hash, damaged))
    assert bool(found) is not same


def corrupted(rows: list[tuple[Any, ...]], data: st.DataObject) -> list[tuple[Any, ...]]:
    """Return rows with a value changed, or swapped with another row's, or a row lost or doubled."""
    kind = data.draw(st.sampled_from(["flip", "lose", "double", "swap"]))
    at = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.integers(0, len(SCHEMA) - 1))
    if kind == "lose":
        return rows[:at] + rows[at + 1 :]
    if kind == "double":
        return [*rows, rows[at]]
    other = data.draw(ROWS)[column]
    if kind == "flip":
        changed = (*rows[at][:column], other, *rows[at][column + 1 :])
        return [*rows[:at], changed, *rows[at + 1 :]]
    near = (at + 1) % len(rows)
    swapped = list(rows)
    swapped[at] = (*rows[at][:column], rows[near][column], *rows[at][column + 1 :])
    swapped[near] = (*rows[near][:column], rows[at][column], *rows[near][column + 1 :])
    return swapped
