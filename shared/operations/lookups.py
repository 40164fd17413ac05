"""Runs as people look for them: by the beginning of an id, and as plain data."""

import json
from typing import Any

from shared.core.runs import Run
from shared.errors import InvalidMessageError
from shared.wire import to_json
from shared.wiring import Services


def find_run(services: Services, text: str, *, table: str | None) -> Run:
    """Return the run whose id begins so.

    Raises:
        InvalidMessageError: there is none, or more than one.
    """
    entries = [
        entry
        for entry in services.ledger.entries(table)
        if entry.run_id.startswith(text) and table in (None, entry.table)
    ]
    found = services.ledger.find(entries[0].table, entries[0].run_id) if len(entries) == 1 else None
    if found is None:
        place = f" of {table}" if table else ""
        number = f"{len(entries)} runs{place} have" if entries else f"no run{place} has"
        raise InvalidMessageError(
            f"{number} an id that begins with {text!r}; `sluice runs` lists them"
        )
    return found


def as_data(run: Run) -> dict[str, Any]:
    """Return a run as plain JSON data."""
    data: dict[str, Any] = json.loads(to_json(run))
    if run.receipt:
        data["receipt"]["adds_up"] = run.receipt.adds_up
    return data
