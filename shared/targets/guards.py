"""When a run must not be published: its fence, its guards, its keys. In words, for every target."""

from collections.abc import Callable

from shared.config.rules import Guard
from shared.config.tables import TableConfig
from shared.core import fencing
from shared.core.fencing import TargetState
from shared.core.fidelity import Consent, remedy
from shared.core.manifests import Manifest, Rewind
from shared.core.modes import SyncMode
from shared.errors import (
    EmptySourceError,
    IntegrityError,
    RewindError,
    SchemaConflictError,
    ValueNotRepresentableError,
)
from shared.targets.base import DELETED_AT, LoadRecord, Outcome, Published

FindContent = Callable[[str | None], str | None]
"""Returns the place of a loaded file of the same content: of one run, or (None) of any run.

Where the table is gone there is none.
"""


def marker(config: TableConfig) -> str | None:
    """Return the column that marks the table's rows as deleted; None when they are not kept."""
    return DELETED_AT if config.deletes and config.deletes.mode == "soft" else None


def require_table(table: str, mode: SyncMode, watermark: str | None, *, is_there: bool) -> None:
    """Make sure that what was read so far is still in the target.

    Raises:
        SchemaConflictError: the table is gone, and the run would read on from its watermark.
    """
    if watermark is not None and not is_there and mode is not SyncMode.FULL:
        raise SchemaConflictError(
            f"{table} was read up to {watermark}, but its table is not in the target any "
            f"more: reading on would leave the earlier rows out. Run `sluice run {table} "
            "--mode full` once"
        )


def refusal(
    config: TableConfig,
    manifest: Manifest,
    state: TargetState,
    record: LoadRecord | None,
    find_content: FindContent,
) -> Published | None:
    """Return why a run is not published now; None if it may be.

    Args:
        config: the table's.
        manifest: the run's.
        state: the table's state row, which does not change before the publish does.
        record: the run's own record, if it was published before.
        find_content: asked about files of the same content, where the table skips those.
    """
    if record:
        return Published(outcome=Outcome.ALREADY, record=record)
    if manifest.file and config.csv and config.csv.on_duplicate != "load":
        # Where files replace or merge, only what was loaded last is there still.
        found = find_content(None if manifest.mode is SyncMode.APPEND else state.run_id)
        if found:
            return Published(outcome=Outcome.DUPLICATE, reason=f"{found} had the same content")
    obstacle = fencing.stands_in_the_way(manifest, state)
    return Published(outcome=Outcome.SUPERSEDED, reason=obstacle) if obstacle else None


def exceeded(guard: Guard, *, present: int, staged: int) -> str:
    """Return the limits of a guard that a full load would exceed, in words; empty: none."""
    lost_percent = 100 * (present - staged) / present if present else 0
    limits = [
        *([f"no fewer than {guard.min_rows} rows"] if staged < guard.min_rows else []),
        *(
            [f"no loss above {guard.max_shrink_percent:g} %"]
            if lost_percent > guard.max_shrink_percent
            else []
        ),
    ]
    return " and ".join(limits)


def require_anything(rewind: Rewind) -> None:
    """Make sure that a rewind brings something back: no other guard stops it.

    Raises:
        RewindError: it would empty the table.
    """
    if not rewind.layers and rewind.kept_rows is None:
        raise RewindError(
            f"the rewind to run {rewind.run_id} names no run whose rows it brings back; nothing "
            "was published. Choose another run"
        )


class Guards:
    """What one run may do to its table."""

    def __init__(self, config: TableConfig, table: str, manifest: Manifest) -> None:
        self._config = config
        self._table = table
        self._manifest = manifest

    def require_table(self) -> None:
        """Make sure that the run's rows are all that belong in a new table.

        Raises:
            SchemaConflictError: its window begins where a table stood that is gone.
        """
        low = self._manifest.window.low if self._manifest.window else None
        require_table(self._config.name, self._manifest.mode, low, is_there=False)

    def require_key(self, *, null_rows: int, repeated_keys: int) -> None:
        """Make sure that the staged rows have keys of their own.

        Raises:
            IntegrityError: they do not.
        """
        for number, what in (
            (null_rows, "rows have NULL in it"),
            (repeated_keys, "of its values stand in more than one row"),
        ):
            if number:
                key = ", ".join(self._manifest.schema.primary_key)
                raise IntegrityError(
                    f"primary key ({key}) of {self._config.name}: {number} {what}; mend the "
                    "source, or name another primary_key in the table file ([] for none)",
                    rows=number,
                )

    def require_rows(self, present: int) -> None:
        """Make sure that a full load leaves enough of the rows that are there.

        Raises:
            EmptySourceError: it does not.
        """
        staged = self._manifest.rows_staged
        if limits := exceeded(self._config.guard, present=present, staged=staged):
            raise EmptySourceError(
                f"a full load of {staged} rows would replace {present} rows of {self._table}: the "
                f"guard allows {limits}. {self._override()}",
                rows_staged=staged,
                rows_present=present,
            )

    def require_few_deletes(self, *, present: int, deleted: int) -> None:
        """Make sure that a comparison of keys takes no more rows than it may.

        Raises:
            EmptySourceError: it would.
        """
        deletes = self._config.deletes
        if deletes and 100 * deleted > deletes.max_percent * present:
            raise EmptySourceError(
                f"{deleted} of {present} rows of {self._table} are gone from the source: its "
                f"deletes allow no loss above {deletes.max_percent:g} %. {self._override()}",
                rows_deleted=deleted,
                rows_present=present,
            )

    def require_marker(self, found: str | None, *, is_held: bool, wanted: str) -> None:
        """Make sure that rows can be marked as deleted.

        Args:
            found: type of the column in the table; None: there is none.
            is_held: whether it takes every moment as it is.
            wanted: the type that it should have.

        Raises:
            SchemaConflictError: the source has such a column itself, or the table's is another.
        """
        name = marker(self._config)
        if name in self._manifest.schema.names:
            raise SchemaConflictError(
                f"the source has a column {name} of its own, which deletes of mode soft "
                "would write to; choose mode hard, or leave the column out in a view"
            )
        if not is_held:
            raise SchemaConflictError(
                f"column {name} of {self._table} is {found}; deletes of mode soft needs {wanted}"
            )

    def require_short(self, column: str, *, longer: int, limit: int) -> None:
        """Make sure that no staged value is longer than its column.

        Raises:
            ValueNotRepresentableError: some are.
        """
        if longer:
            raise ValueNotRepresentableError(
                f"{longer} values of column {column} are longer than the {limit} "
                f"characters of {self._table}; widen the column, or accept that they are cut: "
                f"{remedy(column, Consent.LENGTH)}",
                column=column,
            )

    def _override(self) -> str:
        if self._config.is_of_files:
            return "If this is right, change the table's guard and drop the file again"
        return (
            "If this is right, let one run pass: sluice run "
            f"{self._config.name} --mode {self._manifest.mode} --allow-empty"
        )
