"""Previews: what a run of a table would do now, by the very code that would do it."""

from contextlib import closing
from dataclasses import dataclass, replace

from shared.core import unchanged
from shared.core.manifests import Manifest
from shared.core.messages import ExtractRequest
from shared.core.modes import SyncMode
from shared.core.runs import Attempt, Trigger
from shared.steps.attempts import Work
from shared.steps.columns import staged
from shared.steps.extract import requested
from shared.steps.outlines import without_parts
from shared.steps.protections import require_alike
from shared.targets import guards
from shared.wiring import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a run would do.

    ``manifest`` is what it would stage, still without parts. ``rows_target`` are in the table now;
    None: the run would create it. ``unchanged`` is the reason for which a scheduled run would end
    without reading; None: it would read. ``guard`` has the limits of the table's guard that a full
    load of so many rows exceeds, in words; empty: none.
    """

    manifest: Manifest
    rows_target: int | None
    unchanged: str | None
    units: int
    guard: str = ""
    scanned_bytes: int | None = None
    """What the publish would read in the target and be billed for, at most; None: nothing is."""


def preview(request: ExtractRequest, services: Services) -> Preview:
    """Look at both ends of a table as a run does that begins now; nothing is changed anywhere.

    Raises:
        SluiceError: what the run would end with before it reads the first row.
    """
    resolved, generation = services.config.get(request.table)
    run = requested(request, resolved, generation, services)
    mode = run.mode or resolved.table.sync_mode
    attempt = Attempt(id="preview", step="extract", started_at=services.now())
    work = Work(services, run, attempt, is_leased=False)
    with (
        closing(services.target(resolved)) as target,
        closing(services.source(resolved, run.run_id)) as source,
    ):
        state, is_there = target.state(), target.schema() is not None
        rows_target = target.count() if is_there else None
        guards.require_table(run.table, mode, state.watermark, is_there=is_there)
        token = unchanged.token(source.change_token(), mode, generation)
        schema = staged(target, resolved.table, source.schema())
        require_alike(run, resolved, target, state, services, generation=generation)
        manifest = without_parts(work, resolved, source, state, token, schema=schema)
        scanned_bytes = target.scanned_bytes(manifest)
    limits = guards.exceeded(
        resolved.table.guard, present=rows_target or 0, staged=manifest.rows_source
    )
    reason = unchanged.reason_to_skip(replace(run, trigger=Trigger.SCHEDULE), token, state)
    return Preview(
        manifest=manifest,
        rows_target=rows_target,
        unchanged=reason if is_there else None,
        scanned_bytes=scanned_bytes,
        guard=limits if manifest.mode is SyncMode.FULL else "",
        units=max(1, -(-manifest.rows_source // services.settings.unit_rows)),
    )
