"""A table proposed from what Snowflake says of it: its key, its cursor, a target; nothing is read.

A proposal is for people to look at: what it guesses it says, with the reason.
"""

import re
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from shared.config.adding import IN_FILES
from shared.config.connections import Connections
from shared.config.store import Origin
from shared.config.tables import ResolvedTable, TableConfig
from shared.core import naming
from shared.core.schemas import Column, Kind, TableSchema
from shared.errors import InvalidConfigError
from shared.sources.base import TableMetadata
from shared.wiring import Services

CURSOR_NAME = re.compile(r"(updated|modified|changed|last_?mod|loaded|synced)", re.IGNORECASE)
"""Names of columns that are mostly set whenever a row is written."""

CURSOR_KINDS = (Kind.TIMESTAMP, Kind.TIMESTAMPTZ)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which table of Snowflake is to be moved, and how it is to be called."""

    database: str
    schema: str
    table: str
    name: str = ""
    """Empty: the nearest to the source's that a table may have."""
    target: str = ""
    """Kind of target; empty: that of most tables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A table as a table file would say it, what it was made from, and why it is so."""

    config: dict[str, Any]
    described: TableMetadata
    notes: tuple[str, ...]


def propose(services: Services, wanted: Wanted) -> Proposal:
    """Return a table for what Snowflake has under a name.

    Raises:
        InvalidConfigError: no deployed table is read from Snowflake, or goes into such a target.
        SourceRefusedError: there is no such table, or the role may not see it.
    """
    name = wanted.name or naming.nearest_table_name(wanted.table)
    deployed = _deployed(services)
    place = {"database": wanted.database, "schema": wanted.schema, "table": wanted.table}
    target = _target(wanted, name, deployed)
    config: dict[str, Any] = {"name": name, "snowflake": place, **target}
    resolved = ResolvedTable(
        environment=deployed[0].environment,
        table=TableConfig.model_validate(config),
        connections=Connections.together(each.connections for each in deployed),
    )
    with closing(services.source(resolved, run_id="metadata")) as source:
        described = source.metadata()
    how, notes = _how(described.schema)
    return Proposal(config={**config, **how}, described=described, notes=tuple(notes))


def _deployed(services: Services) -> list[ResolvedTable]:
    names = (n for n, origin in services.config.origins().items() if origin is Origin.FILES)
    deployed = [services.config.get(name)[0] for name in names]
    if not any(each.table.snowflake for each in deployed):
        raise InvalidConfigError(f"no deployed table is read from Snowflake{IN_FILES}")
    return deployed


def _target(wanted: Wanted, name: str, deployed: list[ResolvedTable]) -> dict[str, Any]:
    """Return where the table would go: beside most of the tables there are."""
    kinds = Counter(each.table.target_kind for each in deployed)
    kind = wanted.target or kinds.most_common(1)[0][0]
    like = next((each.table for each in deployed if each.table.target_kind == kind), None)
    if like is None:
        raise InvalidConfigError(f"no deployed table has the target {kind}{IN_FILES}")
    schema = like.place.schema_
    folder = "dataset" if kind == "bigquery" else "schema"
    return {kind: {folder: schema, "table": name}}


def _how(schema: TableSchema) -> tuple[dict[str, Any], list[str]]:
    """Return how rows would move, and why."""
    key, cursors = list(schema.primary_key), _cursors(schema)
    notes = []
    if key:
        notes.append(f"primary_key: declared at the source, which does not enforce it: {key}")
    else:
        notes.append("sync_mode full: the source declares no key to merge by")
    if not cursors:
        notes.append("sync_mode full: no column looks like the time of a row's last change")
    if not (key and cursors):
        return {"sync_mode": "full", "schedule": "daily"}, notes
    cursor = cursors[0].name
    others = ", ".join(column.name for column in cursors[1:])
    notes.append(
        f"incremental_column {cursor}: a time, and named like one that is set by every change; "
        f"make sure that it is{f'. Others like it: {others}' if others else ''}"
    )
    how = {"incremental_column": cursor, "primary_key": key, "schedule": "hourly"}
    return {"sync_mode": "incremental", **how}, notes


def _cursors(schema: TableSchema) -> list[Column]:
    return [c for c in schema if c.type.kind in CURSOR_KINDS and CURSOR_NAME.search(c.name)]
