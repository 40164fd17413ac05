"""Verdicts: from what was observed, and from what the last runs measured."""

import warnings
from collections.abc import Sequence
from typing import Any

import pytest

from shared.checks.judging import Past, judge
from shared.core.checks import Breach, CheckResult, Measure, Observed, Verdict, require_passed
from shared.errors import CheckFailedError
from shared.wire import from_json, to_json
from tests.unit.checks.test_rules import a_table

SNAPSHOT = "2024-01-31 12:00:00.123456789"


def verdict(
    check: dict[str, Any],
    observed: Observed,
    past: Sequence[Past] = (),
    *,
    is_late: bool = False,
) -> CheckResult:
    (found,) = judge(
        a_table(check).checks,
        observed,
        snapshot=SNAPSHOT,
        past=lambda _, n: list(past)[:n],
        is_late=is_late,
    )
    return found


def broken_by(rows: int, of: int = 100) -> Observed:
    return Observed(rows=of, breaches={"range(x)": Breach(rows=rows, sample=({"x": "9"},))})


@pytest.mark.parametrize(
    ("check", "rows", "expected"),
    [
        ({}, 0, Verdict.PASSED),
        ({}, 1, Verdict.FAILED),
        ({"max_percent": 1}, 1, Verdict.WARNED),
        ({"max_percent": 1}, 2, Verdict.FAILED),
        ({"severity": "quarantine"}, 10, Verdict.QUARANTINED),
        ({"severity": "quarantine"}, 11, Verdict.FAILED),
        ({"severity": "quarantine", "max_percent": 100}, 100, Verdict.QUARANTINED),
        ({"severity": "warn"}, 100, Verdict.WARNED),
    ],
)
def test_share_of_broken_rows_decides(check: dict[str, Any], rows: int, expected: Verdict) -> None:
    observed = broken_by(rows) if rows else Observed(rows=100)

    found = verdict({"check": "range", "column": "x", "max": 8} | check, observed)

    assert (found.verdict, found.rows) == (expected, rows)
    assert not rows or "such as (x=9)" in found.reason


def test_rows_that_are_staged_already_cannot_be_set_aside() -> None:
    check = {"check": "range", "column": "x", "max": 8, "severity": "quarantine"}

    found = verdict(check, broken_by(1), is_late=True)

    assert found.verdict is Verdict.FAILED
    assert "a new run sets them aside" in found.reason


@pytest.mark.parametrize(
    ("check", "rows", "past", "expected"),
    [
        ({"min": 1}, 0, [], Verdict.FAILED),
        ({"min": 1, "max": 3}, 3, [], Verdict.PASSED),
        ({"max": 3}, 4, [], Verdict.FAILED),
        ({"max_change_percent": 10}, 50, [100, 100], Verdict.UNKNOWN),
        ({"max_change_percent": 10}, 90, [100, 100, 1], Verdict.PASSED),
        ({"max_change_percent": 10}, 89, [100, 100, 1], Verdict.FAILED),
        ({"max_change_percent": 10}, 5, [0, 0, 0], Verdict.FAILED),
        ({"max_change_percent": 10, "severity": "warn"}, 5, [9, 9, 9], Verdict.WARNED),
    ],
)
def test_number_of_rows_is_compared_with_limits_and_with_the_median(
    check: dict[str, Any], rows: int, past: list[int], expected: Verdict
) -> None:
    observed = Observed(rows=rows + 2, rows_quarantined=2)

    found = verdict({"check": "rows"} | check, observed, [{"rows": n} for n in past])

    assert (found.verdict, found.measured) == (expected, {"rows": rows})


@pytest.mark.parametrize(
    ("newest", "past", "expected"),
    [
        ("2024-01-31 11:00:00.123456", [], Verdict.PASSED),
        ("2024-01-31 09:59:00", [], Verdict.FAILED),
        ("2024-01-31 00:00:00", ["2024-01-31 11:30:00"], Verdict.PASSED),
        (None, ["2024-01-31 09:00:00"], Verdict.FAILED),
        (None, [], Verdict.UNKNOWN),
    ],
)
def test_age_is_that_of_the_newest_value_of_this_run_or_those_before(
    newest: str | None, past: list[str], expected: Verdict
) -> None:
    observed = Observed(rows=1, columns={"at": Measure(rows=1, newest=newest)})
    check = {"check": "freshness", "column": "at", "max_age": "2h"}

    found = verdict(check, observed, [{"newest": text} for text in past])

    assert found.verdict is expected


def a_measure(mean: float = 10.0, nulls: int = 0, distinct: int = 0) -> Measure:
    numbers = 100 - nulls
    hashes = tuple(range(distinct))
    return Measure(
        rows=100, nulls=nulls, numbers=numbers, mean=mean, squares=4.0 * numbers, hashes=hashes
    )


@pytest.mark.parametrize(
    ("measure", "expected", "why"),
    [
        (a_measure(distinct=10), Verdict.PASSED, "as in the last 3 runs"),
        (a_measure(10.9, distinct=10), Verdict.PASSED, ""),
        (a_measure(11.1, distinct=10), Verdict.WARNED, "the mean is 11.1, usually 10"),
        (a_measure(nulls=11, distinct=10), Verdict.WARNED, "11.0 % are NULL, usually 0.0 %"),
        (a_measure(distinct=20), Verdict.WARNED, "about 20 different values, usually 10"),
        (Measure(), Verdict.UNKNOWN, "no rows"),
    ],
)
def test_drift_is_told_by_nulls_mean_and_distinct_values(
    measure: Measure, expected: Verdict, why: str
) -> None:
    check = {"check": "drift", "column": "x", "distinct_percent": 50}
    usual: Past = {"null_percent": 0.0, "mean": 10.0, "deviation": 2.0, "distinct": 10}

    found = verdict(check, Observed(rows=100, columns={"x": measure}), [usual] * 3)

    assert found.verdict is expected
    assert why in found.reason


def test_failure_names_each_failed_check_and_carries_all_verdicts() -> None:
    results = judge(
        a_table(
            {"check": "rows", "min": 5},
            {"check": "range", "column": "x", "max": 8},
            {"check": "rows", "max": 5, "name": "not too many"},
        ).checks,
        broken_by(1, of=4),
        snapshot=SNAPSHOT,
        past=lambda *_: (),
    )

    with pytest.raises(CheckFailedError) as failed:
        require_passed("flights", results)

    assert "flights breaks 2 checks" in failed.value.message
    assert failed.value.facts["checks"] == ["rows", "range(x)"]
    assert failed.value.results == results


def test_verdicts_are_written_and_read_as_they_are() -> None:
    observed = Observed(rows=3, columns={"x": a_measure()})
    results = judge(
        a_table({"check": "rows", "min": 1}, {"check": "drift", "column": "x"}).checks,
        observed,
        snapshot=SNAPSHOT,
        past=lambda *_: (),
    )

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = [from_json(CheckResult, to_json(result), "a record") for result in results]

    assert tuple(again) == results
