"""A table's policy for drift, applied: what a run stages, and what the table gets before it."""

from typing import Any

from shared.config.tables import TableConfig
from shared.core.drift import Policy
from shared.core.manifests import Manifest
from shared.core.schemas import TableSchema
from shared.targets import fitting
from shared.targets.fitting import Fitting
from shared.targets.relational import bookkeeping
from shared.targets.relational.changes import existing_columns
from shared.targets.relational.dialect import Dialect


class Drifting:
    """One table against the columns of a run, as one transaction sees it."""

    def __init__(self, cursor: Any, dialect: Dialect, config: TableConfig, table: str) -> None:
        self._cursor = cursor
        self._dialect = dialect
        self._config = config
        self._table = table

    def fit(self, schema: TableSchema) -> TableSchema:
        """Return what a run stages of a source's columns; change nothing.

        Raises:
            SchemaConflictError: the run could not be published, as things are.
        """
        return fitting.staged(self._dialect, self._config, self.compare(schema), schema)

    def evolve(self, manifest: Manifest) -> tuple[str, ...]:
        """Give an existing table the columns and the types that its policy allows; say which."""
        if self._config.drift is Policy.FREEZE or not self._lacks(manifest).has_remedy:
            return ()
        name = self._config.name
        bookkeeping.read_state(self._cursor, self._dialect, name, for_update=True)
        wanted = self._lacks(manifest)  # another run may have been faster
        for statement in fitting.statements(self._dialect, wanted):
            self._cursor.execute(statement)
        types = self._dialect.types
        changed = (*wanted.missing, *wanted.narrow)
        return tuple(f"the table got {c.name} {types.type_name(c.type)}" for c in changed)

    def compare(self, schema: TableSchema) -> Fitting:
        """Compare the table with the columns of a run, and those with the last run's."""
        existing = existing_columns(self._cursor, self._dialect, self._table)
        last = self.last() if existing else None
        return fitting.compare(
            self._dialect, self._config, self._table, existing, schema, last=last
        )

    def last(self) -> TableSchema | None:
        """Return the schema of the last run that was published; None: there is none, or unknown."""
        if not bookkeeping.is_there(self._cursor, self._dialect):
            return None
        found = bookkeeping.read_schemas(self._cursor, self._dialect, self._config.name)
        return found[-1].schema if found else None

    def _lacks(self, manifest: Manifest) -> Fitting:
        return fitting.allowed(self._config, self.compare(manifest.schema))
