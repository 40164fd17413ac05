"""Rows that only come to a table: copied right into it, in the transaction that publishes them.

Nobody sees them before it commits, and the way through a staging table would write each row twice.
"""

from collections.abc import Iterable
from itertools import chain
from typing import TYPE_CHECKING, Any

from shared import timings
from shared.ahead import ahead
from shared.config.tables import TableConfig
from shared.core.fencing import TargetState
from shared.core.manifests import Manifest
from shared.core.modes import SyncMode
from shared.core.receipts import Point
from shared.errors import IntegrityError
from shared.targets import consents, proofs
from shared.targets.base import LoadRecord, ReadPart
from shared.targets.guards import Guards, marker
from shared.targets.postgres import catalog, copying, facts, reading, sql, types
from shared.targets.postgres.dialect import POSTGRES
from shared.targets.proofs import Proof
from shared.targets.relational.measuring import measure

if TYPE_CHECKING:
    import pyarrow as pa


SMALL_BLOCKS = 8192
"""A table up to this size, 64 MiB, is read whole to find the rows that were added."""

SCATTERED = (
    "the rows were added to gaps all over a large table, where only reading all of it finds them; "
    "`sluice verify` compares it"
)


class Arrival:
    """The rows of one run, for a table that is appended to, or has no rows yet."""

    def __init__(self, cursor: Any, config: TableConfig, table: str, manifest: Manifest) -> None:
        self._cursor = cursor
        self._config = config
        self._manifest = manifest
        self._table = table
        self._columns = list(manifest.schema)
        self._is_appended = manifest.mode is SyncMode.APPEND
        self._is_base = False
        self._blocks = 0
        self._existing = {name: kind for name, kind, _ in catalog.columns(cursor, self._table)}

    def is_possible(self) -> bool:
        """Say whether rows can go right into the table, unaltered, and replace none."""
        manifest = self._manifest
        if manifest.rewind or manifest.key_parts is not None or marker(self._config):
            return False
        if self._config.is_reference and self._existing:
            return False  # what is there is kept first
        is_guarded = manifest.mode is SyncMode.FULL and not manifest.allow_empty
        if is_guarded and manifest.rows_staged < self._config.guard.min_rows:
            return False
        if not self._existing:
            return True
        wanted = {c.name: types.type_name(c.type) for c in self._columns}
        if not wanted.items() <= self._existing.items():
            return False
        return self._is_appended or (self._has_key() and not self._has_rows())

    def copy(self, read: ReadPart) -> LoadRecord:
        """Copy all parts; a new table gets its key afterwards, which is faster.

        Raises:
            IntegrityError: the database took another number of rows than was staged.
            SchemaConflictError: the table is gone, and the run would go on from where it stood.
        """
        manifest = self._manifest
        if not self._existing:
            Guards(self._config, self._table, manifest).require_table()
            self._cursor.execute(sql.create_table(self._table, self._columns, ()))
        self._is_base = not self._has_rows()
        if manifest.file and self._is_base and not self._existing:
            # The rows of earlier files are gone, so the same files may be dropped again.
            POSTGRES.books.forget_files(self._cursor, self._config.name, [])
        self._blocks = catalog.blocks(self._cursor, self._table)
        rows = self._copy(chain.from_iterable(map(read, manifest.parts)))
        if rows != manifest.rows_staged:
            raise IntegrityError(f"{self._table} took {rows} rows of {manifest.rows_staged}")
        if not self._existing and manifest.schema.primary_key:
            key = manifest.schema.primary_key
            self._cursor.execute(sql.add_primary_key(self._table, key))
        return LoadRecord(
            run_id=manifest.run_id,
            rows_loaded=rows,
            rows_inserted=rows,
            rows_updated=0,
            rows_deleted=0,
            is_base=self._is_base,
        )

    def prove(self) -> Proof:
        """Measure what was copied.

        Raises:
            MismatchError: the rows are not those that were staged.
        """
        with timings.timed("verify"):
            proof = self._proof()
            proofs.require_same(self._manifest, proof)
        return proof

    def require_unchanged(self, before: TargetState, now: TargetState) -> None:
        """Make sure that a table which had no rows has those of this run only.

        What is appended may come beside others, but then the table does not begin with it.

        Raises:
            IntegrityError: somebody else wrote to it while the rows were copied.
        """
        if self._is_appended and not self._is_base:
            return
        if before.epoch != now.epoch or self._count() != self._manifest.rows_staged:
            raise IntegrityError(f"somebody else wrote to {self._table} meanwhile")

    def _proof(self) -> Proof:
        left_out = proofs.altered(self._config, self._columns)
        if gap := proofs.gap(self._manifest):
            return Proof(gap=gap)
        # What is added lies at the end of the table, unless there was room for it elsewhere.
        self._cursor.execute(sql.TRANSACTION)
        (mine,) = self._cursor.fetchone()
        found = self._measure(sql.added(mine, since=0 if self._is_base else self._blocks))
        if found.rows != self._manifest.rows_staged:
            if self._blocks > SMALL_BLOCKS:
                return Proof(gap=SCATTERED)
            found = self._measure(sql.added(mine, since=0))
        return Proof(of="the rows that were added to the table", point=found, left_out=left_out)

    def _measure(self, condition: str) -> Point:
        found = {name: kind for name, kind, _ in catalog.columns(self._cursor, self._table)}
        asked = proofs.quick({c.name: facts.facts_of(c, found[c.name]) for c in self._columns})
        if proofs.reads_back(self._config, self._manifest.run_id):
            rows = reading.read(self._cursor, self._table, self._columns, condition)
            return proofs.read_point(asked, self._columns, rows)
        return measure(self._cursor, POSTGRES, self._table, self._columns, asked, condition)

    def _has_key(self) -> bool:
        """Say whether the table itself refuses rows that the run's key should tell apart."""
        key = self._manifest.schema.primary_key
        return not key or catalog.primary_key(self._cursor, self._table) == key

    def _copy(self, batches: Iterable["pa.RecordBatch"]) -> int:
        rows = consents.accepted(batches, self._columns, self._config.accept, cells=types.CELLS)
        with ahead(copying.encode(self._columns, rows, self._manifest.run_id)) as blocks:
            copy_in = sql.copy_in(self._table, self._columns)
            self._cursor.execute(copy_in, stream=copying.messages(blocks))
        return int(self._cursor.rowcount)

    def _has_rows(self) -> bool:
        self._cursor.execute(sql.has_rows(self._table))
        return bool(self._cursor.fetchone()[0])

    def _count(self) -> int:
        self._cursor.execute(sql.count(self._table))
        return int(self._cursor.fetchone()[0])
