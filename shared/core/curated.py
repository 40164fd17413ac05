"""The curated zone: which models a publish asks for, and whether a refresh would change anything.

A model's state row in the target is its fence, like a table's. The row's change token says by which
definition the rows were made, in which table, and where each input stood; the same token means the
same rows.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.core import naming, runs
from shared.core.modes import SyncMode
from shared.core.runs import Run, RunState, Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class InputState:
    """Where an input stood: its publishes are counted by ``epoch``, ``run_id`` made the last."""

    name: str
    epoch: int
    run_id: str


def token(definition: str, table: str, inputs: Iterable[InputState]) -> str:
    """Return what stands for a model's rows: its definition, its table, where its inputs stood."""
    stood = {each.name: [each.epoch, each.run_id] for each in inputs}
    given = {"definition": definition, "table": table, "inputs": dict(sorted(stood.items()))}
    return json.dumps(given, separators=(",", ":"))


def is_made_by(definition: str, token: str | None) -> bool:
    """Say whether rows were made by this very definition, so that more can be added to them."""
    return definition == _said(token).get("definition")


def is_in(table: str, token: str | None) -> bool:
    """Say whether it was a model's refresh that made the rows, and in this table."""
    return table == _said(token).get("table")


def input_runs(token: str | None) -> dict[str, str]:
    """Return the run that each input stood at."""
    return {name: run_id for name, (_, run_id) in _said(token).get("inputs", {}).items()}


def _said(token: str | None) -> dict[str, Any]:
    """Return what a token says; nothing for that of a loaded table, which once had the name."""
    try:
        said = json.loads(token or "{}")
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def follow_up(model: str, cause: Run, *, mode: SyncMode, generation: int) -> Run:
    """Return the run that refreshes a model after one of its inputs was published.

    The same publish asks for the same run, however often it does.

    Args:
        model: its name.
        cause: the run that was published.
        mode: the model's own.
        generation: of the models' configuration.
    """
    key = f"{cause.table}/{cause.run_id}"
    return Run(
        run_id=runs.run_id(model, Trigger.INPUT, key, naming.run_time(cause.run_id)),
        table=model,
        trigger=Trigger.INPUT,
        trigger_key=key,
        mode=mode,
        state=RunState.STAGED,
        created_at=cause.updated_at,
        updated_at=cause.updated_at,
        config_generation=generation,
        is_model=True,
    )


def asked_for(model: str, *, request_id: str, at: datetime, by: str, **given: Any) -> Run:
    """Return the run that refreshes a model because somebody wants it.

    Asking again with the same id and moment asks for the same run.
    """
    return Run(
        run_id=runs.run_id(model, Trigger.REQUEST, request_id, at),
        table=model,
        trigger=Trigger.REQUEST,
        trigger_key=request_id,
        state=RunState.STAGED,
        created_at=at,
        updated_at=at,
        requested_by=by,
        is_model=True,
        **given,
    )
