"""Rows into PostgreSQL: as into any database, and straight into a table that only grows."""

from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from shared.config.connections import PostgresConnection
from shared.config.tables import ResolvedTable
from shared.core.drift import Policy
from shared.core.manifests import Manifest
from shared.core.schemas import TableSchema
from shared.errors import (
    IntegrityError,
    InvalidConfigError,
    TargetRefusedError,
    ValueNotRepresentableError,
)
from shared.secrets import Secrets
from shared.stage.objects import StagedObjects
from shared.targets.base import Outcome, Published, ReadPart
from shared.targets.postgres import connection
from shared.targets.postgres.arrivals import Arrival
from shared.targets.postgres.dialect import POSTGRES
from shared.targets.relational import bookkeeping
from shared.targets.relational.target import Place, RelationalTarget, definition


class _RefusedError(Exception):
    """Rolls back a transaction that must not be published."""

    def __init__(self, published: Published) -> None:
        super().__init__(published.reason)
        self.published = published


class PostgresTarget(RelationalTarget):
    """One table in PostgreSQL, for one step."""

    def __init__(
        self,
        resolved: ResolvedTable,
        secrets: Secrets,
        objects: StagedObjects | None = None,  # noqa: ARG002 - parts are sent, not fetched
    ) -> None:
        place, reach = _place(resolved)
        super().__init__(
            POSTGRES, resolved.table, place, partial(connection.connect, reach, secrets)
        )

    @classmethod
    def definition(cls, resolved: ResolvedTable, schema: TableSchema) -> str:
        """Return the statement that makes a table of these columns; nothing is asked for it."""
        return definition(POSTGRES, _place(resolved)[0], schema)

    def publish_directly(self, manifest: Manifest, read: ReadPart) -> Published | None:
        """Copy all parts into the table and make them visible, in one transaction, if possible.

        The fence is locked last, so that nobody waits while rows are copied.
        """
        self._prepare()
        try:
            with self._transaction() as cursor:
                publishing = self._publishing(cursor, manifest)
                before = bookkeeping.read_state(cursor, POSTGRES, self._name)
                if refusal := publishing.refusal(before):
                    return refusal
                arrival = Arrival(cursor, self._config, self._table, manifest)
                if not arrival.is_possible() or self._is_frozen(cursor, manifest):
                    return None
                record = arrival.copy(read)
                proof = arrival.prove()
                state = bookkeeping.read_state(cursor, POSTGRES, self._name, for_update=True)
                if refusal := publishing.refusal(state):
                    raise _RefusedError(refusal)
                arrival.require_unchanged(before, state)
                bookkeeping.record(cursor, POSTGRES, self._name, manifest, state, record)
        except _RefusedError as exc:
            return exc.published
        except (IntegrityError, TargetRefusedError, ValueNotRepresentableError):
            self._reconnect()
            return None
        return Published(outcome=Outcome.COMMITTED, record=record, proof=proof)

    def close(self) -> None:
        """Close the connection."""
        connection.close(self._connection)

    def _is_frozen(self, cursor: Any, manifest: Manifest) -> bool:
        """Say whether a column is gone that the table's policy does not let go."""
        is_bound = self._config.drift is Policy.FREEZE and not manifest.rewind
        return is_bound and bool(self._drifting(cursor).compare(manifest.schema).gone)

    def _failures(self) -> AbstractContextManager[None]:
        return connection.failures(self._place.address)

    def _roll_back(self) -> None:
        from pg8000.exceptions import Error

        try:
            self._connection.rollback()
        except (Error, OSError):
            # A COPY that broke off leaves a connection that only closing helps.
            connection.close(self._connection)

    def _reconnect(self) -> None:
        connection.close(self._connection)
        self._connection = self._connect()


def _place(resolved: ResolvedTable) -> tuple[Place, PostgresConnection]:
    table, reach = resolved.table.postgres, resolved.connections.postgres
    if table is None or reach is None:
        raise InvalidConfigError(f"table {resolved.table.name} has no postgres target")
    address = reach.instance or f"{reach.host}:{reach.port}"
    return Place(address=address, schema=table.schema_, table=table.table), reach
