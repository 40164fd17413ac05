"""A table's policy for drift, applied: what a run stages, and what the table gets before it.

The decisions are those of the SQL databases. Columns change outside of the publish's transaction,
in which BigQuery takes no such statement; each statement may be run again.
"""

from shared.config.tables import TableConfig
from shared.core.drift import Policy
from shared.core.manifests import Manifest
from shared.core.schemas import TableSchema
from shared.targets import fitting
from shared.targets.bigquery import columns, tables, types
from shared.targets.bigquery.dialect import COLUMNS
from shared.targets.bigquery.jobs import Jobs
from shared.targets.bigquery.tables import Found, Ref
from shared.targets.fitting import Fitting


class Drifting:
    """One table against the columns of a run."""

    def __init__(
        self, jobs: Jobs, config: TableConfig, table: Ref, last: TableSchema | None
    ) -> None:
        """Compare a table.

        Args:
            jobs: of the table.
            config: the table's.
            table: where it is.
            last: the schema of the last run that was published; None: unknown, so nothing is gone.
        """
        self._jobs = jobs
        self._config = config
        self._table = table
        self._last = last

    def fit(self, found: Found | None, schema: TableSchema) -> TableSchema:
        """Return what a run stages of a source's columns; change nothing.

        Raises:
            SchemaConflictError: the run could not be published, as things are.
        """
        return fitting.staged(COLUMNS, self._config, self.compare(found, schema), schema)

    def require(self, found: Found, schema: TableSchema) -> None:
        """Refuse a run that the table cannot take, or that the policy does not let through.

        Raises:
            SchemaConflictError: columns are missing, would alter values, or are gone.
        """
        fitting.require(COLUMNS, self._config, self.compare(found, schema))

    def evolve(self, manifest: Manifest) -> tuple[str, ...]:
        """Give an existing table the columns and the types that its policy allows; say which."""
        if self._config.drift is Policy.FREEZE:
            return ()
        found = tables.find(self._jobs, self._table)
        wanted = fitting.allowed(self._config, self.compare(found, manifest.schema))
        if not wanted.has_remedy:
            return ()
        if wanted.missing:
            # One statement: BigQuery takes five changes of a table in ten seconds.
            self._jobs.define(columns.add_columns(self._table.sql, wanted.missing))
        for column in wanted.narrow:
            existing = wanted.existing[column.name]
            self._jobs.define(columns.change_type(self._table.sql, column, existing))
        changed = (*wanted.missing, *wanted.narrow)
        return tuple(f"the table got {c.name} {types.type_name(c.type)}" for c in changed)

    def compare(self, found: Found | None, schema: TableSchema) -> Fitting:
        """Compare the table, if it is there, with the columns of a run, and those with the last."""
        existing = found.existing if found else {}
        last = self._last if found else None
        return fitting.compare(COLUMNS, self._config, self._table.sql, existing, schema, last=last)
