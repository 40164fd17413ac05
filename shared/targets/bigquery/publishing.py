"""One run made visible: its rows looked at and measured, the script run, the table measured."""

from shared.config.places import BigQueryTable
from shared.config.tables import TableConfig
from shared.core.manifests import Manifest
from shared.errors import IntegrityError
from shared.targets import guards, proofs
from shared.targets.base import Outcome, Published, StagedTests
from shared.targets.bigquery import tables
from shared.targets.bigquery.bookkeeping import Books, BookState
from shared.targets.bigquery.changes import Changes
from shared.targets.bigquery.drifting import Drifting
from shared.targets.bigquery.jobs import Jobs
from shared.targets.bigquery.measuring import Measuring
from shared.targets.bigquery.rowtests import RowTests
from shared.targets.bigquery.staging import Staging
from shared.targets.bigquery.tables import Ref
from shared.targets.bigquery.versions import Versions


class Publishing:
    """The publish of one run."""

    def __init__(
        self,
        jobs: Jobs,
        books: Books,
        config: TableConfig,
        table: Ref,
        place: BigQueryTable,
        manifest: Manifest,
    ) -> None:
        self._jobs = jobs
        self._books = books
        self._config = config
        self._table = table
        self._place = place
        self._manifest = manifest

    def publish(self, tests: StagedTests) -> Published:
        """Make the staged rows visible, unless the run must not be published.

        Raises:
            TargetRefusedError: with ``sql.FENCE``, another run was published since.
            TargetUnavailableError: another transaction was faster.
        """
        manifest, of_table = self._manifest, (self._jobs, self._config, self._table)
        booked = self._books.read_for(manifest.run_id)
        if refusal := self._refusal(booked):
            return refusal
        notes = Drifting(*of_table, booked.last).evolve(manifest)
        staging = Staging(self._jobs, self._books, manifest)
        changes = Changes(self._jobs, self._books, self._config, self._table, manifest)
        plan = changes.check(booked.last)
        measuring = Measuring(*of_table, staging.rows, manifest)
        staged = measuring.prove_staged()
        of_rows = RowTests(*of_table, staging.rows, manifest)
        breaches = of_rows.run(tests.tests) if tests.tests else {}
        tests.require(breaches)
        if plan.found:
            tables.require_layout(self._table, self._place, plan.found)
        versions = Versions(*of_table)
        kept = plan.found if self._config.is_reference else None
        if kept:
            self._books.require_epoch(booked.state.epoch)
            versions.keep(booked.state, kept)
        if plan.found is None and manifest.file and booked.state.epoch:
            self._books.forget_files(booked.state.epoch)
        changes.create(plan, self._place)
        done = changes.run(plan, booked)
        record = self._books.read_load(manifest.run_id)
        if record is None:
            raise IntegrityError(f"job {done.job.job_id} ended well and recorded nothing")
        proof = measuring.prove_published(staged)
        if proofs.found_differences(manifest, proof) and self._is_overtaken(booked):
            proof = staged
        if kept:
            versions.forget()
        staging.drop()
        outcome = Outcome.COMMITTED if done.is_ours else Outcome.ALREADY
        return Published(
            outcome=outcome, record=record, notes=notes, breaches=breaches, proof=proof
        )

    def _is_overtaken(self, booked: BookState) -> bool:
        """Say whether another run was published after this one, so the rows are not its own."""
        return self._books.read_state().epoch != booked.state.epoch + 1

    def _refusal(self, booked: BookState) -> Published | None:
        manifest = self._manifest

        def find_content(run_id: str | None) -> str | None:
            if manifest.file is None or tables.find(self._jobs, self._table) is None:
                return None
            return self._books.find_content(manifest.file, run_id)

        return guards.refusal(self._config, manifest, booked.state, booked.record, find_content)
