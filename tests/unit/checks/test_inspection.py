"""One look at passing batches: what stays, what is set aside, and that parts add up."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.checks import Flaw, Inspection, looked_for
from shared.core.checks import SKETCH_HASHES, Measure, Observed, total
from shared.stage.arrow import arrow_schema
from shared.wire import from_json, to_json
from tests.builders import a_schema
from tests.unit.checks.test_rules import a_table

SCHEMA = a_schema(id="int64", name="text", size="int64")
CHECKS = (
    {"check": "range", "column": "size", "min": 0, "severity": "quarantine"},
    {"check": "not_null", "columns": ["name"], "severity": "quarantine"},
    {"check": "length", "column": "name", "max": 3, "severity": "warn"},
    {"check": "drift", "column": "size", "distinct_percent": 10},
)


def a_batch(rows: Sequence[tuple[Any, ...]]) -> pa.RecordBatch:
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    return pa.RecordBatch.from_arrays(
        [pa.array(c, f.type) for c, f in zip(columns, arrow_schema(SCHEMA), strict=True)],
        schema=arrow_schema(SCHEMA),
    )


def look(*batches: pa.RecordBatch, **config: Any) -> tuple[list[int], list[Flaw], Observed]:
    """Return the ids that stay, the flaws of the others, and what was observed."""
    flaws: list[Flaw] = []
    inspection = Inspection(
        a_table(*config.pop("checks", CHECKS), **config),
        SCHEMA,
        lambda _, found: flaws.extend(found),
    )
    kept = [i for batch in inspection.sift(batches) for i in batch.column("id").to_pylist()]
    return kept, flaws, inspection.observed(("rejects",))


def test_row_is_set_aside_once_by_the_first_check_that_it_breaks() -> None:
    batch = a_batch([(1, "a", 1), (2, None, -1), (3, None, 3), (4, "long", 4)])

    kept, flaws, observed = look(batch)

    assert kept == [1, 4]
    assert [(f.row, f.rule, f.column) for f in flaws] == [
        (1, "range(size)", "size"),
        (2, "not_null(name)", "name"),
    ]
    assert (observed.rows, observed.rows_quarantined, observed.rejects) == (4, 2, ("rejects",))
    assert {name: breach.rows for name, breach in observed.breaches.items()} == {
        "range(size)": 1,
        "not_null(name)": 2,
        "length(name)": 1,
    }
    assert observed.columns["size"].rows == 2


def test_sample_shows_key_and_checked_columns_and_masks_sensitive_ones() -> None:
    _, _, observed = look(
        a_batch([(1, "secret", 1), (2, None, 1)]), columns={"name": {"sensitive": True}}
    )

    assert observed.breaches["length(name)"].sample == ({"id": "1", "name": "***"},)
    assert observed.breaches["not_null(name)"].sample == ({"id": "2", "name": None},)


def test_sample_is_short_however_many_rows_break_a_check() -> None:
    batches = [a_batch([(i, "a", -1) for i in range(4)]) for _ in range(3)]

    _, flaws, observed = look(*batches)

    assert (len(flaws), observed.breaches["range(size)"].rows) == (12, 12)
    assert [row["id"] for row in observed.breaches["range(size)"].sample] == list("01230")


def test_table_without_checks_passes_batches_as_they_are() -> None:
    batch = a_batch([(1, None, -1)])

    kept, _, observed = look(batch, checks=())

    assert kept == [1]
    assert observed == Observed(rows=1)


def test_look_is_another_one_once_a_rule_is_or_rows_are_to_be_set_aside() -> None:
    rule = {"check": "range", "column": "size", "min": 0}
    known = looked_for(a_table(rule))

    assert looked_for(a_table(rule | {"severity": "warn", "max_percent": 5})) == known
    assert looked_for(a_table(rule | {"min": 1})) != known
    assert looked_for(a_table(rule | {"severity": "quarantine"})) != known
    drift = {"check": "drift", "column": "size"}
    counted = looked_for(a_table(drift | {"distinct_percent": 5}))
    assert looked_for(a_table(drift)).items() < counted.items()


def test_units_that_looked_for_different_things_have_looked_for_what_both_did() -> None:
    one = Observed(looked_for={"a": "1", "b": "1"})
    other = Observed(looked_for={"a": "1", "b": "2", "c": "1"})

    assert one.plus(other).looked_for == {"a": "1"}


ROWS = st.lists(
    st.tuples(
        st.integers(0, 99),
        st.none() | st.text(max_size=5),
        st.none() | st.integers(-5, 1000),
    ),
    max_size=30,
)


@given(st.lists(ROWS, min_size=1, max_size=4))
def test_units_add_up_to_what_one_look_at_all_rows_sees(cut: list[list[Any]]) -> None:
    _, _, whole = look(*map(a_batch, cut))

    found = total([look(a_batch(rows))[2] for rows in cut])

    assert found is not None
    assert {n: b.rows for n, b in found.breaches.items()} == {
        n: b.rows for n, b in whole.breaches.items()
    }
    assert (found.rows, found.rows_quarantined) == (whole.rows, whole.rows_quarantined)
    mine, other = found.columns["size"], whole.columns["size"]
    assert (mine.rows, mine.nulls, mine.hashes) == (other.rows, other.nulls, other.hashes)
    assert mine.mean == pytest.approx(other.mean)
    assert mine.deviation == pytest.approx(other.deviation)


def test_mean_and_deviation_are_those_of_all_numbers() -> None:
    checks = ({"check": "drift", "column": "size"},)

    _, _, observed = look(
        a_batch([(1, "", 2), (2, "", 4)]), a_batch([(3, "", None), (4, "", 9)]), checks=checks
    )

    measure = observed.columns["size"]
    assert (measure.mean, measure.null_share) == (5.0, 0.25)
    assert measure.deviation == pytest.approx(2.943920288775949)


@pytest.mark.parametrize("count", [10, SKETCH_HASHES - 1, 20_000])
def test_estimate_of_distinct_values_is_close(count: int) -> None:
    checks = ({"check": "drift", "column": "id", "distinct_percent": 10},)
    rows = [(i, "", 0) for i in range(count)]

    _, _, observed = look(a_batch(rows), a_batch(rows[: count // 2]), checks=checks)

    exactly = count < SKETCH_HASHES
    assert observed.columns["id"].distinct == pytest.approx(count, rel=0 if exactly else 0.15)


def test_observation_survives_its_way_through_a_manifest() -> None:
    checks = (*CHECKS, {"check": "freshness", "column": "at", "max_age": "1d"})
    schema = a_schema(id="int64", name="text", size="int64", at="date")
    batch = pa.RecordBatch.from_pydict(
        {"id": [1], "name": [None], "size": [2**62], "at": [19753]}, schema=arrow_schema(schema)
    )
    inspection = Inspection(a_table(*checks), schema, lambda *_: None)

    list(inspection.sift([batch, batch]))

    observed = inspection.observed(("rejects",))
    assert from_json(Observed, to_json(observed), "a manifest") == observed


def test_nobody_who_looked_adds_up_to_nothing() -> None:
    assert total([None, None]) is None
    assert Measure().distinct == 0
