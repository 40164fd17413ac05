"""Versions of reference tables: what a load replaces is kept in the dataset ``bkp``, for a while.

A version is a table of its own there: the table's name, ``-``, the run that left it.
"""

from shared.config.places import VERSIONS_SCHEMA
from shared.config.tables import TableConfig
from shared.core import naming
from shared.core.fencing import TargetState
from shared.targets.base import KeptVersion
from shared.targets.bigquery import tables
from shared.targets.bigquery.jobs import Jobs
from shared.targets.bigquery.tables import Found, Ref


class Versions:
    """The versions of one table."""

    def __init__(self, jobs: Jobs, config: TableConfig, table: Ref) -> None:
        self._jobs = jobs
        self._config = config
        self._table = table

    def place(self, run_id: str) -> Ref:
        """Return where the version that a run left is kept."""
        return Ref(self._table.project, VERSIONS_SCHEMA, _plain(self._prefix() + run_id))

    def keep(self, state: TargetState, found: Found) -> None:
        """Keep the table as the last run left it, once.

        Whoever publishes from this state has kept the table before, by a job of the same id: so an
        attempt that stands still meanwhile copies nothing over it. What people changed in the table
        since makes the id another one.

        Args:
            state: the table's, which it still had after the table was found.
            found: the table.
        """
        from google.cloud.bigquery import CopyJobConfig

        tables.create_dataset(self._jobs, self._table.project, VERSIONS_SCHEMA)
        run_id = state.run_id or naming.NO_RUN
        copy = self.place(run_id)
        config = CopyJobConfig(write_disposition="WRITE_TRUNCATE", labels=self._jobs.labels)
        stem = f"sluice_keep_{self._config.name}_{run_id}_{state.epoch}_{found.modified_ms}"
        self._jobs.once(
            stem,
            lambda job_id: self._jobs.client.copy_table(
                self._table.api, copy.api, job_id=job_id, job_config=config
            ),
        )

    def forget(self) -> None:
        """Let the oldest versions beyond the limit go."""
        prefix = _plain(self._prefix())
        names = tables.names(self._jobs, self._table.project, VERSIONS_SCHEMA)
        kept = sorted(
            name
            for name in names
            if name.startswith(prefix) and naming.RUN_ID.fullmatch(name.removeprefix(prefix))
        )
        for name in kept[: -self._config.keep_versions]:
            tables.drop(self._jobs, Ref(self._table.project, VERSIONS_SCHEMA, name))

    def find(self, run_id: str) -> KeptVersion | None:
        """Return a version, with the table's key; None when it is not kept."""
        found = tables.find(self._jobs, self.place(run_id))
        return KeptVersion(schema=found.schema, rows=found.rows) if found else None

    def _prefix(self) -> str:
        return naming.version_prefix(self._config.name)


def _plain(name: str) -> str:
    """Return a version's name with characters that BigQuery takes."""
    return name.replace("@", "-").replace("~", "-")
