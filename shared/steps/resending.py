"""Resending: the rejected rows of a run, sent through once more as a file of their own.

A claim in the state bucket says which file carries them: one at a time, whoever sends.
"""

import json
import re
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from shared.core import naming
from shared.core.audit import Event
from shared.core.messages import IngestRequest
from shared.core.modes import SyncMode
from shared.core.runs import Run, RunState, Trigger, run_id
from shared.errors import ConflictError, IllegalTransitionError
from shared.steps import quarantine, rewinds
from shared.storage import ABSENT
from shared.wire import from_json, to_json
from shared.wiring import Services

_PREFIX = "rejects-of-"
_SENT = re.compile(rf"[a-z0-9_]+/{_PREFIX}({naming.RUN_ID.pattern})-")

_FRUITLESS = (RunState.QUARANTINED, RunState.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Which file in the landing bucket carries the rejected rows of a run: one at a time."""

    version: Literal[1] = 1
    run_id: str
    name: str


def replay(run: Run, services: Services, mended: bytes | None = None, *, by: str = "") -> str:
    """Send the rejected rows of a loaded file through once more; return the new run's id.

    They become a file of their own, dropped in the same path, so they are read by the table's rules
    as they are now, once: a second time finds the file there.

    Args:
        run: a committed run with rejected rows.
        services: where to find them.
        mended: what to send in their place.
        by: who sends them, for the audit log.

    Raises:
        IllegalTransitionError: they were sent before, or the table has no place for them.
    """
    _require_replayable(run, services)
    content = mended if mended is not None else b"".join(quarantine.export(run, services))
    name = f"{run.table}/{_PREFIX}{run.run_id}-{sha256(content).hexdigest()[:8]}.csv"
    _claim(run, name, services)
    services.audit.append(_event(run, name, by, services))  # a second time tells nothing new
    bucket = services.settings.bucket("landing")
    generation = _send(run, name, content, services)
    request = IngestRequest(bucket=bucket, name=name, generation=generation)
    return run_id(run.table, Trigger.FILE, request.key, request.announced_at)


def is_of_rejects(name: str) -> bool:
    """Say whether an object in the landing bucket is a file of rejected rows."""
    return _SENT.match(name) is not None


def replays(runs: Iterable[Run]) -> dict[str, Run]:
    """Return by run the later one that its rejected rows were sent through in, the newest of them.

    Args:
        runs: all runs of the tables in question.
    """
    found: dict[str, Run] = {}
    for run in sorted(runs, key=lambda r: r.created_at):
        name = IngestRequest.from_key(run.trigger_key).name if run.trigger is Trigger.FILE else ""
        if sent := _SENT.match(name):
            found[sent[1]] = run
    return found


def replayed_by(run: Run, services: Services) -> str | None:
    """Return the run that a run's rejected rows were sent through in; None: they were not sent."""
    claimed = _claimed(run.run_id, services)
    bucket = services.settings.bucket("landing")
    sent = services.storage.info(bucket, claimed[0].name) if claimed else None
    if sent is None:
        return None
    request = IngestRequest(bucket=bucket, name=sent.name, generation=sent.generation)
    return run_id(run.table, Trigger.FILE, request.key, request.announced_at)


def successor(name: str, services: Services) -> str | None:
    """Return the file that took the place of a file of rejected rows; None if none did.

    Args:
        name: of any file in the landing bucket.
        services: where to look.
    """
    found = _SENT.match(name)
    claim = _claimed(found[1], services) if found else None
    return claim[0].name if claim and claim[0].name != name else None


def _send(run: Run, name: str, content: bytes, services: Services) -> int:
    """Drop a file of rejected rows in its table's folder; return its generation.

    Raises:
        IllegalTransitionError: it lies there, and its rows were not taken back by a rewind.
    """
    bucket = services.settings.bucket("landing")
    place = f"gs://{bucket}/{name}"
    earlier = services.storage.info(bucket, name)
    if earlier and not _is_undone(run.table, earlier.place, services):
        raise _sent_before(run, place)
    try:
        return services.storage.write(
            bucket,
            name,
            content,
            generation=earlier.generation if earlier else ABSENT,
            content_type="text/csv",
        )
    except ConflictError as exc:
        raise _sent_before(run, place) from exc


def _sent_before(run: Run, place: str) -> IllegalTransitionError:
    return IllegalTransitionError(
        f"the very same rows of run {run.run_id} were sent before, as {place}; `sluice runs` says "
        "what became of them"
    )


def _event(run: Run, name: str, by: str, services: Services) -> Event:
    return Event(
        table=run.table,
        event_id=f"quarantine/{run.run_id}/{sha256(name.encode()).hexdigest()[:12]}",
        kind="quarantine.replayed",
        at=services.now(),
        by=by or "unnamed",
        run_id=run.run_id,
        detail=json.dumps({"file": name}),
    )


def _is_undone(table: str, key: str, services: Services) -> bool:
    """Say whether the run of a file published its rows, and a rewind took them back."""
    run = next((r for r in services.ledger.runs(table) if r.trigger_key == key), None)
    return run is not None and _is_gone(run, services)


def _is_gone(run: Run, services: Services) -> bool:
    if run.state is not RunState.COMMITTED:
        return False
    resolved, _ = services.config.get(run.table)
    with closing(services.target(resolved)) as target:
        return not rewinds.is_in_table(run, target, services)


def _claim(run: Run, name: str, services: Services) -> None:
    """Write down that a file, and no other, carries the rejected rows of a run.

    Raises:
        IllegalTransitionError: another file carries them, and is not known to have failed.
    """
    claimed = _claimed(run.run_id, services)
    if claimed and claimed[0].name != name:
        _require_fruitless(run, claimed[0].name, services)
    if claimed and claimed[0].name == name:
        return
    try:
        services.storage.write(
            services.settings.bucket("state"),
            naming.replay_object(run.run_id),
            to_json(Claim(run_id=run.run_id, name=name)),
            generation=claimed[1] if claimed else ABSENT,
            content_type="application/json",
        )
    except ConflictError as exc:
        raise IllegalTransitionError(
            f"somebody else is sending the rejected rows of run {run.run_id} just now"
        ) from exc


def _claimed(origin: str, services: Services) -> tuple[Claim, int] | None:
    name = naming.replay_object(origin)
    found = services.storage.read(services.settings.bucket("state"), name)
    return (from_json(Claim, found[0], name), found[1]) if found else None


def _require_replayable(run: Run, services: Services) -> None:
    manifest, _ = quarantine.origin(run, services)
    if run.state is not RunState.COMMITTED:
        raise IllegalTransitionError(
            f"run {run.run_id} is {run.state}, and nothing of its file was loaded: "
            f"`sluice replay {run.run_id}` reads all of it again"
        )
    quarantine.require_rejects(manifest)
    if manifest.mode is SyncMode.FULL:
        raise IllegalTransitionError(
            f"each file of {run.table} replaces all of its rows, so these cannot come by "
            "themselves; mend the whole file and drop it again"
        )


def _require_fruitless(run: Run, name: str, services: Services) -> None:
    """Make sure that what was sent earlier is not in the table, and never will be.

    Raises:
        IllegalTransitionError: it is, or may still come.
    """
    bucket = services.settings.bucket("landing")
    place = f"gs://{bucket}/{name}"
    sent = [r for r in services.ledger.runs(run.table) if r.trigger_key.startswith(f"{place}#")]
    info = services.storage.info(bucket, name)
    is_on_its_way = not sent or (
        info is not None and info.place not in {r.trigger_key for r in sent}
    )
    states = ["on its way"] if is_on_its_way else []
    for earlier in sent:
        if earlier.state not in _FRUITLESS and not _is_gone(earlier, services):
            states.append(str(earlier.state))
    if states:
        raise IllegalTransitionError(
            f"the rejected rows of run {run.run_id} were sent before, as {place}, which is "
            f"{states[0]}. What it rejected in turn can be replayed by its own run"
        )
