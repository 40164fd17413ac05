"""Facts of a run's rows, measured by BigQuery: staged before the publish, in the table after it."""

from shared import timings
from shared.config.tables import TableConfig
from shared.core import measuring
from shared.core.manifests import Manifest
from shared.core.modes import SyncMode
from shared.stage import readback
from shared.targets import proofs
from shared.targets.bigquery import facts
from shared.targets.bigquery.jobs import Jobs
from shared.targets.bigquery.tables import Ref
from shared.targets.guards import marker
from shared.targets.proofs import Proof


class Measuring:
    """The rows of one run in its staging table and in the table."""

    def __init__(
        self, jobs: Jobs, config: TableConfig, table: Ref, staging: Ref, manifest: Manifest
    ) -> None:
        self._jobs = jobs
        self._config = config
        self._table = table
        self._staging = staging
        self._manifest = manifest
        self._columns = list(manifest.schema)

    def prove_staged(self) -> Proof:
        """Measure the staging table.

        Raises:
            MismatchError: the rows are not those that were staged.
        """
        with timings.timed("verify"):
            of = "the staging table, from which all rows were taken"
            proof = self._proof(of, self._staging)
            proofs.require_same(self._manifest, proof)
        return proof

    def prove_published(self, staged: Proof) -> Proof:
        """Measure the table after a run that replaced it; else return what was staged.

        The rows of a merge are not looked up again: BigQuery would bill reading all of the table.
        """
        if self._manifest.mode is not SyncMode.FULL:
            return staged
        deleted_at = marker(self._config)
        unmarked = facts.is_null(deleted_at) if deleted_at else ""
        return self._proof("the table, all of it", self._table, unmarked)

    def _proof(self, of: str, ref: Ref, condition: str = "") -> Proof:
        if gap := proofs.gap(self._manifest):
            return Proof(gap=gap)
        asked = proofs.quick({c.name: facts.facts_of(c) for c in self._columns})
        if proofs.reads_back(self._config, self._manifest.run_id):
            found = self._jobs.query(facts.select(ref.sql, self._columns, condition))
            rows = readback.batches(self._columns, map(tuple, found))
            return Proof(of=of, point=proofs.read_point(asked, self._columns, rows))
        (row,) = self._jobs.query(facts.measure(ref.sql, asked, condition))
        return Proof(of=of, point=measuring.point(self._columns, asked, tuple(row)))
