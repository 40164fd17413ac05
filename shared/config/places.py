"""Where a table is in its source and goes in its target: names that each database takes."""

import unicodedata
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from shared.config.base import StrictModel, distinct
from shared.config.connections import BIGQUERY_PROJECT

BOOKKEEPING_SCHEMA = "_sluice"
"""The target's schema for what Sluice itself remembers."""

VERSIONS_SCHEMA = "bkp"
"""The target's schema for the versions of reference tables."""

TARGET_NAMES = {"postgres": "PostgreSQL", "sqlserver": "SQL Server", "bigquery": "BigQuery"}
"""Kinds of targets as people write them."""

MAX_POSTGRES_BYTES = 63
"""Source: PostgreSQL, "Identifiers and Key Words"."""

MAX_SQLSERVER_UNITS = 128
"""UTF-16 units. Source: SQL Server, "Database Identifiers"."""

MAX_BIGQUERY_BYTES = 1024
"""Source: BigQuery, "Create and use tables", table naming."""

BIGQUERY_CATEGORIES = ("L", "M", "N", "Pc", "Pd", "Zs")
"""Classes of characters in a name of a table or a column. Source: the same."""


def _postgres_name(name: str) -> str:
    if not 1 <= len(name.encode()) <= MAX_POSTGRES_BYTES:
        raise ValueError(f"{name!r} must have 1 to {MAX_POSTGRES_BYTES} bytes")
    return name


def _sqlserver_name(name: str) -> str:
    units = len(name.encode("utf-16-le", "surrogatepass")) // 2
    if not 1 <= units <= MAX_SQLSERVER_UNITS or "\x00" in name:
        raise ValueError(f"{name!r} must have 1 to {MAX_SQLSERVER_UNITS} characters")
    return name


def _bigquery_table(name: str) -> str:
    is_short = 1 <= len(name.encode("utf-8", "replace")) <= MAX_BIGQUERY_BYTES
    if not (is_short and all(_is_in_bigquery_name(character) for character in name)):
        raise ValueError(
            f"{name!r} is no table name in BigQuery: letters, digits, marks, _, dashes and spaces, "
            f"at most {MAX_BIGQUERY_BYTES} bytes"
        )
    return name


def _is_in_bigquery_name(character: str) -> bool:
    return unicodedata.category(character).startswith(BIGQUERY_CATEGORIES)


def _not_ours(schema: str) -> str:
    if schema == BOOKKEEPING_SCHEMA:
        raise ValueError(f"{schema} is where Sluice keeps its own tables; name another schema")
    return schema


ColumnNames = Annotated[list[str], AfterValidator(distinct)]
PostgresName = Annotated[str, AfterValidator(_postgres_name)]
SqlServerName = Annotated[str, AfterValidator(_sqlserver_name)]
BigQueryDataset = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,1024}$")]
BigQueryTableName = Annotated[str, AfterValidator(_bigquery_table)]


class SnowflakeTable(StrictModel):
    """Where a table is in Snowflake. Names are matched as written, case included."""

    database: str = Field(min_length=1, max_length=255)
    """As Snowflake writes it."""
    schema_: str = Field(min_length=1, max_length=255, alias="schema")
    """As Snowflake writes it."""
    table: str = Field(min_length=1, max_length=255)
    """As Snowflake writes it."""
    strategy: Literal["fetch", "unload"] = "fetch"
    """How a window is read that is more than one delivery reads. ``fetch``: cut into ranges of the
    key, each one query. ``unload``: Snowflake writes it into the staging bucket by one statement;
    see docs/unload.md.
    """


class PostgresTable(StrictModel):
    """Where a table goes in PostgreSQL."""

    schema_: Annotated[PostgresName, AfterValidator(_not_ours)] = Field(
        default="public", alias="schema"
    )
    """``ref`` for reference tables."""
    table: PostgresName
    """Made by the first run."""


class SqlServerTable(StrictModel):
    """Where a table goes in SQL Server."""

    schema_: Annotated[SqlServerName, AfterValidator(_not_ours)] = Field(
        default="dbo", alias="schema"
    )
    """``ref`` for reference tables."""
    table: SqlServerName
    """Made by the first run."""


class TimePartitions(StrictModel):
    """How a table is cut by the values of one column of dates or times."""

    column: str = Field(min_length=1)
    """A column of dates or times."""
    by: Literal["hour", "day", "month", "year"] = "day"
    """How long a partition is."""


class BigQueryTable(StrictModel):
    """Where a table goes in BigQuery, and how it is laid out there."""

    project: str | None = Field(default=None, pattern=BIGQUERY_PROJECT)
    """Absent: the project of the connection."""
    dataset: Annotated[BigQueryDataset, AfterValidator(_not_ours)]
    """``ref`` for reference tables, unless another is named."""
    table: BigQueryTableName
    """Made by the first run."""
    partition_by: TimePartitions | None = None
    """How the table is cut by a column of dates or times."""
    cluster_by: ColumnNames = Field(default_factory=list, max_length=4)
    """Columns by which rows are sorted within a partition; BigQuery takes four."""
    labels: dict[
        Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")],
        Annotated[str, Field(pattern=r"^[a-z0-9_-]{0,63}$")],
    ] = Field(default_factory=dict)
    """Labels of the table and of all jobs for it, to find their cost by."""
    load: Literal["auto", "uri", "upload"] = "auto"
    """``uri``: BigQuery reads the staged parts itself; ``upload``: the function sends them;
    ``auto``: the first where parts are not encrypted.
    """

    @property
    def schema_(self) -> str:
        """What other targets call a schema."""
        return f"{self.project}.{self.dataset}" if self.project else self.dataset
