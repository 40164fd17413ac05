"""Facts of a run's rows, measured by the database in the transaction that publishes them."""

from typing import Any

from shared import timings
from shared.config.tables import TableConfig
from shared.core import measuring
from shared.core.manifests import Manifest
from shared.core.modes import SyncMode
from shared.core.receipts import Point
from shared.core.schemas import Column
from shared.targets import proofs
from shared.targets.guards import marker
from shared.targets.proofs import Proof
from shared.targets.relational.dialect import Dialect
from shared.targets.relational.staging import Staging


class Measuring:
    """The rows of one run in the staging table and in the table, as one transaction sees them."""

    def __init__(
        self, cursor: Any, dialect: Dialect, config: TableConfig, table: str, manifest: Manifest
    ) -> None:
        self._cursor = cursor
        self._dialect = dialect
        self._config = config
        self._table = table
        self._manifest = manifest
        self._columns = list(manifest.schema)
        self._staging = Staging(cursor, dialect, manifest).rows_table

    def prove_staged(self) -> Proof | None:
        """Measure the staging table of a run whose rows cannot be told apart in the table.

        None for any other run: ``prove_published`` measures it in the table itself.

        Raises:
            MismatchError: the rows are not those that were staged.
        """
        is_appended = self._manifest.mode is SyncMode.APPEND
        if not is_appended and (self._is_whole or self._manifest.schema.primary_key):
            return None
        return self._prove("the staging table, from which all rows were inserted", self._staging)

    def prove_published(self) -> Proof:
        """Measure the table, or the rows of it that have the run's keys.

        Raises:
            MismatchError: the rows are not those that were staged.
        """
        if self._is_whole:
            deleted_at = marker(self._config)
            unmarked = self._dialect.facts.is_null(deleted_at) if deleted_at else ""
            return self._prove("the table, all of it", self._table, unmarked)
        existing = self._existing(self._table)
        casts = self._dialect.sql.casts(existing, self._columns)
        key = self._manifest.schema.primary_key
        is_staged = self._dialect.sql.is_staged(self._staging, key, casts)
        return self._prove("the rows of the table with the run's keys", self._table, is_staged)

    @property
    def _is_whole(self) -> bool:
        return self._manifest.mode is SyncMode.FULL

    def _prove(self, of: str, table: str, condition: str = "") -> Proof:
        with timings.timed("verify"):
            proof = Proof(
                of=of,
                point=self._measure(table, condition) if self._manifest.staged else None,
                left_out=proofs.altered(self._config, self._columns),
                gap=proofs.gap(self._manifest),
            )
            proofs.require_same(self._manifest, proof)
        return proof

    def _measure(self, table: str, condition: str) -> Point:
        facts, existing = self._dialect.facts, self._existing(table)
        asked = proofs.quick({c.name: facts.facts_of(c, existing[c.name]) for c in self._columns})
        if proofs.reads_back(self._config, self._manifest.run_id):
            rows = self._dialect.read(self._cursor, table, self._columns, condition)
            return proofs.read_point(asked, self._columns, rows)
        return measure(self._cursor, self._dialect, table, self._columns, asked, condition)

    def _existing(self, table: str) -> dict[str, str]:
        found = self._dialect.catalog.columns(self._cursor, table)
        return {name: kind for name, kind, _ in found}


def measure(
    cursor: Any,
    dialect: Dialect,
    table: str,
    columns: list[Column],
    asked: measuring.Asked,
    condition: str = "",
) -> Point:
    """Return the point of the rows of a table that meet a condition, or of all."""
    cursor.execute(dialect.facts.measure(table, asked, condition))
    return measuring.point(columns, asked, cursor.fetchone())
