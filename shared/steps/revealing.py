"""Reveal: the values that tokens of a column stand for, told to the audit log before to anybody."""

import json
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from shared.config.tables import ResolvedTable
from shared.core.audit import MAX_TEXT, Event
from shared.core.protection import Protection
from shared.errors import InvalidMessageError
from shared.wiring import Services

MAX_TOKENS = 100
"""So many tokens are revealed at once: their event names each of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which tokens somebody wants to see the values of, and why."""

    table: str
    column: str
    tokens: tuple[str, ...]
    by: str
    why: str


def reveal(asked: Asked, services: Services) -> tuple[str, ...]:
    """Return the values of tokens, in their order; who asked is in the audit log by then.

    Args:
        asked: the tokens.
        services: where the key and the log are.

    Raises:
        InvalidMessageError: no reason, too many tokens, a column that has none, or no tokens.
        InvalidConfigError: whoever runs this may not read the key.
        StorageUnavailableError: the audit log could not be told; nothing is revealed.
    """
    resolved, _ = services.config.get(asked.table)
    _require_sound(asked, resolved)
    keys = services.protection_keys(resolved)
    values = tuple(keys.reveal(token) for token in asked.tokens)
    services.audit.append(_event(asked, services.now()))
    return values


def _event(asked: Asked, at: datetime) -> Event:
    detail = json.dumps({"column": asked.column, "tokens": asked.tokens})
    told = f"{at.isoformat()} {asked.by} {detail}"
    return Event(
        table=asked.table,
        event_id=f"reveal/{sha256(told.encode()).hexdigest()[:16]}",
        kind="column.revealed",
        at=at,
        by=asked.by[:MAX_TEXT],
        why=asked.why[:MAX_TEXT],
        detail=detail,
    )


def _require_sound(asked: Asked, resolved: ResolvedTable) -> None:
    rules = resolved.table.protected
    tokenized = [name for name, rule in rules.items() if rule.kind is Protection.TOKENIZE]
    if asked.column not in tokenized:
        raise InvalidMessageError(
            f"{asked.table} does not tokenize {asked.column}; it tokenizes "
            f"{', '.join(tokenized) or 'no column'}. What is hashed, masked, redacted or dropped "
            "cannot be revealed"
        )
    if not asked.why.strip():
        raise InvalidMessageError("say why: the audit log keeps the reason")
    if not 1 <= len(asked.tokens) <= MAX_TOKENS:
        raise InvalidMessageError(f"1 to {MAX_TOKENS} tokens at once, not {len(asked.tokens)}")
