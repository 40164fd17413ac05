"""What a table that is new or configured otherwise would meet at both ends, before it is deployed.

For whoever reads a plan: its columns and their types, the statement that would make it, what the
existing table could not hold, how many rows there are to read, what that costs. An end that cannot
be asked from here is named with the reason; a run would ask both again.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field

from shared import registry
from shared.config.tables import ResolvedTable
from shared.core.schemas import TableSchema
from shared.deploy import costs
from shared.deploy.costs import Cost
from shared.errors import InvalidConfigError, RetryableError, SluiceError, TargetRefusedError
from shared.wiring import Services

MAX_TABLES = 20
"""So many tables are looked at: each asks its source to count."""

NOT_ASKED = (InvalidConfigError, RetryableError, TargetRefusedError)
"""Failures that say nothing about the table, but about the way to one of its ends."""


@dataclass(slots=True, kw_only=True)
class Outlook:
    """What is known of one table; what is not has its reason in ``unknown``."""

    table: str
    columns: list[tuple[str, str, str]] = field(default_factory=list)
    """Name, type at the source, type that it is moved as; the source's is "" if it has none."""
    statement: str = ""
    """What makes the table, where it is not there yet."""
    is_there: bool | None = None
    """The table is in the target; None: nobody could look."""
    rows: int | None = None
    size_bytes: int | None = None
    cost: Cost | None = None
    refusals: list[str] = field(default_factory=list)
    """What a run would end with."""
    unknown: list[str] = field(default_factory=list)


def look(services: Services, tables: Iterable[ResolvedTable]) -> Iterator[Outlook]:
    """Look at both ends of some tables, and change nothing."""
    for number, resolved in enumerate(tables):
        found = Outlook(table=resolved.table.name)
        if number < MAX_TABLES:
            schema = _source(services, resolved, found)
            if schema:
                _target(services, resolved, schema, found)
        else:
            found.unknown.append(f"not looked at: only {MAX_TABLES} tables are")
        yield found


def _source(services: Services, resolved: ResolvedTable, found: Outlook) -> TableSchema | None:
    """Add what the source says; return the schema, if it is known."""
    table = resolved.table
    if table.is_of_files:
        found.unknown.append("rows: they come with the files (`sluice intake FILE` explains one)")
        return None
    try:
        with closing(services.source(resolved, run_id="plan")) as source:
            described = source.metadata()
            found.columns = [
                (c.name, described.source_types.get(c.name, ""), str(c.type))
                for c in described.schema
            ]
            found.rows, found.size_bytes = described.rows, described.size_bytes
            found.cost = costs.of(table, described.size_bytes or 0)
            window = source.window(table.sync_mode, None, table.lag)
            found.rows = source.extent(table.sync_mode, window).rows
    except NOT_ASKED as exc:
        found.unknown.append(f"source: {exc.message}")
        return None
    except SluiceError as exc:
        found.refusals.append(exc.message)
        return None
    return described.schema


def _target(
    services: Services, resolved: ResolvedTable, schema: TableSchema, found: Outlook
) -> None:
    """Add what the target says, and what makes the table there."""
    kind = registry.resolve(registry.TARGETS, resolved.table.target_kind)
    found.statement = kind.definition(resolved, schema)
    try:
        with closing(services.target(resolved)) as target:
            found.is_there = target.schema() is not None
            target.fit(schema)
    except NOT_ASKED as exc:
        found.unknown.append(f"target: {exc.message}")
    except SluiceError as exc:
        found.refusals.append(exc.message)
