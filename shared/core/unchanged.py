"""Skip unchanged: when a scheduled run may end without reading, because it would read the same.

A token stands for everything that decides what a run reads: the source's own mark of its last
change, the mode, and the table's configuration. Each publish writes the token of its run, taken
before its snapshot, to the state row. If the token of a later run is the same, nothing was
committed in between, and its rows are those that were published.

An incremental run that left rows behind for later, since they lie ahead of its window, has no
token: time alone makes them readable. The token of a file stands for its table's
configuration alone: each file is read.
"""

from shared.core.fencing import TargetState
from shared.core.modes import SyncMode
from shared.core.runs import Run, Trigger

_BY = " by configuration "


def token(change: str | None, mode: SyncMode, config_generation: int) -> str | None:
    """Return the token of a run.

    Args:
        change: the source's mark of the table's last change; None when it has none.
        mode: how the run reads: one that reads a window proves nothing for one that reads all.
        config_generation: the table's configuration, in which everything else stands.
    """
    return f"{mode}{_BY}{config_generation}: {change}" if change else None


def is_of(token: str | None, config_generation: int) -> bool:
    """Say whether a token is of a run under a table's configuration as it is now."""
    return token is not None and f"{_BY}{config_generation}: " in token


def reason_to_skip(run: Run, mine: str | None, state: TargetState) -> str | None:
    """Return the reason for which a run may end without reading; None when it has to read.

    A run that somebody asked for always reads.
    """
    if run.trigger is not Trigger.SCHEDULE or mine is None or mine != state.change_token:
        return None
    return f"the source has not changed since run {state.run_id} (verified)"
