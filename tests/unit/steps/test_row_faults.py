"""Rows that differ are named, whatever the damage, in any order, with a key or without."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.schemas import TableSchema
from shared.core.verifying import Fault
from shared.stage.arrow import arrow_schema
from shared.stage.readback import canonical_json
from shared.steps import row_faults
from tests.builders import a_schema

SCHEMA = a_schema(("id",), id="int64", name="text", size="int64")
KEYLESS = a_schema((), id="int64", name="text", size="int64")
ROWS = [(1, "anna", 10), (2, "bert", 20), (3, None, 30)]

Found = tuple[list[tuple[Fault, Any, tuple[str, ...]]], bool]


def find(
    before: Sequence[tuple[Any, ...]],
    after: Sequence[tuple[Any, ...]],
    schema: TableSchema = SCHEMA,
) -> Found:
    """Return the faults between two lists of rows, the key alone where there is one."""
    faults, are_all = row_faults.find(
        schema, lambda: batch(schema, before), lambda: batch(schema, after)
    )
    keys = [f.key["id"] if schema.primary_key else tuple(f.key.values()) for f in faults]
    named = zip((f.fault for f in faults), keys, (f.columns for f in faults), strict=True)
    return sorted(named, key=str), are_all


def batch(schema: TableSchema, rows: Sequence[tuple[Any, ...]]) -> list[pa.RecordBatch]:
    fields = arrow_schema(schema)
    columns = list(zip(*rows, strict=True)) or [()] * len(fields)
    arrays = [pa.array(c, f.type) for c, f in zip(columns, fields, strict=True)]
    return [pa.RecordBatch.from_arrays(arrays, schema=fields)]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ([(1, "anna", 10), (2, "bert", 20), (3, None, 30)], []),
        ([(3, None, 30), (1, "anna", 10), (2, "bert", 20)], []),
        ([(1, "anna", 10), (2, "bert", 21), (3, None, 30)], [(Fault.CHANGED, 2, ("size",))]),
        ([(1, "ann", 10), (2, "bert", 20), (3, "", 30)],
         [(Fault.CHANGED, 1, ("name",)), (Fault.CHANGED, 3, ("name",))]),
        ([(1, "bert", 10), (2, "anna", 20), (3, None, 30)],
         [(Fault.CHANGED, 1, ("name",)), (Fault.CHANGED, 2, ("name",))]),
        ([(1, "anna", 10), (3, None, 30)], [(Fault.MISSING, 2, ())]),
        ([*ROWS, (4, "dora", 40)], [(Fault.EXTRA, 4, ())]),
        ([*ROWS, ROWS[0]], [(Fault.DOUBLED, 1, ())]),
    ],
)  # fmt: skip
def test_damage_is_named_by_key_and_column(after: list[Any], expected: list[Any]) -> None:
    assert find(ROWS, after) == (expected, True)


def test_rows_without_a_key_are_told_apart_by_all_they_have() -> None:
    found, _ = find([(1, "a", 1), (1, "a", 1)], [(1, "a", 1), (1, "b", 1)], KEYLESS)

    assert found == [(Fault.EXTRA, (1, "b", 1), ()), (Fault.MISSING, (1, "a", 1), ())]


def test_many_faults_are_named_in_part_and_said_to_be_more() -> None:
    rows = [(n, "x", n) for n in range(row_faults.MAX_NAMED + 1)]

    faults, are_all = find(rows, [])

    assert len(faults) == row_faults.MAX_NAMED
    assert not are_all


def test_more_rows_than_are_held_are_said_to_be_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_faults, "MAX_ROWS_HELD", 10)
    rows = [(n, "x", n) for n in range(50)]

    _, are_all = find(rows, [(n, "x", n + 1) for n in range(50)])

    assert not are_all


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from("ab"), st.integers(0, 2)), max_size=12),
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from("ab"), st.integers(0, 2)), max_size=12),
)
def test_something_is_named_exactly_if_rows_differ(before: list[Any], after: list[Any]) -> None:
    is_same = Counter(before) == Counter(after)

    for schema in (SCHEMA, KEYLESS):
        assert (find(before, after, schema) == ([], True)) is is_same


@pytest.mark.parametrize(
    ("mine", "theirs", "is_same"),
    [
        ('{"a": 1, "b": [1.50, 1e2]}', '{"b":[1.5,100],"a":1.0}', True),
        ('{"a": 12345678901234567890}', '{"a": 12345678901234567891}', False),
        ('{"a": "1"}', '{"a": 1}', False),
        ("[1, 2]", "[2, 1]", False),
        ("-0", "0", True),
        ('"é"', '"\\u00e9"', True),
        ("true", "1", False),
    ],
)
def test_json_is_compared_by_value(mine: str, theirs: str, is_same: bool) -> None:
    found = canonical_json(pa.array([mine, theirs, None])).to_pylist()

    assert (found[0] == found[1]) is is_same
    assert found[2] is None
