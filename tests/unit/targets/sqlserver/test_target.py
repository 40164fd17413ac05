"""The target's own connection: nobody is left holding one that cannot be used."""

from dataclasses import dataclass
from typing import Any, cast

import pytest

from shared.config.tables import ResolvedTable
from shared.errors import TargetUnavailableError
from shared.secrets import Secrets
from shared.targets.sqlserver import connection
from shared.targets.sqlserver.target import SqlServerTarget
from tests.builders import table_data

REACH = {"host": "db", "database": "d", "user": "u"}


@dataclass
class Broken:
    """A connection that breaks with its first statement."""

    is_open: bool = True

    def cursor(self) -> Any:
        """Break."""
        raise TargetUnavailableError("the server is gone")

    def rollback(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Be closed."""
        self.is_open = False


def test_connection_is_closed_where_the_server_cannot_be_asked_what_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    link = Broken()
    monkeypatch.setattr(connection, "connect", lambda *_: link)
    data = table_data(sqlserver={"table": "t"})
    del data["postgres"]
    given = {"environment": "test", "table": data, "connections": {"sqlserver": REACH}}
    resolved = ResolvedTable.model_validate(given)

    with pytest.raises(TargetUnavailableError):
        SqlServerTarget(resolved, cast(Secrets, None))

    assert not link.is_open
