"""What checks found in a run: what was observed while staging, and the verdict on each check.

A run may be read in units by several instances. Each observes its own rows, and observations add
up, so that the verdict is the same however the run was cut.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import reduce
from math import sqrt

from shared.errors import CheckFailedError

SAMPLE_ROWS = 5
"""So many rows that break a check are shown with it."""

SKETCH_HASHES = 512
"""Kept of a column to estimate its distinct values: off by 4 % or so. Source: Bar-Yossef et al.,
"Counting Distinct Elements in a Data Stream": the error is about one by the root of this."""

HASH_RANGE = 2**64
"""Hashes are below this."""

Sample = tuple[dict[str, str | None], ...]
"""Rows by column; the values of sensitive columns are masked."""


class Severity(StrEnum):
    """What happens where data breaks a check."""

    FAIL = "fail"
    """The run stops before anything is published."""
    QUARANTINE = "quarantine"
    """The rows are set aside, the others are loaded."""
    WARN = "warn"
    """The run's record says so."""


class Verdict(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    WARNED = "warned"
    QUARANTINED = "quarantined"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """There was nothing to compare with, or to measure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """Rows that break a check: how many, and the first of them."""

    rows: int
    sample: Sample = ()

    def plus(self, other: "Breach") -> "Breach":
        """Return both together."""
        sample = (*self.sample, *other.sample)[:SAMPLE_ROWS]
        return Breach(rows=self.rows + other.rows, sample=sample)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What the staged values of a column are like, in numbers that add up.

    ``mean`` and ``squares`` (the sum of squared differences from it) are of ``numbers`` finite
    values; ``newest`` is the largest moment, as text in UTC; ``hashes`` are the smallest ones of
    its values, in order.
    """

    rows: int = 0
    nulls: int = 0
    numbers: int = 0
    mean: float = 0.0
    squares: float = 0.0
    newest: str | None = None
    hashes: tuple[int, ...] = ()

    def plus(self, other: "Measure") -> "Measure":
        """Return the measure of both columns' values together. Source: Chan et al., 1979."""
        numbers = self.numbers + other.numbers
        difference = other.mean - self.mean
        share = other.numbers / numbers if numbers else 0.0
        return Measure(
            rows=self.rows + other.rows,
            nulls=self.nulls + other.nulls,
            numbers=numbers,
            mean=self.mean + difference * share,
            squares=self.squares + other.squares + difference * difference * self.numbers * share,
            newest=max((m for m in (self.newest, other.newest) if m), default=None),
            hashes=tuple(sorted({*self.hashes, *other.hashes})[:SKETCH_HASHES]),
        )

    @property
    def null_share(self) -> float:
        """Part of the rows in which the column is NULL, from 0 to 1."""
        return self.nulls / self.rows if self.rows else 0.0

    @property
    def deviation(self) -> float:
        """Standard deviation of the numbers."""
        return sqrt(self.squares / self.numbers) if self.numbers else 0.0

    @property
    def distinct(self) -> int:
        """Estimate of the different values: exact while they are few."""
        if len(self.hashes) < SKETCH_HASHES:
            return len(self.hashes)
        # If so many hashes lie below the largest one kept, the whole range holds this many.
        return round((SKETCH_HASHES - 1) * HASH_RANGE / max(self.hashes[-1], 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What was seen while rows were staged.

    ``rows`` were looked at, ``rows_quarantined`` of them were set aside, in objects of the names
    ``rejects``. ``breaches`` are by the name of the check, ``columns`` by that of the column.
    ``looked_for`` has what was evaluated, by name, each with a hash of its rule: what is not in it
    has not passed, nobody looked.
    """

    rows: int = 0
    rows_quarantined: int = 0
    breaches: dict[str, Breach] = field(default_factory=dict)
    columns: dict[str, Measure] = field(default_factory=dict)
    rejects: tuple[str, ...] = ()
    looked_for: dict[str, str] = field(default_factory=dict)

    def plus(self, other: "Observed") -> "Observed":
        """Return what was seen of both sets of rows together."""
        breaches = dict(self.breaches)
        for name, breach in other.breaches.items():
            breaches[name] = breaches[name].plus(breach) if name in breaches else breach
        columns = dict(self.columns)
        for name, measure in other.columns.items():
            columns[name] = columns[name].plus(measure) if name in columns else measure
        return Observed(
            rows=self.rows + other.rows,
            rows_quarantined=self.rows_quarantined + other.rows_quarantined,
            breaches=breaches,
            columns=columns,
            rejects=(*self.rejects, *other.rejects),
            looked_for=dict(self.looked_for.items() & other.looked_for.items()),
        )


def total(observed: Iterable[Observed | None]) -> Observed | None:
    """Return what was seen of all rows; None when nobody looked."""
    seen = [each for each in observed if each is not None]
    return reduce(Observed.plus, seen) if seen else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """The verdict on one check of one run.

    ``rows`` break it, ``sample`` shows the first of them, ``reason`` says what was compared with
    what. ``measured`` is what later runs are compared with.
    """

    name: str
    severity: Severity
    verdict: Verdict
    rows: int = 0
    reason: str = ""
    sample: Sample = ()
    measured: dict[str, int | float | str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.name}: {self.reason or self.verdict}"


def require_passed(table: str, results: Sequence[CheckResult]) -> None:
    """Make sure that no check failed.

    Raises:
        CheckFailedError: some did; it carries all results.
    """
    failed = [result for result in results if result.verdict is Verdict.FAILED]
    if failed:
        raise CheckFailedError(
            f"{table} breaks {_counted(len(failed))}; nothing was published. "
            f"{'; '.join(map(str, failed))}. Mend the source, or relax the check in the table "
            "file; then run the table again, or replay this run",
            results=results,
            checks=[result.name for result in failed],
        )


def notes(results: Sequence[CheckResult]) -> tuple[str, ...]:
    """Return what a receipt says about checks that did not simply pass."""
    told = (Verdict.WARNED, Verdict.QUARANTINED)
    return tuple(f"check {r}" for r in results if r.verdict in told)


def shown(sample: Sample) -> str:
    """Return a sample as the end of a sentence; empty when there is none."""
    rows = [", ".join(f"{k}={'NULL' if v is None else v}" for k, v in r.items()) for r in sample]
    return f", such as ({'), ('.join(rows)})" if rows else ""


def _counted(number: int) -> str:
    return "a check" if number == 1 else f"{number} checks"
