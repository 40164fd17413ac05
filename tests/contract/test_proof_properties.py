"""No way to a green run with a mismatch: any damage, anywhere on the way, of any rows."""

import datetime as dt
import string
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from shared.core.receipts import Verdict
from shared.core.runs import Run, RunState
from shared.core.schemas import TableSchema
from tests.builders import a_schema
from tests.contract.engines import Engine
from tests.contract.movements import Change, Movement, Place, sums
from tests.contract.targets import Row, Table, a_batch, folded

_TEXTS = st.text(string.ascii_letters + " 'é漢🦊\\\t\n", max_size=9)
_MOMENTS = st.datetimes(dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30), timezones=st.just(dt.UTC))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "int64": st.integers(-(2**63), 2**63 - 1),
    "decimal(12,2)": st.integers(-(10**12) + 1, 10**12 - 1).map(lambda n: Decimal(n).scaleb(-2)),
    "float64": st.floats(-(2.0**32), 2.0**32).map(lambda x: x + 0.0),
    "bool": st.booleans(),
    "text": _TEXTS,
    "binary": st.binary(max_size=9),
    "date": st.dates(),
    "timestamptz": _MOMENTS,
}
KINDS = list(VALUES)
KEYED: TableSchema = a_schema(("id",), id="int64", **{f"c{i}": k for i, k in enumerate(KINDS)})
KEYLESS = TableSchema(tuple(KEYED))


@st.composite
def some_rows(draw: st.DrawFn) -> list[Row]:
    """Draw a few rows, told apart by their first value."""
    ids = draw(st.lists(st.integers(-9, 9), min_size=1, max_size=4, unique=True))
    return [(id_, *(draw(st.none() | VALUES[kind]) for kind in KINDS)) for id_ in ids]


@st.composite
def changes(draw: st.DrawFn) -> Change:
    """Draw what is done to some rows: one value, two values, or a whole row."""
    one, other = draw(st.integers(0, 3)), draw(st.integers(0, 3))
    at = draw(st.integers(1, len(KINDS)))
    value = draw(st.none() | VALUES[KINDS[at - 1]])

    def altered(rows: list[Row]) -> list[Row]:
        return [_with(row, at, value) if n == one else row for n, row in enumerate(rows)]

    def swapped(rows: list[Row]) -> list[Row]:
        first, second = one % len(rows), other % len(rows)
        values = {first: rows[second][at], second: rows[first][at]}
        return [_with(row, at, values.get(n, row[at])) for n, row in enumerate(rows)]

    def lost(rows: list[Row]) -> list[Row]:
        return [row for n, row in enumerate(rows) if n != one]

    def doubled(rows: list[Row]) -> list[Row]:
        return [*rows, *rows[one : one + 1]]

    def moved(rows: list[Row]) -> list[Row]:
        return [*rows[one:], *rows[:one]]

    return draw(st.sampled_from([altered, swapped, swapped, lost, doubled, moved]))


def _with(row: Row, at: int, value: Any) -> Row:
    return (*row[:at], value, *row[at + 1 :])


def moved(
    engine: Engine, rows: list[Row], place: Place, change: Change, *, has_key: bool, percent: int
) -> tuple[Run, pa.RecordBatch | None]:
    """Move rows that are damaged at a place; return the run, and what the target has of it."""
    schema = KEYED if has_key else KEYLESS
    table = Table(engine, schema=schema, config={"read_back_percent": percent})
    run = Movement(table, rows, {place: change}).run()
    with table.target() as target:
        is_there = target.schema() is not None
    return run, a_batch(schema, table.rows()) if is_there else None


def content(batch: pa.RecordBatch) -> list[str]:
    return sorted(repr(row) for row in batch.to_pylist())


def is_green(run: Run) -> bool:
    is_verified = run.receipt is not None and run.receipt.verdict is Verdict.VERIFIED
    return run.state is RunState.COMMITTED and is_verified


RUNS = {
    "rows": some_rows(),
    "place": st.sampled_from(Place),
    "change": changes(),
    "has_key": st.booleans(),
}


@pytest.mark.parametrize("percent", [0, 100])
@settings(max_examples=12, deadline=None, phases=(Phase.generate, Phase.shrink))
@given(**RUNS)
def test_run_is_green_only_if_target_and_source_have_the_same_rows(
    postgres_engine: Engine, percent: int, **drawn: Any
) -> None:
    run, found = moved(postgres_engine, **drawn, percent=percent)

    assert run.is_terminal
    source = a_batch(KEYLESS, drawn["rows"])
    damaged = a_batch(KEYLESS, drawn["change"](drawn["rows"]))
    of = content if percent else lambda batch: sums(folded(KEYLESS, [batch]))
    if is_green(run):
        assert found is not None
        assert of(found) == of(source)
    else:
        assert not found
        assert of(damaged) != of(source)
