"""Versions of reference tables: what a load replaces is kept in the schema ``bkp``, for a while.

A version is a table of its own there: the table's name, ``@``, the run that left it.
"""

from typing import Any

from shared.config.places import VERSIONS_SCHEMA
from shared.config.tables import TableConfig
from shared.core import naming
from shared.core.manifests import Manifest
from shared.core.schemas import TableSchema
from shared.errors import RewindError
from shared.targets.base import KeptVersion
from shared.targets.relational.dialect import Dialect
from shared.targets.relational.reading import columns_of
from shared.targets.relational.staging import Staging


class Versions:
    """The versions of one table, as one transaction sees them."""

    def __init__(self, cursor: Any, dialect: Dialect, config: TableConfig, table: str) -> None:
        self._cursor = cursor
        self._dialect = dialect
        self._config = config
        self._table = table

    def keep(self, run_id: str | None) -> None:
        """Keep the table as a run left it, and let the oldest versions beyond the limit go.

        Args:
            run_id: the run; None: the table was there before the first one.
        """
        if not self._dialect.catalog.exists(self._cursor, self._table):
            return
        # Two that create tables and then list them could wait for each other.
        self._dialect.books.lock(self._cursor)
        sql, copy = self._dialect.sql, self._place(run_id or naming.NO_RUN)
        self._cursor.execute(sql.drop(copy))
        self._cursor.execute(sql.copy_table(self._table, copy))
        for old in self._run_ids()[: -self._config.keep_versions]:
            self._cursor.execute(sql.drop(self._place(old)))

    def find(self, run_id: str) -> KeptVersion | None:
        """Return a version, with the table's key; None when it is not kept."""
        place = self._place(run_id)
        columns = columns_of(self._cursor, self._dialect, place)
        if not columns:
            return None
        names = {column.name for column in columns}
        key = self._dialect.catalog.primary_key(self._cursor, self._table)
        self._cursor.execute(self._dialect.sql.count(place))
        rows = int(self._cursor.fetchone()[0])
        return KeptVersion(
            schema=TableSchema(columns, key if names.issuperset(key) else ()), rows=rows
        )

    def restage(self, manifest: Manifest) -> None:
        """Copy a version into the staging table of the rewind that goes back to it, once.

        Raises:
            NotStagedError: the staging table is gone.
            RewindError: the version is not kept any more.
        """
        rewind = manifest.rewind
        staging = Staging(self._cursor, self._dialect, manifest)
        if rewind is None or not staging.claim(rewind.kept_name):
            return
        staging.require(staging.rows_table)
        place = self._place(rewind.run_id)
        if not self._dialect.catalog.exists(self._cursor, place):
            raise RewindError(
                f"the version of run {rewind.run_id} of {self._config.name} is not kept any more; "
                "choose a later one, or rewind to a run whose parts are kept"
            )
        columns = list(manifest.schema)
        insert = self._dialect.sql.insert_all(staging.rows_table, place, columns, {})
        self._cursor.execute(insert)
        staging.settle(rewind.kept_name)

    def _run_ids(self) -> list[str]:
        """Return the runs whose versions are kept, oldest first."""
        prefix = naming.version_prefix(self._config.name)
        names = self._dialect.catalog.tables(self._cursor, VERSIONS_SCHEMA)
        return sorted(name.removeprefix(prefix) for name in names if name.startswith(prefix))

    def _place(self, run_id: str) -> str:
        return self._dialect.sql.qualified(
            VERSIONS_SCHEMA, naming.version_table(self._config.name, run_id)
        )
