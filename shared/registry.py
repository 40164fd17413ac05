"""Kinds by name, imported on demand: listing ten targets imports none of them."""

from importlib import import_module
from typing import Any

from shared.errors import InvalidConfigError

SOURCES = {"snowflake": "shared.sources.snowflake.source:SnowflakeSource"}
"""Where rows come from when a table is asked for. Files arrive by themselves (``ingest``)."""

TARGETS = {
    "postgres": "shared.targets.postgres.target:PostgresTarget",
    "bigquery": "shared.targets.bigquery.target:BigQueryTarget",
    "sqlserver": "shared.targets.sqlserver.target:SqlServerTarget",
}
"""Where rows go."""

MODELS = {"postgres": "shared.targets.postgres.curated:PostgresModel"}
"""Where models of the curated zone are refreshed."""


def resolve(kinds: dict[str, str], kind: str) -> Any:
    """Import and return the class registered for a kind.

    Raises:
        InvalidConfigError: no such kind; the message lists the known ones.
    """
    place = kinds.get(kind)
    if place is None:
        raise InvalidConfigError(f"unknown kind {kind!r}; known: {', '.join(sorted(kinds))}")
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
