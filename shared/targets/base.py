"""What every target promises: stage out of sight, then publish in one short transaction."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from shared.config.tables import ResolvedTable
from shared.core.checks import Breach
from shared.core.drift import PastSchema
from shared.core.fencing import TargetState
from shared.core.manifests import Layer, Manifest, Part
from shared.core.plans import Slice
from shared.core.receipts import Point
from shared.core.schemas import TableSchema
from shared.core.selections import Selection
from shared.targets.proofs import Proof

if TYPE_CHECKING:
    import pyarrow as pa


ReadPart = Callable[[Part], Iterable["pa.RecordBatch"]]
"""Returns the rows of a part."""

DELETED_AT = "_deleted_at"
"""The column that says since when a row is gone from the source; NULL while it is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRecord:
    """What the target recorded in the transaction in which a run became visible."""

    run_id: str
    rows_loaded: int
    rows_inserted: int
    rows_updated: int
    rows_deleted: int
    is_base: bool = False
    """Afterwards the table consists of this run's rows alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastLoad:
    """One publish in the history of a table, and where the table stood after it."""

    run_id: str
    watermark: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptVersion:
    """A version of a table that the target keeps: its columns, with the table's key, and rows."""

    schema: TableSchema
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """The table that rows refer to, in the same database, and the columns that they name there."""

    schema: str
    """As the table file's place has it."""
    table: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowTest:
    """What only the target can tell of rows: whether others have the same values, or any has."""

    name: str
    columns: tuple[str, ...]
    parent: Parent | None = None
    """Where the values must stand; None: they must stand in no other row of the table."""


@dataclass(frozen=True, slots=True)
class StagedTests:
    """Tests of all staged rows, with the table as it will be, inside the publish.

    ``require`` is told what was found, by the name of the test, and raises to stop the publish.
    """

    tests: Sequence[RowTest] = ()
    require: Callable[[Mapping[str, Breach]], None] = lambda _: None


NO_TESTS = StagedTests()


class Outcome(StrEnum):
    """How a publish ended."""

    COMMITTED = "committed"
    ALREADY = "already"
    """This run was committed before; the record is the one written then."""
    SUPERSEDED = "superseded"
    """Another run changed the table since the window was computed; nothing was touched."""
    DUPLICATE = "duplicate"
    """A file of the same content was committed before, and the table skips such files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The outcome, and what was recorded or what stands in the way."""

    outcome: Outcome
    record: LoadRecord | None = None
    reason: str = ""
    notes: tuple[str, ...] = ()
    """What was done to the table itself, for the receipt."""
    breaches: Mapping[str, Breach] = field(default_factory=dict)
    """What the tests of the publish found, by their names: all of them, where they were made."""
    proof: Proof | None = None
    """What was measured of the run's rows; None: nothing, because nothing was published now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """What a target says of itself, without any table."""

    clock: datetime
    books_version: int
    """Version of the tables in ``_sluice`` there; 0 where there are none yet."""
    books_wanted: int
    """The version that this code writes."""


class Target(Protocol):
    """A database that rows are moved into. One instance serves one table and one step."""

    def state(self) -> TargetState:
        """Return the table's state row; a table never loaded has an empty one."""

    def committed(self, run_id: str) -> LoadRecord | None:
        """Return the record of a committed run; None when it never committed."""

    def schema(self) -> TableSchema | None:
        """Return the table as it is in the target; None when it does not exist."""

    @classmethod
    def definition(cls, resolved: ResolvedTable, schema: TableSchema) -> str:
        """Return the statement that makes a table of these columns; nothing is asked for it."""

    def fit(self, schema: TableSchema) -> TableSchema:
        """Return what a run stages of a source's columns, by the table's policy for drift.

        The columns themselves, unless the table's policy is ``rescue``. Nothing is changed.

        Raises:
            SchemaConflictError: the run could not be published, as things are.
        """

    def schemas(self) -> tuple[PastSchema, ...]:
        """Return the schemas that published runs had, oldest first; each differs from the last."""

    def lineage(self, run_id: str) -> tuple[PastLoad, ...]:
        """Return the publishes that the table consisted of after a run, in their order.

        The first is the last one before that left nothing but its own rows, the last is the run
        itself. Empty when the run was not published here, or nobody knows what was there before.
        """

    def version(self, run_id: str) -> KeptVersion | None:
        """Return the version of a reference table that a run left, and that the target keeps.

        None where it keeps none.
        """

    def restage_version(self, manifest: Manifest) -> None:
        """Copy the version that a rewind goes back to into its staging table, once.

        Raises:
            NotStagedError: the staging table is gone, because the run was published or discarded.
            RewindError: the version is not kept any more.
        """

    def publish_directly(self, manifest: Manifest, read: "ReadPart") -> Published | None:
        """Copy all parts into the table and make them visible, once, in one transaction.

        None where that is not possible, and nothing was done: where rows of the table may have to
        change or go, or where the database refused a row, which staging finds the reason for.
        """

    def takes_whole_runs(self, manifest: Manifest) -> bool:
        """Say whether ``open_staging`` stages all parts, so that nobody needs to send them."""

    def open_staging(self, manifest: Manifest) -> set[str]:
        """Make the run's staging table unless it is there; return the names of the parts it holds.

        What the run needs beside it (the table's schema, its state row) is made, too. A target
        that takes whole runs stages all parts here.

        Raises:
            IntegrityError: a part is not the one that the manifest names.
        """

    def stage(self, manifest: Manifest, part: Part, batches: Iterable["pa.RecordBatch"]) -> None:
        """Put a part's rows into the run's staging table, once, however often and by whomever.

        Parts with keys go into a staging table of their own.

        Raises:
            NotStagedError: the staging table is gone, because the run was published or discarded.
        """

    def restage(
        self, manifest: Manifest, layer: Layer, part: Part, batches: Iterable["pa.RecordBatch"]
    ) -> None:
        """Put a part of a rewind's layer into the rewind's staging table, once.

        Layers and their parts come in their order. Rows that are staged already give way to those
        of the same key, unless the layer's run only appended.

        Raises:
            NotStagedError: the staging table is gone, because the run was published or discarded.
        """

    def restage_keys(
        self, manifest: Manifest, layer: Layer, batches: Iterable["pa.RecordBatch"]
    ) -> None:
        """Take the rows out of the rewind's staging table whose key is none of a layer's, once.

        It follows the layer's parts with rows; ``batches`` are those of all its parts with keys.

        Raises:
            NotStagedError: the staging table is gone, because the run was published or discarded.
        """

    def publish(self, manifest: Manifest, tests: StagedTests = NO_TESTS) -> Published:
        """Make the staged rows visible, once: fence, tests, rows and record in one transaction.

        If keys were staged too, rows whose key is not among them are deleted, or marked.

        Raises:
            CheckFailedError: rows break a test that must not be broken.
            NotStagedError: the staging table does not hold all of the run's rows.
            MismatchError: the rows in the target are not those that were staged.
        """

    def scanned_bytes(self, manifest: Manifest) -> int | None:
        """Return how many bytes of the table a publish would read and be billed for, at most.

        None where reading costs nothing.
        """

    def discard(self, manifest: Manifest) -> None:
        """Drop the run's staging table, if it is there."""

    def staging_runs(self) -> dict[str, int]:
        """Return the runs of any table that have a staging table here, each with how full it is.

        The number is of staged parts, or of rows: it only grows. Unlike everything else, this looks
        at the whole database: the sweep asks.
        """

    def vitals(self) -> Vitals:
        """Return the target's clock and the versions of its ``_sluice`` tables; change nothing."""

    def test(self, tests: Sequence[RowTest]) -> Mapping[str, Breach]:
        """Return what tests find in the table as it is, by their names."""

    def scan(self, columns: Sequence[str]) -> Iterator["pa.RecordBatch"]:
        """Yield some columns of all rows of the table as it is, in no order, typed as ``schema``.

        Nothing when there is no table. Memory is flat, whatever the size.
        """

    def count(self) -> int:
        """Return the table's number of rows."""

    def measure(self, schema: TableSchema, piece: Slice | None = None) -> Point:
        """Return the point of the table's rows, or of a slice, by the target's own engine.

        Rows that are marked as deleted are left out, here and in ``read``. A slice has the column's
        name in the table, and ends as texts that are cast to its type; texts compare byte by byte.
        """

    def read(self, schema: TableSchema, piece: Slice | None = None) -> "Iterator[pa.RecordBatch]":
        """Yield the table's rows, or a slice of them, as Arrow carries the columns' types."""

    def select(self, selection: Selection) -> list[tuple[Any, ...]]:
        """Return a page of the table's rows, each with the values of the selection's columns.

        Nothing is changed, and every value of the selection is bound.
        """

    def close(self) -> None:
        """Give the connection back."""
