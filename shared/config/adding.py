"""A table that comes through the API: checked as those of the files are, against those there are.

It lives by what the files' tables made a deployment provide: connections, secrets, rights and data
sets. A table that needs more belongs in the files.
"""

from collections.abc import Sequence
from typing import Any

from shared.config import resolve, together
from shared.config.connections import Connections
from shared.config.documents import Document
from shared.config.tables import ResolvedTable, TableConfig
from shared.errors import InvalidConfigError

IN_FILES = "; put the table into the table files, so that a deployment provides it"


def added(
    data: dict[str, Any], deployed: Sequence[ResolvedTable], others: Sequence[ResolvedTable]
) -> ResolvedTable:
    """Return a table, validated and with the connections that it needs.

    Args:
        data: the table as in a table file.
        deployed: the tables of the files.
        others: all other tables, deployed ones included.

    Raises:
        InvalidConfigError: all that is wrong with it by itself, one line each; or it writes where
            another table does, refers to a table that is not there, or needs what nobody deployed.
    """
    problems: list[str] = []
    table = resolve.validated(TableConfig, Document(data, {(): "table"}), problems)
    if table is None:
        raise InvalidConfigError("\n".join(problems))
    if not deployed:
        raise InvalidConfigError(f"no table is deployed, and so are no connections{IN_FILES}")
    if lacking := _lacking(table, deployed):
        raise InvalidConfigError("\n".join(f"table: {each}{IN_FILES}" for each in lacking))
    resolved = ResolvedTable(
        environment=deployed[0].environment,
        table=table,
        connections=Connections.together(each.connections for each in deployed),
    )
    all_tables = [*(each for each in others if each.table.name != table.name), resolved]
    together.require_targets_of_their_own(all_tables)
    together.require_references(all_tables)
    return resolved


def _lacking(table: TableConfig, deployed: Sequence[ResolvedTable]) -> list[str]:
    """Return what the table needs that no deployed one has made a deployment provide."""
    tables = [each.table for each in deployed]
    lacking = []
    if table.snowflake and not any(each.snowflake for each in tables):
        lacking.append("no deployed table is read from Snowflake")
    if table.target_kind not in {each.target_kind for each in tables}:
        lacking.append(f"no deployed table has the target {table.target_kind}")
    if table.encryption and not any(each.encryption for each in tables):
        lacking.append("no deployed table is encrypted, so there is no key")
    if table.bigquery:
        of_target = [each for each in tables if each.bigquery]
        if table.place.schema_ not in {each.place.schema_ for each in of_target}:
            lacking.append(f"no deployed table is in the data set {table.place.schema_}")
        if table.is_reference and not any(each.is_reference for each in of_target):
            lacking.append("no deployed table of BigQuery keeps versions")
    return lacking
