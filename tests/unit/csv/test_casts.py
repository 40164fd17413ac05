"""Columns converted at once mean what their cells mean one by one."""

import math
import tracemalloc
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import csv
from shared.core.schemas import Column, DataType, TableSchema
from shared.csv.casts import Converter
from shared.csv.cells import BadCellError, CellRule, parse_cell
from shared.csv.patterns import pattern
from shared.stage.arrow import arrow_type

TYPES = (
    *("bool", "int64", "decimal(5,2)", "decimal(38,0)", "decimal(38,37)", "decimal(2,2)"),
    *("float64", "text", "date", "time", "timestamp", "timestamptz", "json", "binary"),
)
PATTERNS = ("%d.%m.%Y", "%-m/%-d/%y", "%Y%m%d", "%d %b %Y %H:%M:%S", "%Y-%m-%d %I:%M %p", "%H.%M")
PIECES = (
    *("0", "1", "12", "007", "2024", "0001", "9999", "-", "+", ".", ",", "'", " ", "\t", "\u00a0"),
    *("e5", "E", "x", "0x1F", "NaN", "inf", "nan", "_", "\u0661", "\uff11", "\0", "NA", ""),
    *("-01-31", "-02-29", "-02-30", ":30", ":60", ":59.123456", ".1234567", "T", "Z", "UTC"),
    *("+02", "+0200", "+02:00", "-23:59", "true", "FALSE", "True", "t", "yes", "{}", '"a"', "[1"),
    *("31.01.2024", "1/2/24", "20240131", "31 Jan 2024", "12:30", "2024-01-31", "1.234,50"),
    *("9223372036854775807", "9223372036854775808", "99999999999999999999999999999999999999"),
)
CELLS = st.one_of(
    st.none(),
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=3).map("".join),
    st.text(alphabet="0123456789+-.,:/TZ eE'", max_size=12),
    st.integers(-(10**20), 10**20).map(str),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.floats().map(repr),
    st.dates().map(str),
    st.datetimes().map(str),
    st.times().map(str),
)


@st.composite
def rules(draw: st.DrawFn) -> CellRule:
    """Draw what the cells of a column must be."""
    kind = DataType.parse(draw(st.sampled_from(TYPES)))
    decimal, thousands = draw(st.sampled_from([(".", None), (".", ","), (",", "."), (",", "'")]))
    text = draw(st.sampled_from([None, None, *PATTERNS]))
    is_temporal = str(kind) in ("date", "time", "timestamp", "timestamptz")
    return CellRule(
        type=kind,
        is_nullable=True,
        null_markers=frozenset({"", "NA"}),
        decimal_mark=decimal,
        thousands_mark=thousands,
        pattern=pattern(text) if text and is_temporal else None,
        zone=draw(st.sampled_from([None, ZoneInfo("Europe/Berlin")])),
    )


def one_by_one(cells: list[str | None], rule: CellRule) -> tuple[list[Any], dict[int, str]]:
    """Return the value of each cell, and the rule that failed, by row."""
    values: list[Any] = []
    failures: dict[int, str] = {}
    for row, cell in enumerate(cells):
        try:
            values.append(None if cell is None else parse_cell(cell, rule))
        except BadCellError as exc:
            values.append(None)
            failures[row] = exc.rule
    return pa.array(values, arrow_type(rule.type)).to_pylist(), failures


def same(one: Any, other: Any) -> bool:
    is_nan = isinstance(one, float) and isinstance(other, float) and math.isnan(one)
    return (is_nan and math.isnan(other)) or (one == other and str(one) == str(other))


@settings(max_examples=1200, deadline=None, derandomize=True)
@given(rules(), st.lists(CELLS, max_size=6))
def test_whole_columns_mean_what_their_cells_mean(rule: CellRule, cells: list[str | None]) -> None:
    converter = Converter(rule)
    expected, bad = one_by_one(cells, rule)

    for _ in range(2):  # the second time some cells are remembered
        found = converter.convert(pa.array(cells, pa.string()))

        values = [None if row in bad else v for row, v in enumerate(found.values.to_pylist())]
        assert {row: failure.rule for row, failure in found.failures.items()} == bad
        assert all(map(same, values, expected)), (values, expected)


@pytest.mark.parametrize("text", ["0x1F", "1e5", "NaN", "\u0661", "1_0", "--1", "1 2"])
def test_what_only_looks_like_a_number_is_none(text: str) -> None:
    rule = CellRule(type=DataType.parse("int64"), is_nullable=True, null_markers=frozenset({""}))

    found = Converter(rule).convert(pa.array(["1", text, "2"]))

    assert found.failures[1].rule == "not_int64"
    assert found.values.to_pylist() == [1, None, 2]


@pytest.mark.parametrize(("kind", "quoted"), [("json", '"{}"'), ("binary", "{}")])
def test_long_cells_are_not_kept_in_memory(kind: str, quoted: str) -> None:
    converter = Converter(CellRule(type=DataType.parse(kind)))
    blocks = [[quoted.format(f"{n:020000}") for n in range(i, i + 10)] for i in range(0, 200, 10)]

    tracemalloc.start()
    for block in blocks:
        converter.convert(pa.array(block, pa.string()))
    kept_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert kept_bytes < 10 * 20_000


@pytest.mark.parametrize(
    ("kind", "decimal", "bad"),
    [("timestamp", ".", "2024-02-30 00:00:01.{:06}"), ("decimal(9,2)", ".", "{},39")],
)
def test_blocks_with_a_bad_cell_are_not_kept_in_memory(kind: str, decimal: str, bad: str) -> None:
    schema = TableSchema(
        (
            Column(name="a", type=DataType.parse(kind)),
            Column(name="b", type=DataType.parse("text")),
        )
    )
    dialect = csv.Dialect(delimiter=";", decimal_mark=decimal)
    blocks, block_bytes = 200, 2**15
    file = (f"{bad.format(n)};{n:0{block_bytes}}\n".encode() for n in range(blocks))
    chunks = (chunk for part in ([b"a;b\n"], file) for chunk in part)

    tracemalloc.start()
    batches = csv.read(chunks, dialect, schema, block_bytes=block_bytes)
    rejects = sum(len(batch.rejects) for batch in batches)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert rejects == blocks
    assert peak_bytes < blocks * block_bytes
