"""Rows into SQL Server: as into any database with SQL and transactions."""

from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial

from shared.config.connections import SqlServerConnection
from shared.config.tables import ResolvedTable
from shared.core.schemas import TableSchema
from shared.errors import InvalidConfigError
from shared.secrets import Secrets
from shared.stage.objects import StagedObjects
from shared.targets.relational.target import Place, RelationalTarget, definition
from shared.targets.sqlserver import connection, utf8_facts
from shared.targets.sqlserver.dialect import SQLSERVER


class SqlServerTarget(RelationalTarget):
    """One table in SQL Server, for one step."""

    def __init__(
        self,
        resolved: ResolvedTable,
        secrets: Secrets,
        objects: StagedObjects | None = None,  # noqa: ARG002 - parts are sent, not fetched
    ) -> None:
        place, reach = _place(resolved)
        super().__init__(
            SQLSERVER, resolved.table, place, partial(connection.connect, reach, secrets)
        )
        try:
            with self._transaction() as cursor:
                cursor.execute(utf8_facts.PROBE)
                if cursor.fetchone()[0] == 1:
                    self._dialect = replace(SQLSERVER, facts=utf8_facts)
        except BaseException:
            self.close()  # nobody else has the target yet
            raise

    @classmethod
    def definition(cls, resolved: ResolvedTable, schema: TableSchema) -> str:
        """Return the statement that makes a table of these columns; nothing is asked for it."""
        return definition(SQLSERVER, _place(resolved)[0], schema)

    def close(self) -> None:
        """Close the connection."""
        connection.close(self._connection)

    def _failures(self) -> AbstractContextManager[None]:
        return connection.failures(self._place.address)

    def _roll_back(self) -> None:
        self._connection.rollback()


def _place(resolved: ResolvedTable) -> tuple[Place, SqlServerConnection]:
    table, reach = resolved.table.sqlserver, resolved.connections.sqlserver
    if table is None or reach is None:
        raise InvalidConfigError(f"table {resolved.table.name} has no sqlserver target")
    address = f"{reach.host}:{reach.port}"
    return Place(address=address, schema=table.schema_, table=table.table), reach
