"""Changes of who may call the API, each told to the audit log."""

from datetime import datetime

from shared.callers import Callers
from shared.core import naming
from shared.core.access import AccessKey, Account, Role
from shared.core.audit import MAX_TEXT, Event
from shared.wiring import Services


def create_key(
    services: Services,
    callers: Callers,
    role: Role,
    by: str,
    *,
    note: str = "",
    expires_at: datetime | None = None,
) -> tuple[str, AccessKey]:
    """Make a key; return its token, which is never shown again, and what is kept of it."""
    token, key = callers.create(role, services.now(), note=note, expires_at=expires_at)
    _tell(services, f"{key.id}/created", "access.created", by, f"{role}: {note}")
    return token, key


def grant(services: Services, callers: Callers, account: Account, by: str) -> None:
    """Let a Google account call."""
    callers.grant(account)
    said = f"{account.email}: {account.role}"
    at_s = int(services.now().timestamp())
    _tell(services, f"{account.email}/{at_s}/granted", "access.granted", by, said)


def revoke(services: Services, callers: Callers, caller: str, by: str) -> None:
    """Let a key, by its id, or an account call no more.

    Raises:
        InvalidMessageError: neither is on the list.
    """
    callers.revoke(caller)
    at_s = int(services.now().timestamp())
    _tell(services, f"{caller}/{at_s}/revoked", "access.revoked", by, caller)


def _tell(services: Services, what: str, kind: str, by: str, why: str) -> None:
    event = Event(
        table=naming.NO_TABLE,
        event_id=f"access/{what}",
        kind=kind,
        at=services.now(),
        by=by[:MAX_TEXT],
        why=why[:MAX_TEXT],
    )
    services.audit.append(event)
