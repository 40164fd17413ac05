"""Audit: events that nobody told when they happened are told now, from what is recorded.

A function may die between writing a milestone down and telling of it. A listing says how many
milestones each run has and when it was written last, so only the chains of tables whose runs were
written since the last look are looked at. Their heads go into the sweep's own event, which is on
another chain: it shows when a table's newest events are taken away later.
"""

import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.core import naming
from shared.core.audit import Event, Head
from shared.core.sweeps import SweepReport
from shared.ledger import Entry
from shared.steps.auditing import event_id, events
from shared.steps.repairs.sweeping import Sweep

GRACE_S = 60.0
"""Whoever wrote a milestone is given so long to tell of it."""

OVERLAP = timedelta(minutes=5)
"""Records that were written so long before the last look are looked at again: clocks differ."""

KIND = "sweep.ended"

_INSTANT = timedelta(microseconds=1)
_BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)


def complete(sweep: Sweep) -> None:
    """Tell what was not told, and remember the heads of the chains that may have grown."""
    if sweep.previous:
        tell(sweep, sweep.previous)
    since = (sweep.audited_upto or _BEGINNING) - OVERLAP
    upto = sweep.now - timedelta(seconds=GRACE_S)
    for table, info in sweep.services.config.written(since, upto):
        sweep.services.config.tell(table, info)
    tables = _written(sweep, since, upto)
    for table, entries in sorted(tables.items(), key=lambda item: item[1][0].written_at):
        if sweep.is_over():
            upto = entries[0].written_at - _INSTANT
            break
        sweep.heads[table] = _complete(sweep, table, entries)
    sweep.audited_upto = upto


def _written(sweep: Sweep, since: datetime, upto: datetime) -> dict[str, list[Entry]]:
    """Return the runs with milestones that were written in a span, by table, the oldest first."""
    found: dict[str, list[Entry]] = defaultdict(list)
    entries = (entry for runs in sweep.entries.values() for entry in runs.values())
    for entry in sorted(entries, key=lambda e: e.written_at):
        if entry.milestone_count and since < entry.written_at <= upto:
            found[entry.table].append(entry)
    return found


def _complete(sweep: Sweep, table: str, entries: list[Entry]) -> Head:
    services = sweep.services
    since = min(min(naming.run_time(e.run_id), e.written_at) for e in entries)
    head, told = services.audit.tail(table, since)
    for entry in entries:
        wanted = {event_id(entry.run_id, number) for number in range(entry.milestone_count)}
        run = None if wanted <= told else services.ledger.find(table, entry.run_id)
        for each in events(run) if run else ():
            if each.event_id not in told:
                services.audit.append(each)
                sweep.told.add(f"{table}/{each.event_id}")
                head = services.audit.tail(table, each.at)[0]
    return head


def tell(sweep: Sweep, report: SweepReport) -> None:
    """Tell of a sweep, this one or the one before, if it did something."""
    if done := _event(report):
        sweep.services.audit.tell(done)


def _event(report: SweepReport) -> Event | None:
    """Return the event of a sweep; None when it neither did nor saw anything."""
    done: dict[str, Any] = {
        "nudged": report.nudged.names,
        "given_up": report.given_up.names,
        "announced": report.announced.names,
        "deleted": report.deleted.count,
        "dropped": report.dropped.names,
        "expired": report.expired.count,
        "held": report.held.count,
        "released": report.released.count,
        "told": report.told.names,
        "heads": {t: [h.sequence, h.sha256] for t, h in report.heads.items()},
    }
    detail = {key: value for key, value in done.items() if value}
    if not detail:
        return None
    return Event(
        table=naming.NO_TABLE,
        event_id=f"sweep/{report.swept_at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}",
        kind=KIND,
        at=report.swept_at,
        by="sweep",
        detail=json.dumps(detail),
    )
