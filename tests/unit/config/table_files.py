"""Table files as people write them, and how tests load them."""

from collections.abc import Callable
from pathlib import Path

from shared.config.tables import ResolvedTable, TableConfig

REPOSITORY = Path(__file__).parents[3]
SEED = REPOSITORY / "tests" / "data" / "seed_tables.yaml"

ENVIRONMENT = """\
connections:
  snowflake: {account: acme, user: SLUICE}
  postgres: {host: 127.0.0.1}
"""
TABLE = """\
tables:
  - name: flights
    snowflake: {database: NYC, schema: PUBLIC, table: FLIGHTS}
    postgres: {table: flights}
"""
FILES = """\
tables:
  - name: feedback
    csv: {}
    postgres: {table: feedback}
"""
TABLE_KEYS = ", ".join(sorted(TableConfig.model_fields))


Load = Callable[..., list[ResolvedTable]]


def begin_with(found: list[str], expected: list[str]) -> bool:
    """Compare whole lists of problems, each of them by how it begins."""
    return [f[: len(e)] for f, e in zip(found, expected, strict=True)] == expected
