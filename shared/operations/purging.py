"""A purge as somebody asks for it: looked for, shown, carried out, and written down.

The audit log has two events of it, before the first object is written and after the last one is
deleted: who asked, which objects, and a digest of the subject. One without the other is a purge
that broke off; asking again finishes it.
"""

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from shared.config.tables import ResolvedTable
from shared.core.audit import Event
from shared.core.purges import Find, Subject
from shared.core.runs import Run
from shared.errors import LegalHoldError, UnknownTableError
from shared.steps.purging import subjects
from shared.steps.purging.removing import Removal
from shared.steps.purging.scopes import Scope
from shared.steps.purging.searching import RunFinds, Search
from shared.wiring import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Purge:
    """What is to be taken out, as it was found."""

    resolved: ResolvedTable | None
    """None: the table is not configured any more."""
    scope: Scope
    subject: Subject
    found: tuple[RunFinds, ...]
    records: tuple[Run, ...]
    """Runs whose record shows the subject in the sample of a check."""

    @property
    def finds(self) -> tuple[Find, ...]:
        """All objects, each once."""
        objects = {h.info.name: h.find for each in self.found for h in each.holdings}
        sampled = {each.run_id for each in self.found if each.is_sampled}
        shown = sampled | {run.run_id for run in self.records}
        table = self.scope.table
        records = (
            Find(kind="record", name=f"{table}/{run_id}", rows=None, is_deleted=False)
            for run_id in sorted(shown)
        )
        return (*objects.values(), *records)


def look(services: Services, table: str, subject: Subject) -> Purge:
    """Find a subject's rows in all that is kept of a table; nothing is changed.

    Of a table that is not configured any more, runs, manifests and objects tell what it has left.

    Raises:
        UnknownTableError: the table is not configured, and has left nothing.
        LegalHoldError: nothing of it may be deleted.
        IllegalTransitionError: a run of it has not ended, or a file was not taken in yet.
        InvalidMessageError: no run ever had the column, or the value is none of its type.
        IntegrityError: a part is not what was staged.
    """
    resolved, scope = _scope(services, table)
    if resolved and resolved.table.legal_hold:
        raise LegalHoldError(
            f"{table} is under legal hold: nothing that it left may be deleted. Once the hold is "
            "lifted, take legal_hold out of its table file and deploy it",
            table=table,
        )
    search = Search(services, scope, subject)
    found = tuple(search.finds())
    if resolved is None:
        _require_no_hold(table, found)
    records = tuple(run for run in search.runs.values() if _shows(run, subject))
    return Purge(resolved=resolved, scope=scope, subject=subject, found=found, records=records)


def carry_out(services: Services, purge: Purge, by: str) -> None:
    """Take out what was found, and write it down. Asking again after a break is safe.

    Raises:
        ConflictError: somebody else purges the table just now.
        StorageUnavailableError: a bucket does not answer, or somebody holds one of the objects.
    """
    purge_id, digest = secrets.token_hex(6), purge.subject.digest()
    _tell(services, purge, f"purge/{purge_id}/begun", digest, by)
    removal = Removal(services, purge.scope, purge.subject)
    removal.remove(purge.found)
    for run in purge.records:
        removal.scrub(run)
    _tell(services, purge, f"purge/{purge_id}/ended", digest, by)


def _scope(services: Services, table: str) -> tuple[ResolvedTable | None, Scope]:
    try:
        resolved, _ = services.config.get(table)
    except UnknownTableError:
        scope = Scope.left(services, table)
        if scope is None:
            raise
        return None, scope
    return resolved, Scope.of(services, resolved)


def _require_no_hold(table: str, found: Iterable[RunFinds]) -> None:
    """Refuse to delete what a table that is not configured any more was told to keep.

    Raises:
        LegalHoldError: there is a hold on an object.
    """
    held = [h.info for each in found for h in each.holdings if h.info.is_held]
    if held:
        raise LegalHoldError(
            f"{held[0].uri} is under a hold, with {len(held) - 1} more, and "
            f"{table} is not configured any more. Once the hold is lifted, take it from the "
            "objects: `gcloud storage objects update --no-temporary-hold`",
            table=table,
        )


def _shows(run: Run, subject: Subject) -> bool:
    return any(subjects.out_of_sample(x.sample, subject) != x.sample for x in run.checks)


def _tell(services: Services, purge: Purge, event_id: str, digest: str, by: str) -> None:
    finds = purge.finds
    detail = {
        "column": purge.subject.column,
        "subject": digest,
        "rewritten": [find.name for find in finds if not find.is_deleted],
        "deleted": [find.name for find in finds if find.is_deleted],
    }
    services.audit.append(
        Event(
            table=purge.scope.table,
            event_id=event_id,
            kind=f"purge.{event_id.rpartition('/')[2]}",
            at=services.now(),
            by=by or "unnamed",
            detail=json.dumps(detail),
        )
    )
