"""What a target promises about models: rows and record in one transaction, or none of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from shared.core.checks import CheckResult
from shared.core.receipts import Receipt


class Refresh(StrEnum):
    """How a refresh ended."""

    COMMITTED = "committed"
    ALREADY = "already"
    """This run was committed before."""
    UNCHANGED = "unchanged"
    """No input was published since the last refresh, so the rows would be the same."""
    WAITING = "waiting"
    """An input was never published: its first publish asks again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Who asks for a refresh, and how.

    ``is_full`` makes all rows of an incremental model anew; ``is_asked_for``: somebody wants it
    even though nothing has changed.
    """

    run_id: str
    attempt: str
    config_generation: int
    code_version: str
    is_full: bool = False
    is_asked_for: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """How a refresh ended: its receipt, the verdicts of its tests, and where its inputs stood.

    ``missing`` are the inputs that it waits for.
    """

    outcome: Refresh
    missing: tuple[str, ...] = ()
    receipt: Receipt | None = None
    results: tuple[CheckResult, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)


class CuratedTarget(Protocol):
    """One model in the database of its inputs, for one refresh."""

    def refresh(self, order: Order, confirm: Callable[[], None]) -> Refreshed:
        """Make the rows of the model what its SELECT says now, once, in one transaction.

        A run that was committed before has the receipt that the target's own record gives.

        Args:
            order: who asks, and how.
            confirm: called right before the commit; what it raises rolls back.

        Raises:
            CheckFailedError: a test of severity fail does not pass; nothing has changed.
            MismatchError: the table's rows are not those that the SELECT gave.
            SchemaConflictError: the table is there, and no run of this model has made it.
            TargetRefusedError: the database refuses the SELECT, or the table.
        """

    def close(self) -> None:
        """Give the connection back."""
