"""Sources and targets: reachable from here, how fast, with which clock and which bookkeeping."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime

from shared.config.tables import ResolvedTable, TableConfig
from shared.doctor.findings import Check, Finding, stopwatch
from shared.errors import InvalidConfigError, RetryableError, SluiceError
from shared.wiring import Services

MAX_SKEW_S = 30.0
"""Clocks further apart than this make leases and schedules hard to understand."""

_RUN = "doctor"

_source, _target, _clock = Check("source"), Check("target"), Check("clock")


def sources(services: Services, tables: Iterable[ResolvedTable]) -> Iterator[Finding]:
    """Look at each source once, by the first table that names it."""
    for kind, table in _firsts(tables, lambda table: table.source_kind):
        yield from _from(services, table, kind)


def targets(services: Services, tables: Iterable[ResolvedTable]) -> Iterator[Finding]:
    """Look at each target once, by the first table that names it."""
    for kind, table in _firsts(tables, lambda table: table.target_kind):
        yield from _to(services, table, kind)


def _firsts(
    tables: Iterable[ResolvedTable], kind_of: Callable[[TableConfig], str]
) -> Iterator[tuple[str, ResolvedTable]]:
    seen = set()
    for table in tables:
        kind = kind_of(table.table)
        connection = getattr(table.connections, kind, None)
        if connection is not None and connection not in seen:
            seen.add(connection)
            yield kind, table


def _from(services: Services, resolved: ResolvedTable, kind: str) -> Iterator[Finding]:
    try:
        with stopwatch() as took:
            source = services.source(resolved, run_id=_RUN)
        with closing(source):
            at = source.snapshot().at
    except SluiceError as exc:
        yield _source.fail(kind, exc.message, _remedy(exc, "source"))
        return
    yield _source.ok(kind, f"logged in within {took}")
    theirs = datetime.fromisoformat(at[:26]).replace(tzinfo=UTC)
    yield _skew(kind, (theirs - services.now()).total_seconds())


def _to(services: Services, resolved: ResolvedTable, kind: str) -> Iterator[Finding]:
    try:
        with stopwatch() as took:
            target = services.target(resolved)
        with closing(target):
            vitals = target.vitals()
    except SluiceError as exc:
        yield _target.fail(kind, exc.message, _remedy(exc, "target"))
        return
    yield _target.ok(kind, f"logged in within {took}")
    yield _skew(kind, (vitals.clock - services.now()).total_seconds())
    yield _bookkeeping(kind, vitals.books_version, vitals.books_wanted)


def _bookkeeping(kind: str, found: int, ours: int) -> Finding:
    subject = f"{kind}, _sluice tables"
    if found > ours:
        return _target.warn(
            subject,
            f"version {found}, and this checkout knows {ours}",
            "check out the release that is deployed before you repair anything by hand",
        )
    if found < ours:
        said = f"version {found or 'none'}: the first run completes them to version {ours}"
        return _target.ok(subject, said)
    return _target.ok(subject, f"version {found}")


def _skew(subject: str, skew_s: float) -> Finding:
    if abs(skew_s) <= MAX_SKEW_S:
        return _clock.ok(subject, f"differs from the clock here by {abs(skew_s):.1f} s")
    way = "ahead of" if skew_s > 0 else "behind"
    return _clock.warn(
        subject,
        f"is {abs(skew_s):,.0f} s {way} the clock here",
        "find out which of the two is wrong (`chronyc tracking`), and let it follow NTP",
    )


def _remedy(exc: SluiceError, end: str) -> str:
    if isinstance(exc, InvalidConfigError):
        return "see the finding about its secret; else `sluice validate`"
    if isinstance(exc, RetryableError):
        return (
            f"start it, or open the way to it; a {end} in a private network cannot be reached "
            f"from outside of it: `--skip {end}`"
        )
    return "mend the account or its rights; docs/runbook.md has the error"
