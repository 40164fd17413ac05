"""Rows into SQL Server: as into any database with SQL and transactions."""

from contextlib import AbstractContextManager
from functools import partial

from shared.config.models import ResolvedTable
from shared.errors import InvalidConfigError
from shared.secrets import Secrets
from shared.stage.objects import StagedObjects
from shared.targets.relational.target import Place, RelationalTarget
from shared.targets.sqlserver import connection
from shared.targets.sqlserver.dialect import SQLSERVER


class SqlServerTarget(RelationalTarget):
    """One table in SQL Server, for one step."""

    def __init__(
        self,
        resolved: ResolvedTable,
        secrets: Secrets,
        objects: StagedObjects | None = None,  # noqa: ARG002 - parts are sent, not fetched
    ) -> None:
        table, reach = resolved.table.sqlserver, resolved.connections.sqlserver
        if table is None or reach is None:
            raise InvalidConfigError(f"table {resolved.table.name} has no sqlserver target")
        place = Place(address=f"{reach.host}:{reach.port}", schema=table.schema_, table=table.table)
        super().__init__(
            SQLSERVER, resolved.table, place, partial(connection.connect, reach, secrets)
        )

    def close(self) -> None:
        """Close the connection."""
        connection.close(self._connection)

    def _failures(self) -> AbstractContextManager[None]:
        return connection.failures(self._place.address)

    def _roll_back(self) -> None:
        self._connection.rollback()
