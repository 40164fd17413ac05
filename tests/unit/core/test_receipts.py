"""Receipts: points that add up, differences that are named, verdicts that are never silent."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from shared.core.receipts import (
    MEASURES,
    ColumnFacts,
    Point,
    Receipt,
    Verdict,
    combined,
    differences,
    judged,
)
from shared.wire import from_json, to_json
from tests.builders import a_receipt

NUMBERS = st.integers(-(2**90), 2**90).map(str)
HASHES = st.integers(0, 2**64 - 1).map(lambda n: f"{n:016x}")


@st.composite
def facts(draw: st.DrawFn, name: str) -> ColumnFacts:
    return ColumnFacts(
        name=name,
        nulls=draw(st.integers(0, 9)),
        total=draw(NUMBERS),
        minimum=draw(NUMBERS | st.just("")),
        maximum=draw(NUMBERS | st.just("")),
        units=draw(st.integers(0, 9)),
        characters=draw(st.integers(0, 9)),
        fingerprint=draw(HASHES),
    )


@st.composite
def points(draw: st.DrawFn) -> Point:
    columns = tuple(draw(facts(name)) for name in ("a", "b"))
    return Point(rows=draw(st.integers(1, 9)), columns=columns, fingerprint=draw(HASHES))


@given(points(), points(), points())
def test_points_add_up_in_any_order(a: Point, b: Point, c: Point) -> None:
    assert combined([a, b, c]) == combined([c, a, b]) == a + (b + c)


@given(points())
def test_a_point_of_no_rows_adds_nothing(point: Point) -> None:
    assert combined([point]) == point + Point(rows=0) == point


def test_what_one_part_does_not_know_is_not_known_of_the_whole() -> None:
    known = ColumnFacts(name="a", nulls=1, total="5")
    unknown = ColumnFacts(name="a", nulls=2)

    assert known + unknown == ColumnFacts(name="a", nulls=3)


@given(points(), st.sampled_from(MEASURES))
def test_any_fact_that_differs_is_named_with_both_values(point: Point, fact: str) -> None:
    column = point.columns[1]
    before = getattr(column, fact)
    after = before + 1 if isinstance(before, int) else f"{before}0"
    other = replace(point, columns=(point.columns[0], replace(column, **{fact: after})))

    (found,) = differences("staged to target", point, other)

    assert (found.column, found.fact) == ("b", fact)
    assert (found.expected, found.found) == (str(before), str(after))


def test_facts_that_only_one_point_has_are_not_compared() -> None:
    mine = Point(rows=1, columns=(ColumnFacts(name="a", nulls=0, total="7"),), fingerprint="0" * 16)
    theirs = Point(rows=1, columns=(ColumnFacts(name="a", nulls=0),))

    assert differences("x", mine, theirs) == ()


def test_columns_that_are_left_out_take_the_whole_rows_with_them() -> None:
    mine = Point(rows=1, columns=(ColumnFacts(name="a", total="7"),), fingerprint="0" * 16)
    theirs = Point(rows=1, columns=(ColumnFacts(name="a", total="8"),), fingerprint="1" * 16)

    assert differences("x", mine, theirs, left_out={"a"}) == ()


def test_a_difference_outweighs_what_could_not_be_compared() -> None:
    found = differences("source to staged", Point(rows=2), Point(rows=1))

    assert judged(found, ["not pinned"]) == (Verdict.MISMATCH, "", found)
    assert judged((), ["not pinned"]) == (Verdict.UNVERIFIABLE, "not pinned", ())
    assert judged((), ()) == (Verdict.VERIFIED, "", ())
    assert str(found[0]) == "source to staged: rows: 2 became 1"


@given(points())
def test_a_receipt_survives_json(point: Point) -> None:
    receipt = a_receipt(source=point, staged=point, verdict=Verdict.VERIFIED, reason="")

    assert from_json(Receipt, to_json(receipt), "receipt") == receipt


def test_a_receipt_of_an_older_release_proves_nothing() -> None:
    old = b"""{"rows_source": 1, "rows_staged": 1, "rows_loaded": 1, "rows_rejected": 0,
    "rows_inserted": 1, "rows_updated": 0, "rows_deleted": 0, "snapshot": "", "is_pinned": true,
    "low": null, "high": null}"""

    receipt = from_json(Receipt, old, "receipt")

    assert receipt.verdict is Verdict.UNVERIFIABLE
    assert receipt.reason
