"""What the ledger tells: dead letters that wait, runs that stand still, tables that are late."""

from collections.abc import Iterator
from datetime import timedelta

from shared.core.dead_letters import LetterState
from shared.core.runs import RunState
from shared.doctor.findings import Check, Finding
from shared.operations import sweeps
from shared.wiring import Services

NAMED = 3
"""So many of a kind are named in a finding."""

SWEEP_LATE = timedelta(minutes=20)
"""The sweep runs every five minutes; after so long something keeps it from running."""

_letters, _runs, _sweep = Check("dead letters"), Check("runs"), Check("sweep")


def dead_letters(services: Services) -> Iterator[Finding]:
    """Look for dead letters that nobody has decided about."""
    waiting = list(services.dead_letters.letters(LetterState.OPEN))
    if not waiting:
        yield _letters.ok("dead letters", "none waits")
        return
    named = _some([f"{w.letter_id} ({w.topic} {w.table})".strip() for w in waiting])
    yield _letters.warn(
        "dead letters",
        f"{len(waiting)} wait for a decision: {named}",
        "`sluice deadletter list`, then replay or drop each",
    )


def runs(services: Services) -> Iterator[Finding]:
    """Look for runs that stand still, and tables whose newest run failed."""
    entries = list(services.ledger.entries())
    since = services.now() - timedelta(seconds=services.settings.stuck_s)
    still = [e for e in entries if not e.is_terminal and e.written_at < since]
    if still:
        named = _some([f"{e.table}/{e.run_id}" for e in still])
        yield _runs.warn(
            "runs",
            f"{len(still)} have not moved for {services.settings.stuck_s:g} s: {named}",
            "the sweep asks them to go on: `sluice sweep --now`, then `sluice runs TABLE`",
        )
    newest = {e.table: e for e in sorted(entries, key=lambda e: e.run_id)}
    failed = sorted(e.table for e in newest.values() if e.state is RunState.FAILED)
    if failed:
        yield _runs.warn(
            "runs",
            f"the newest run failed of: {_some(failed)}",
            "`sluice runs TABLE` says why, docs/runbook.md what to do",
        )
    if not still and not failed:
        yield _runs.ok("runs", f"{len(entries)} known, none stands still")


def sweep(services: Services) -> Iterator[Finding]:
    """Look at the last sweep: that there was one, and what it could not mend."""
    ask = "`sluice sweep --now`; if none comes, look at the function's log and its Scheduler job"
    report = sweeps.last(services)
    if report is None:
        yield _sweep.warn("sweep", "none has ended yet", ask)
        return
    ago = services.now() - report.swept_at
    if ago > SWEEP_LATE:
        said = f"the last one ended {ago.total_seconds() / 60:,.0f} minutes ago"
        yield _sweep.fail("sweep", said, ask)
    if report.stale:
        named = _some([stale.table for stale in report.stale])
        fix = "`sluice runs TABLE` says what came of its runs"
        yield _sweep.warn("freshness", f"{len(report.stale)} tables are late: {named}", fix)
    if report.problems:
        named = _some(list(report.problems))
        yield _sweep.warn("sweep", f"could not look after: {named}", "`sluice sweep` has them all")
    if ago <= SWEEP_LATE and not report.stale and not report.problems:
        yield _sweep.ok("sweep", f"ended {ago.total_seconds():,.0f} s ago and found nothing wrong")


def _some(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
