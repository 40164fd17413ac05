"""The fence: whether a staged run may still be published, decided from the target's state row.

The caller holds the row's lock, decides, publishes and writes the row in one transaction.
"""

from dataclasses import dataclass

from shared.core.manifests import Manifest
from shared.core.modes import SyncMode


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetState:
    """The target's own row about a table: the fence, and the only watermark there is.

    ``snapshot`` is the newest source snapshot published so far, ``epoch`` counts publishes.
    ``change_token`` stands for what the newest publish read (``unchanged.token``); None: a run may
    find more.
    """

    watermark: str | None = None
    snapshot: str | None = None
    run_id: str | None = None
    epoch: int = 0
    change_token: str | None = None


def stands_in_the_way(manifest: Manifest, state: TargetState) -> str | None:
    """Return why the run must not be published any more; None when it may.

    A full load must be newer than what is there. A window must start where the table stands: the
    same watermark and the same epoch as when the window was computed. A rewind must find the table
    as it was when somebody asked for it. Files add to the table whatever its state, because each of
    them is an event of its own.
    """
    if manifest.rewind:
        if manifest.epoch == state.epoch:
            return None
        return f"run {state.run_id} was published meanwhile; ask for the rewind again if it is due"
    if manifest.mode is SyncMode.FULL:
        if state.snapshot is not None and manifest.snapshot <= state.snapshot:
            return f"run {state.run_id} published a snapshot no older: {state.snapshot}"
        return None
    if manifest.window is None:
        return None
    if (manifest.window.low, manifest.epoch) != (state.watermark, state.epoch):
        return (
            f"the window starts at watermark {manifest.window.low}, epoch {manifest.epoch}; since "
            f"run {state.run_id} the table stands at {state.watermark}, epoch {state.epoch}"
        )
    return None


def next_state(manifest: Manifest, state: TargetState) -> TargetState:
    """Return the state row as the publish must leave it."""
    return TargetState(
        watermark=_watermark(manifest, state),
        snapshot=max(manifest.snapshot, state.snapshot or ""),
        run_id=manifest.run_id,
        epoch=state.epoch + 1,
        change_token=manifest.change_token,
    )


def _watermark(manifest: Manifest, state: TargetState) -> str | None:
    if manifest.rewind:
        return manifest.rewind.watermark
    if manifest.window is None or manifest.is_backfill:
        return state.watermark
    return manifest.window.high
