"""A run against its table's checks: what was observed, what earlier runs measured, the verdicts."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC
from itertools import islice

from shared import timings
from shared.checks import Inspection, looked_for, require_checkable
from shared.checks.judging import Past, judge
from shared.checks.judging import tested as judge_test
from shared.checks.values import MASK
from shared.config.checks import Check, FreshnessCheck, References, Rows, RunCheck, SqlCheck
from shared.config.tables import ResolvedTable, TableConfig
from shared.core.checks import Breach, CheckResult, Observed, Verdict, require_passed
from shared.core.manifests import Manifest
from shared.core.modes import SyncMode
from shared.core.runs import Run, RunState
from shared.errors import InvalidConfigError
from shared.targets.base import NO_TESTS, Parent, ReadPart, RowTest, StagedTests
from shared.wiring import Services

LAST = "99991231T235959Z-ffffffffffff"
"""Stands for a run after all others."""

LOOKED_AT = 4
"""For each run to compare with so many records are read at most: some are of another mode."""


def verdicts(
    config: TableConfig, manifest: Manifest, services: Services, read: ReadPart
) -> tuple[CheckResult, ...]:
    """Return the verdicts on a staged run, by the table's checks as they are now.

    If those were others when the rows were staged, the parts are read once more. A rewind brings
    back what was judged before; a backfill is compared with nothing.
    """
    if manifest.rewind or not config.checks:
        return ()
    with timings.timed("check", checks=len(config.checks)):
        observed, is_late = _seen(config, manifest, read)
        is_whole = not manifest.is_backfill
        checks = [c for c in config.checks if is_whole or not isinstance(c, RunCheck)]
        past = _Past(manifest.table, manifest.mode, manifest.run_id, services)
        return judge(checks, observed, snapshot=manifest.snapshot, past=past, is_late=is_late)


def _seen(config: TableConfig, manifest: Manifest, read: ReadPart) -> tuple[Observed, bool]:
    """Return what is known of a run's rows, and whether it took another look at them."""
    observed = manifest.observed
    if observed and looked_for(config).items() <= observed.looked_for.items():
        return observed, False
    require_checkable(config, manifest.schema)
    inspection = Inspection(config, manifest.schema, lambda _, __: None)
    for part in manifest.parts:
        for _ in inspection.sift(read(part)):
            pass
    seen = inspection.observed()
    return replace(seen, rows_quarantined=0), True


def judge_age(config: TableConfig, run: Run, services: Services) -> tuple[CheckResult, ...]:
    """Return the verdicts on a run that does not read its source, which has not changed.

    Only time has passed, so only the age of what is there is judged.

    Raises:
        CheckFailedError: it is too old.
    """
    checks = [check for check in config.checks if isinstance(check, FreshnessCheck)]
    past = _Past(config.name, config.sync_mode, run.run_id, services)
    results = judge(checks, Observed(), snapshot=_now(services), past=past)
    require_passed(config.name, results)
    return results


def _now(services: Services) -> str:
    return f"{services.now().astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"


def check_now(resolved: ResolvedTable, services: Services) -> tuple[CheckResult, ...]:
    """Return the verdicts on a table as it is in its target now; nothing is set aside.

    Checks that compare runs are compared with the last runs only where a run is the whole table.

    Raises:
        InvalidConfigError: the table is not there, or a check does not suit its columns.
    """
    config = resolved.table
    with closing(services.target(resolved)) as target:
        schema = target.schema()
        if schema is None:
            raise InvalidConfigError(
                f"{config.name} is not in its target yet: its first run makes it", table=config.name
            )
        require_checkable(config, schema)
        inspection = Inspection(config, schema, lambda _, __: None)
        names = dict.fromkeys([*schema.primary_key, *(n for c in config.checks for n in c.of)])
        for _ in inspection.sift(target.scan(list(names) or schema.names[:1])):
            pass
        breaches = target.test(row_tests(config, services))
    is_whole = config.sync_mode is SyncMode.FULL
    last = _Past(config.name, SyncMode.FULL, LAST, services)
    judged = judge(
        config.checks,
        inspection.observed(),
        snapshot=_now(services),
        past=last if is_whole else lambda _, __: (),
    )
    found = [_unmoved(result) for result in judged]
    return (*found, *tested(config, breaches))


def _unmoved(result: CheckResult) -> CheckResult:
    is_set_aside = result.verdict is Verdict.QUARANTINED
    return replace(result, verdict=Verdict.WARNED) if is_set_aside else result


def has_tests(config: TableConfig, manifest: Manifest) -> bool:
    """Say whether the target has to test a run's staged rows."""
    is_tested = any(isinstance(check, SqlCheck) for check in config.checks)
    return is_tested and manifest.rewind is None


def staged_tests(
    config: TableConfig,
    manifest: Manifest,
    services: Services,
    results: Sequence[CheckResult],
) -> StagedTests:
    """Return the tests of a run that its target makes when it publishes the run.

    ``results`` are the verdicts so far: a failure carries all of them.
    """
    if not has_tests(config, manifest):
        return NO_TESTS

    def require(breaches: Mapping[str, Breach]) -> None:
        require_passed(config.name, (*results, *tested(config, breaches)))

    return StagedTests(row_tests(config, services), require)


def row_tests(config: TableConfig, services: Services) -> tuple[RowTest, ...]:
    """Return a table's checks that only the target can decide, with the places of other tables.

    Raises:
        UnknownTableError: a check refers to a table that is not configured.
    """
    return tuple(
        RowTest(
            name=check.title,
            columns=tuple(check.columns),
            parent=_parent(check, services) if isinstance(check, References) else None,
        )
        for check in config.checks
        if isinstance(check, SqlCheck)
    )


def tested(config: TableConfig, breaches: Mapping[str, Breach]) -> tuple[CheckResult, ...]:
    """Return the verdicts on what the target found, in the order of the table file."""
    return tuple(
        judge_test(check, _masked(breaches[check.title], config))
        for check in config.checks
        if check.title in breaches and isinstance(check, SqlCheck)
    )


def _masked(breach: Breach, config: TableConfig) -> Breach:
    sample = tuple(
        {k: MASK if k in config.sensitive and v is not None else v for k, v in row.items()}
        for row in breach.sample
    )
    return replace(breach, sample=sample)


def _parent(check: References, services: Services) -> Parent:
    other, _ = services.config.get(check.table)
    place = other.table.place
    columns = tuple(check.to or check.columns)
    return Parent(schema=place.schema_, table=place.table, columns=columns)


class _Past:
    """What the last runs of a table measured; their records are read when they are asked for."""

    def __init__(self, table: str, mode: SyncMode, before: str, services: Services) -> None:
        self._table = table
        self._mode = mode
        self._before = before
        self._ledger = services.ledger
        self._seen: dict[bool, tuple[list[Run], Iterator[Run]]] = {}

    def __call__(self, check: Check, count: int) -> Sequence[Past]:
        # What was newest when nothing had changed since is as good, and so is that of any mode.
        is_age = isinstance(check, FreshnessCheck)
        runs = islice(self._runs(with_skipped=is_age), count * LOOKED_AT)
        alike = (run for run in runs if is_age or run.mode is self._mode)
        return list(islice((found for run in alike if (found := _measured(check, run))), count))

    def _runs(self, *, with_skipped: bool) -> Iterator[Run]:
        """Yield runs, those first that were read before."""
        if with_skipped not in self._seen:
            states = (RunState.COMMITTED, *((RunState.SKIPPED,) if with_skipped else ()))
            self._seen[with_skipped] = [], self._ledger.newest(self._table, self._before, states)
        known, others = self._seen[with_skipped]
        yield from list(known)
        for run in others:
            known.append(run)
            yield run


def _measured(check: Check, run: Run) -> Past:
    if isinstance(check, Rows):
        # A receipt has the number, whether or not there was a check then.
        return {"rows": run.receipt.rows_staged} if run.receipt else {}
    return next((result.measured for result in run.checks if result.name == check.title), {})
