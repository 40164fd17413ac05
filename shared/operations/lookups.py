"""Runs as people look for them: by the beginning of an id, and as plain data."""

import json
from typing import Any

from shared.core.runs import Run
from shared.operations.choosing import the_one
from shared.wire import to_json
from shared.wiring import Services


def find_run(services: Services, text: str, *, table: str | None) -> Run:
    """Return the run whose id begins so.

    Raises:
        InvalidMessageError: there is none, or more than one.
    """
    listed = [
        entry
        for entry in services.ledger.entries(table)
        if entry.run_id.startswith(text) and table in (None, entry.table)
    ]
    entry = the_one(listed, text, table)
    found = services.ledger.find(entry.table, entry.run_id)
    return the_one([found] if found else [], text, table)


def as_data(run: Run) -> dict[str, Any]:
    """Return a run as plain JSON data."""
    data: dict[str, Any] = json.loads(to_json(run))
    if run.receipt:
        data["receipt"]["adds_up"] = run.receipt.adds_up
    return data
