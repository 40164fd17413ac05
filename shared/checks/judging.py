"""From what was seen to verdicts: one per check, for the run as a whole."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from statistics import median

from shared.config.checks import (
    Check,
    DriftCheck,
    FreshnessCheck,
    RowCheck,
    Rows,
    RunCheck,
    SqlCheck,
)
from shared.core.checks import (
    Breach,
    CheckResult,
    Measure,
    Observed,
    Severity,
    Verdict,
    shown,
)

MIN_RUNS = 3
"""Fewer earlier runs say nothing about what is usual."""

Past = Mapping[str, int | float | str]
"""What an earlier run measured for the same check."""

FindPast = Callable[[Check, int], Sequence[Past]]
"""Returns what the last runs measured for a check, at most so many, the newest first."""

_MICROSECONDS = len("2024-01-31 00:00:00.123456")


def judge(
    checks: Sequence[Check],
    observed: Observed,
    *,
    snapshot: str,
    past: FindPast,
    is_late: bool = False,
) -> tuple[CheckResult, ...]:
    """Return the verdicts on all checks but those that the target decides.

    Args:
        checks: the table's, as they are now.
        observed: what was seen of the run's rows.
        snapshot: when the source was read, as the manifest writes it.
        past: what earlier runs of the table measured.
        is_late: the rows were looked at when they were staged already, so none can be set aside.
    """
    judged = [check for check in checks if not isinstance(check, SqlCheck)]
    results = (_judged(check, observed, snapshot, past) for check in judged)
    return tuple(_too_late(result) if is_late else result for result in results)


def _too_late(result: CheckResult) -> CheckResult:
    if result.verdict is not Verdict.QUARANTINED:
        return result
    reason = f"{result.reason}, which are staged already: a new run sets them aside"
    return replace(result, verdict=Verdict.FAILED, reason=reason)


def tested(check: SqlCheck, breach: Breach) -> CheckResult:
    """Return the verdict on a check that the target has decided."""
    if not breach.rows:
        return _result(check, Verdict.PASSED)
    what = "have values of other rows" if check.check == "unique" else "refer to no row there"
    return _broken(check, f"{breach.rows} rows {what}{shown(breach.sample)}", breach)


def _judged(
    check: RowCheck | RunCheck, observed: Observed, snapshot: str, past: FindPast
) -> CheckResult:
    if isinstance(check, RowCheck):
        return _by_rows(check, observed)
    if isinstance(check, Rows):
        return _by_count(check, observed, past)
    measure = observed.columns.get(check.of[0], Measure())
    if isinstance(check, DriftCheck):
        return _by_drift(check, measure, past)
    return _by_age(check, measure, snapshot, past)


def _by_rows(check: RowCheck, observed: Observed) -> CheckResult:
    breach = observed.breaches.get(check.title)
    if breach is None:
        return _result(check, Verdict.PASSED)
    percent = 100 * breach.rows / observed.rows
    reason = f"{breach.rows} of {observed.rows} rows break it{shown(breach.sample)}"
    if percent > check.allowed_percent:
        verdict = Verdict.FAILED
        reason += f"; allowed are {check.allowed_percent:g} %" if check.allowed_percent else ""
    elif check.severity is Severity.QUARANTINE:
        verdict = Verdict.QUARANTINED
    else:
        verdict = Verdict.WARNED
    return _result(check, verdict, reason, breach)


def _by_count(check: Rows, observed: Observed, past: FindPast) -> CheckResult:
    rows = observed.rows - observed.rows_quarantined
    measured: dict[str, int | float | str] = {"rows": rows}
    if check.min is not None and rows < check.min:
        return _broken(check, f"{rows} rows are fewer than {check.min}", measured=measured)
    if check.max is not None and rows > check.max:
        return _broken(check, f"{rows} rows are more than {check.max}", measured=measured)
    if check.max_change_percent is None:
        return _result(check, Verdict.PASSED, measured=measured)
    usual, runs = _usual(past(check, check.runs), "rows")
    if usual is None:
        return _result(check, Verdict.UNKNOWN, _too_few(runs), measured=measured)
    change = _change_percent(rows, usual)
    reason = f"{rows} rows, the median of the last {runs} runs is {usual:g}"
    if change > check.max_change_percent:
        reason += f": {change:.0f} % away, allowed are {check.max_change_percent:g} %"
        return _broken(check, reason, measured=measured)
    return _result(check, Verdict.PASSED, reason, measured=measured)


def _by_age(check: FreshnessCheck, measure: Measure, snapshot: str, past: FindPast) -> CheckResult:
    known = [str(p["newest"]) for p in past(check, MIN_RUNS) if "newest" in p]
    newest = max([*known, *([measure.newest] if measure.newest else [])], default=None)
    if newest is None:
        return _result(check, Verdict.UNKNOWN, f"there is no value in {check.column} yet")
    age = _moment(snapshot) - _moment(newest)
    reason = f"the newest value is of {newest}, {_lasting(age)} before the snapshot"
    measured: dict[str, int | float | str] = {"newest": newest}
    if age > check.max_age:
        reason += f"; allowed are {_lasting(check.max_age)}"
        return _broken(check, reason, measured=measured)
    return _result(check, Verdict.PASSED, reason, measured=measured)


def _by_drift(check: DriftCheck, measure: Measure, past: FindPast) -> CheckResult:
    if not measure.rows:
        return _result(check, Verdict.UNKNOWN, "the run has no rows")
    measured = _measured(check, measure)
    earlier = past(check, check.runs)
    if len(earlier) < MIN_RUNS:
        return _result(check, Verdict.UNKNOWN, _too_few(len(earlier)), measured=measured)
    reasons = [r for r in _differences(check, measure, measured, earlier) if r]
    if reasons:
        return _broken(check, "; ".join(reasons), measured=measured)
    reason = f"as in the last {len(earlier)} runs"
    return _result(check, Verdict.PASSED, reason, measured=measured)


def _measured(check: DriftCheck, measure: Measure) -> dict[str, int | float | str]:
    measured: dict[str, int | float | str] = {"null_percent": round(100 * measure.null_share, 4)}
    if measure.numbers:
        measured |= {"mean": measure.mean, "deviation": measure.deviation}
    if check.distinct_percent is not None:
        measured["distinct"] = measure.distinct
    return measured


def _differences(
    check: DriftCheck, measure: Measure, measured: Past, earlier: Sequence[Past]
) -> list[str]:
    said = []
    nulls, _ = _usual(earlier, "null_percent")
    now = 100 * measure.null_share
    if nulls is not None and abs(now - nulls) > check.null_points:
        said.append(f"{now:.1f} % are NULL, usually {nulls:.1f} %")
    mean, _ = _usual(earlier, "mean")
    deviation, _ = _usual(earlier, "deviation")
    if measure.numbers and mean is not None and deviation is not None:
        moved = abs(measure.mean - mean)
        if moved > check.mean_deviations * max(deviation, abs(mean) * 1e-9):
            by = f"{moved / deviation:.1f} standard deviations" if deviation else f"{moved:g}"
            said.append(f"the mean is {measure.mean:g}, usually {mean:g}: {by} away")
    distinct, _ = _usual(earlier, "distinct")
    if check.distinct_percent is not None and distinct is not None:
        change = _change_percent(float(measured["distinct"]), distinct)
        if change > check.distinct_percent:
            said.append(
                f"about {measured['distinct']} different values, usually {distinct:g}: "
                f"{change:.0f} % away"
            )
    return said


def _usual(earlier: Sequence[Past], what: str) -> tuple[float | None, int]:
    """Return the median of what earlier runs measured, None for too few, and their number."""
    numbers = [float(past[what]) for past in earlier if what in past]
    return (median(numbers) if len(numbers) >= MIN_RUNS else None), len(numbers)


def _change_percent(now: float, usual: float) -> float:
    if not usual:
        return 100.0 if now else 0.0
    return 100 * abs(now - usual) / usual


def _too_few(runs: int) -> str:
    return f"{runs} earlier runs measured it; it is compared from {MIN_RUNS} on"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text[:_MICROSECONDS]).replace(tzinfo=UTC)


def _lasting(age: timedelta) -> str:
    seconds = int(age.total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if abs(seconds) >= size:
            return f"{seconds / size:,.1f} {unit}".replace(".0 ", " ")
    return f"{seconds} s"


def _broken(
    check: Check,
    reason: str,
    breach: Breach | None = None,
    measured: Past | None = None,
) -> CheckResult:
    is_loud = check.severity is Severity.FAIL
    verdict = Verdict.FAILED if is_loud else Verdict.WARNED
    return _result(check, verdict, reason, breach, measured)


def _result(
    check: Check,
    verdict: Verdict,
    reason: str = "",
    breach: Breach | None = None,
    measured: Past | None = None,
) -> CheckResult:
    return CheckResult(
        name=check.title,
        severity=check.severity,
        verdict=verdict,
        rows=breach.rows if breach else 0,
        reason=reason,
        sample=breach.sample if breach else (),
        measured=dict(measured or {}),
    )
