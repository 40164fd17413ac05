"""A source whose protected columns leave it in their protected form alone.

Whoever reads a table (an extract, a plan, ``sluice verify``) gets this in place of the source, so
none of them sees a value that the table protects. What the source's own engine knows of such a
column, but how many values are NULL, is about other values than those that are staged. It is
compared with the values as they arrive, before they are protected, and then forgotten.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pyarrow as pa

from shared.config.tables import TableConfig
from shared.core.fidelity import Consent
from shared.core.modes import SyncMode
from shared.core.plans import Slice
from shared.core.receipts import ColumnFacts, Point, differences
from shared.core.schemas import TableSchema
from shared.core.windows import Span, Window
from shared.errors import MismatchError
from shared.sources.base import Extent, Snapshot, Source, TableMetadata
from shared.stage.fingerprints import Fold
from shared.stage.protecting import Keys, Protector


class ProtectedSource:
    """One table of a source, for one run; its methods are those of ``Source``."""

    def __init__(self, source: Source, config: TableConfig, keys: Keys) -> None:
        """Args: ``source`` leaves the columns out that the table drops."""
        self._source = source
        self._table = config
        self._rules = {
            name: rule for name, rule in config.protected.items() if name not in config.dropped
        }
        self._protector = Protector(self._rules, keys)
        self._is_pinned = False
        self._measured: dict[Slice | None, Point] = {}

    def schema(self) -> TableSchema:
        """Return the columns of the protected form."""
        return self._protector.schema(self._source.schema())

    def change_token(self) -> str | None:
        """Return the source's own."""
        return self._source.change_token()

    def snapshot(self) -> Snapshot:
        """Fix the moment that all later reads see."""
        found = self._source.snapshot()
        self._is_pinned = found.is_pinned
        return found

    def resume(self, snapshot: Snapshot) -> None:
        """See the moment that an earlier session fixed."""
        self._source.resume(snapshot)
        self._is_pinned = snapshot.is_pinned

    def window(self, mode: SyncMode, low: str | None, lag: timedelta | None) -> Window | None:
        """Return the window to read: the cursor is never protected."""
        return self._source.window(mode, low, lag)

    def backfill(self, span: Span, low: str | None) -> Window:
        """Return the window of a backfill."""
        return self._source.backfill(span, low)

    def extent(self, mode: SyncMode, window: Window | None, piece: Slice | None = None) -> Extent:
        """Count the rows of a window, or of one slice of it."""
        return self._source.extent(mode, window, piece)

    def measure(self, mode: SyncMode, window: Window | None, piece: Slice | None = None) -> Point:
        """Return the point of a window's rows; of a protected column it has the NULLs alone."""
        found = self._source.measure(mode, window, piece)
        self._measured[piece] = found
        return replace(found, columns=tuple(self._told(column) for column in found.columns))

    def split(
        self, mode: SyncMode, window: Window | None, piece: Slice | None, number: int
    ) -> tuple[Slice, ...]:
        """Cut a window, by a column that is not protected."""
        return self._source.split(mode, window, piece, number)

    def read(
        self, mode: SyncMode, window: Window | None, piece: Slice | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a window or slice in their protected form.

        Raises:
            MismatchError: the values as they were read are not those that the source measured.
        """
        whole = self._source.schema()
        is_keys = piece is not None and piece.is_keys
        read = whole.only_key if is_keys else whole
        batches = self._source.read(mode, window, piece)
        measured = self._measured.pop(piece, None)
        if measured is not None and self._is_pinned:
            batches = self._compared(batches, read, measured)
        return self._protector.passing(batches, read)

    def metadata(self) -> TableMetadata:
        """Describe the table without reading it."""
        return replace(self._source.metadata(), schema=self.schema())

    @property
    def query_id(self) -> str | None:
        """The source's id of the query that read the rows."""
        return self._source.query_id

    def close(self) -> None:
        """Give the connection back."""
        self._source.close()

    def _told(self, facts: ColumnFacts) -> ColumnFacts:
        rule = self._rules.get(facts.name)
        if rule is None:
            return facts
        return ColumnFacts(name=facts.name, nulls=facts.nulls if rule.keeps_nulls else None)

    def _compared(
        self, batches: Iterator[pa.RecordBatch], read: TableSchema, measured: Point
    ) -> Iterator[pa.RecordBatch]:
        """Pass batches on; at the end, compare their protected columns with what was measured."""
        columns = tuple(column for column in read if column.name in self._rules)
        fold = Fold(TableSchema(columns))
        yield from fold.passing(batches)
        altered = {c.name for c in columns if self._table.accepts(c.name, Consent.NANOSECONDS)}
        found = differences("source to staged", measured, fold.point, left_out=altered)
        if found:
            facts = ", ".join(
                f"{each.fact} of {each.column}" if each.column else each.fact for each in found
            )
            raise MismatchError(
                f"the rows of {self._table.name} that were read are not those that the source has: "
                f"{facts} differ, of which no more is told because the columns are protected; "
                "nothing was staged",
                table=self._table.name,
            )
