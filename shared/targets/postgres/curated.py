"""Models in PostgreSQL: a SELECT's rows put in the place of those before, or merged into them.

A refresh is one transaction: readers see the rows before, until it commits.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from shared.config.curated import ResolvedModel
from shared.errors import InvalidConfigError
from shared.secrets import Secrets
from shared.targets.curated import Order, Refreshed
from shared.targets.postgres import catalog, connection, sql
from shared.targets.postgres.curated_refresh import Refreshing
from shared.targets.postgres.dialect import POSTGRES
from shared.targets.relational import bookkeeping


class PostgresModel:
    """One model in PostgreSQL, for one refresh."""

    def __init__(self, resolved: ResolvedModel, secrets: Secrets) -> None:
        reach, place = resolved.connections.postgres, resolved.model.place
        if reach is None:
            raise InvalidConfigError(f"model {resolved.model.name} needs connections.postgres")
        self._resolved = resolved
        self._name = resolved.model.name
        self._schema = place.schema_
        self._table = sql.qualified(place.schema_, place.table)
        self._address = reach.instance or f"{reach.host}:{reach.port}"
        self._connection = connection.connect(reach, secrets)

    def refresh(self, order: Order, confirm: Callable[[], None]) -> Refreshed:
        """Make the rows of the model what its SELECT says now, once, in one transaction."""
        self._prepare()
        with self._transaction() as cursor:
            return Refreshing(cursor, self._resolved, self._table).refresh(order, confirm)

    def close(self) -> None:
        """Close the connection."""
        connection.close(self._connection)

    def _prepare(self) -> None:
        """Make sure that there is a state row to lock, and a schema for the table; on its own."""
        with self._transaction() as cursor:
            bookkeeping.ensure(cursor, POSTGRES)
            POSTGRES.books.ensure_state(cursor, self._name)
            if not catalog.schema_exists(cursor, self._schema):
                cursor.execute(sql.create_schema(self._schema))

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        with connection.failures(self._address):
            cursor = self._connection.cursor()
            try:
                yield cursor
                self._connection.commit()
            except BaseException:
                self._connection.rollback()
                raise
