"""Batches looked at as they pass on their way into Parquet: one look, whatever the checks are."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from shared.checks.measures import measure
from shared.checks.rules import Rule, rules
from shared.checks.values import sample
from shared.config.checks import DriftCheck, FreshnessCheck, RowCheck
from shared.config.tables import TableConfig
from shared.core.checks import SAMPLE_ROWS, Breach, Measure, Observed, Severity
from shared.core.schemas import TableSchema


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """Why one row of a batch is set aside: the first check that it breaks."""

    row: int
    column: str | None
    rule: str
    reason: str


SetAside = Callable[[pa.RecordBatch, Sequence[Flaw]], None]
"""Keeps rows of a batch in quarantine, each with its flaw, in the order of the batch."""


class Inspection:
    """One look at the rows that a unit of work stages."""

    def __init__(self, config: TableConfig, schema: TableSchema, set_aside: SetAside) -> None:
        self._rules = rules(config.checks, schema)
        self._measured = _measured(config)
        self._looked_for = looked_for(config)
        self._masked = config.sensitive
        self._key = list(schema.primary_key)
        self._set_aside = set_aside
        self._breaches: dict[str, Breach] = {}
        self._columns: dict[str, Measure] = {}
        self._rows = 0
        self._quarantined = 0

    def sift(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the rows that stay; set aside those that break a check of severity quarantine."""
        if not self._rules and not self._measured:
            for batch in batches:
                self._rows += batch.num_rows
                yield batch
            return
        for batch in batches:
            self._rows += batch.num_rows
            kept = self._checked(batch)
            self._measure(kept)
            yield kept

    def observed(self, rejects: Sequence[str] = ()) -> Observed:
        """Return what was seen; ``rejects`` are the objects with the rows that were set aside."""
        return Observed(
            rows=self._rows,
            rows_quarantined=self._quarantined,
            breaches=self._breaches,
            columns=self._columns,
            rejects=tuple(rejects) if self._quarantined else (),
            looked_for=self._looked_for,
        )

    def _checked(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        flaws: dict[int, Flaw] = {}
        for rule in self._rules:
            bad = pc.indices_nonzero(rule.find_bad(batch)).to_pylist()
            if not bad:
                continue
            self._note(rule, batch, bad)
            if rule.check.severity is Severity.QUARANTINE:
                for row in bad:
                    flaws.setdefault(row, _flaw(rule, row))
        return self._without(batch, flaws) if flaws else batch

    def _note(self, rule: Rule, batch: pa.RecordBatch, bad: list[int]) -> None:
        title = rule.check.title
        known = self._breaches.get(title, Breach(rows=0))
        wanted = bad[: SAMPLE_ROWS - len(known.sample)]
        names = list(dict.fromkeys([*self._key, *rule.check.of]))
        found = Breach(rows=len(bad), sample=sample(batch, wanted, names, self._masked))
        self._breaches[title] = known.plus(found)

    def _without(self, batch: pa.RecordBatch, flaws: dict[int, Flaw]) -> pa.RecordBatch:
        self._set_aside(batch, [flaws[row] for row in sorted(flaws)])
        self._quarantined += len(flaws)
        kept = pa.array([row not in flaws for row in range(batch.num_rows)], pa.bool_())
        return batch.filter(kept)

    def _measure(self, batch: pa.RecordBatch) -> None:
        for name, options in self._measured.items():
            found = measure(batch.column(name), **options)
            known = self._columns.get(name)
            self._columns[name] = known.plus(found) if known else found


def looked_for(config: TableConfig) -> dict[str, str]:
    """Return what has to be looked for in rows, so that a table's checks can be judged.

    Whether rows are set aside counts, and how many may break a check does not.
    """
    wanted = {c.title: _digest(c) for c in config.checks if isinstance(c, RowCheck)}
    for column, options in _measured(config).items():
        wanted |= {f"{option} of {column}": "" for option, is_on in options.items() if is_on}
        wanted[f"measures of {column}"] = ""
    return wanted


def _digest(check: RowCheck) -> str:
    rule = check.model_dump_json(exclude={"name", "severity", "max_percent"})
    is_set_aside = check.severity is Severity.QUARANTINE
    return hashlib.sha256(f"{rule}{is_set_aside}".encode()).hexdigest()[:16]


def _measured(config: TableConfig) -> dict[str, dict[str, Any]]:
    """Return the columns to measure, and what to look for in each."""
    wanted: dict[str, dict[str, Any]] = {}
    for check in config.checks:
        if isinstance(check, FreshnessCheck | DriftCheck):
            options = wanted.setdefault(check.column, {"is_newest": False, "is_counted": False})
            options["is_newest"] |= isinstance(check, FreshnessCheck)
            options["is_counted"] |= isinstance(check, DriftCheck) and bool(check.distinct_percent)
    return wanted


def _flaw(rule: Rule, row: int) -> Flaw:
    names = rule.check.of
    column = names[0] if len(names) == 1 else None
    return Flaw(
        row=row, column=column, rule=rule.check.title, reason=f"{', '.join(names)} {rule.says}"
    )
