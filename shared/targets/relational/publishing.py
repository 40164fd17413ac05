"""The transaction that makes a run's staged rows visible, with everything that may refuse it."""

from typing import Any

from shared.config.tables import TableConfig
from shared.core.fencing import TargetState
from shared.core.manifests import Manifest
from shared.targets import guards
from shared.targets.base import Outcome, Published, StagedTests
from shared.targets.relational import bookkeeping
from shared.targets.relational.changes import Changes
from shared.targets.relational.dialect import Dialect
from shared.targets.relational.drifting import Drifting
from shared.targets.relational.measuring import Measuring
from shared.targets.relational.rowtests import RowTests
from shared.targets.relational.staging import Staging
from shared.targets.relational.versions import Versions


class Publishing:
    """The publish of one run, in its transaction."""

    def __init__(
        self, cursor: Any, dialect: Dialect, config: TableConfig, table: str, manifest: Manifest
    ) -> None:
        self._cursor = cursor
        self._dialect = dialect
        self._config = config
        self._table = table
        self._manifest = manifest

    def publish(self, tests: StagedTests, notes: tuple[str, ...]) -> Published:
        """Make the staged rows visible, unless the run must not be published.

        Args:
            tests: of the staged rows.
            notes: what was done to the table for this run before.
        """
        cursor, dialect, manifest = self._cursor, self._dialect, self._manifest
        of_table = (cursor, dialect, self._config, self._table)
        state = bookkeeping.read_state(cursor, dialect, self._config.name, for_update=True)
        if refusal := self.refusal(state):
            return refusal
        staging = Staging(cursor, dialect, manifest)
        staging.check()
        breaches = self._tests(staging.rows_table).run(tests.tests)
        tests.require(breaches)
        if self._config.is_reference:
            Versions(*of_table).keep(state.run_id)
        last = None if manifest.rewind else Drifting(*of_table).last()
        measuring = Measuring(*of_table, manifest)
        proof = measuring.prove_staged()
        record = Changes(*of_table, manifest, last=last).apply()
        proof = proof or measuring.prove_published()
        bookkeeping.record(cursor, dialect, self._config.name, manifest, state, record)
        staging.drop()
        return Published(
            outcome=Outcome.COMMITTED, record=record, notes=notes, breaches=breaches, proof=proof
        )

    def refusal(self, state: TargetState) -> Published | None:
        """Return why the run is not published now, with the state row locked; None if it may be."""

        def find_content(run_id: str | None) -> str | None:
            file = self._manifest.file
            if file is None or not self._dialect.catalog.exists(self._cursor, self._table):
                return None
            name = self._config.name
            return bookkeeping.find_content(self._cursor, self._dialect, name, file, run_id)

        record = bookkeeping.read_load(self._cursor, self._dialect, self._manifest.run_id)
        return guards.refusal(self._config, self._manifest, state, record, find_content)

    def _tests(self, rows: str) -> RowTests:
        manifest = self._manifest
        return RowTests(
            self._cursor,
            self._dialect,
            self._table,
            rows=rows,
            schema=manifest.schema,
            manifest=manifest,
        )
