"""What a table file and an environment may say; pydantic does the checking.

Every key here is documented in docs/tables.md. Unknown keys are errors.
"""

import codecs
import unicodedata
from datetime import timedelta
from typing import Annotated, Any, Literal, Self, get_args
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from shared.config import schedule as schedules
from shared.config.checks import Check, ColumnRules, require_own_titles
from shared.config.connections import BIGQUERY_PROJECT
from shared.config.connections import BigQueryConnection as BigQueryConnection
from shared.config.connections import Connections as Connections
from shared.config.connections import Model as Model
from shared.config.connections import PostgresConnection as PostgresConnection
from shared.config.connections import SnowflakeConnection as SnowflakeConnection
from shared.config.connections import SqlServerConnection as SqlServerConnection
from shared.config.durations import MAX_DURATION as MAX_DURATION
from shared.config.durations import Duration
from shared.core import naming
from shared.core.drift import Policy
from shared.core.fidelity import Consent
from shared.core.modes import SyncMode
from shared.core.schemas import DataType
from shared.errors import InvalidSchemaError

TARGETS = ("postgres", "sqlserver", "bigquery")
"""Keys that name a target."""

BOOKKEEPING_SCHEMA = "_sluice"
"""The target's schema for what Sluice itself remembers."""

MAX_POSTGRES_BYTES = 63
"""Source: PostgreSQL, "Identifiers and Key Words"."""

MAX_SQLSERVER_UNITS = 128
"""UTF-16 units. Source: SQL Server, "Database Identifiers"."""

MAX_BIGQUERY_BYTES = 1024
"""Source: BigQuery, "Create and use tables", table naming."""

_BIGQUERY_CATEGORIES = ("L", "M", "N", "Pc", "Pd", "Zs")
"""Classes of characters in a table's name. Source: the same."""

_COMPRESSIONS = Literal["zstd", "lz4", "gzip", "snappy", "none"]


def _switch(value: Any) -> Any:
    return {True: "zstd", False: "none"}[value] if isinstance(value, bool) else value


def _column_type(text: str) -> str:
    try:
        DataType.parse(text)
    except InvalidSchemaError as exc:
        # Within {…} YAML parts decimal(5,2) at the comma.
        cut = "" if text.count("(") == text.count(")") else "; put it in quotes: 'decimal(5,2)'"
        raise ValueError(f"{exc.message}{cut}") from exc
    return text


def _encoding(name: str) -> str:
    try:
        codecs.lookup(name)
    except (LookupError, ValueError) as exc:
        raise ValueError(f"{name!r} is no encoding; write one like utf-8 or cp1252") from exc
    return name


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as exc:
        raise ValueError(f"{name!r} is not a time zone; write one like Europe/Berlin") from exc
    return name


def _time_pattern(text: str) -> str:
    if "%" not in text:
        raise ValueError(f"{text!r} names no part of a date; write it like %d.%m.%Y %H:%M:%S")
    return text


def _distinct(names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        raise ValueError("names a column twice")
    return names


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
    return unicodedata.category(character).startswith(_BIGQUERY_CATEGORIES)


def _not_ours(schema: str) -> str:
    if schema == BOOKKEEPING_SCHEMA:
        raise ValueError(f"{schema} is where Sluice keeps its own tables; name another schema")
    return schema


Compression = Annotated[
    _COMPRESSIONS,
    BeforeValidator(_switch),
    WithJsonSchema({"enum": [True, False, *get_args(_COMPRESSIONS)]}),
]
ColumnType = Annotated[str, AfterValidator(_column_type)]
Encoding = Annotated[str, AfterValidator(_encoding)]
TimePattern = Annotated[str, AfterValidator(_time_pattern)]
TimeZone = Annotated[str, AfterValidator(_zone)]
PostgresName = Annotated[str, AfterValidator(_postgres_name)]
SqlServerName = Annotated[str, AfterValidator(_sqlserver_name)]
BigQueryDataset = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,1024}$")]
BigQueryTableName = Annotated[str, AfterValidator(_bigquery_table)]


class SnowflakeTable(Model):
    """Where a table is in Snowflake. Names are matched as written, case included."""

    database: str = Field(min_length=1, max_length=255)
    schema_: str = Field(min_length=1, max_length=255, alias="schema")
    table: str = Field(min_length=1, max_length=255)


class CsvFiles(Model):
    """How files dropped under ``landing/<table>/`` are read; what is absent is found in them."""

    encoding: Encoding | None = None
    delimiter: str | None = Field(default=None, min_length=1, max_length=16)
    quote: str | None = Field(default=None, max_length=1)
    """The character around fields; empty: fields are never quoted."""
    escape: str | None = Field(default=None, max_length=1)
    """The character that makes the next one plain; empty: there is none."""
    header_rows: int | None = Field(default=None, ge=0, le=8)
    skip_lines: int | None = Field(default=None, ge=0)
    """Lines before the header."""
    comment: str | None = Field(default=None, min_length=1)
    """Lines that start with this are no rows."""
    trailer: str | None = Field(default=None, min_length=1)
    """How the last line starts if it counts the rows."""
    null: list[str] = Field(default_factory=lambda: [""])
    decimal: str | None = Field(default=None, min_length=1, max_length=1)
    """The mark between whole and fraction."""
    thousands: str | None = Field(default=None, min_length=1, max_length=1)
    """The mark between groups of three digits."""
    formats: dict[str, TimePattern] = Field(default_factory=dict)
    """Column names with the one pattern of their dates or times, such as ``%d.%m.%Y``."""
    time_zone: TimeZone | None = None
    """Where times without an offset are, in columns of type timestamptz."""
    columns: dict[str, ColumnType] | None = None
    """Column names in the target with their types; absent: inferred from the whole first file."""
    max_reject_percent: float = Field(default=10.0, ge=0, le=100)
    """A file with a larger share of rejected rows than this is quarantined as a whole."""
    max_rejects: int | None = Field(default=None, ge=0)
    """So is a file with more rejected rows than this."""
    on_duplicate: Literal["skip", "load", "fail"] = "skip"
    """What to do with a file whose content was loaded before under another name or generation."""


class PostgresTable(Model):
    """Where a table goes in PostgreSQL."""

    schema_: Annotated[PostgresName, AfterValidator(_not_ours)] = Field(
        default="public", alias="schema"
    )
    table: PostgresName


class SqlServerTable(Model):
    """Where a table goes in SQL Server."""

    schema_: Annotated[SqlServerName, AfterValidator(_not_ours)] = Field(
        default="dbo", alias="schema"
    )
    table: SqlServerName


class TimePartitions(Model):
    """How a table is cut by the values of one column of dates or times."""

    column: str = Field(min_length=1)
    by: Literal["hour", "day", "month", "year"] = "day"


class BigQueryTable(Model):
    """Where a table goes in BigQuery, and how it is laid out there."""

    project: str | None = Field(default=None, pattern=BIGQUERY_PROJECT)
    """Absent: the project of the connection."""
    dataset: Annotated[BigQueryDataset, AfterValidator(_not_ours)]
    table: BigQueryTableName
    partition_by: TimePartitions | None = None
    cluster_by: Annotated[list[str], AfterValidator(_distinct)] = Field(
        default_factory=list, max_length=4
    )
    """Columns by which rows are sorted within a partition; BigQuery takes four."""
    labels: dict[
        Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")],
        Annotated[str, Field(pattern=r"^[a-z0-9_-]{0,63}$")],
    ] = Field(default_factory=dict)
    """Labels of the table and of all jobs for it, to find their cost by."""
    load: Literal["auto", "uri", "upload"] = "auto"
    """``uri``: BigQuery reads the staged parts itself; ``upload``: the function sends them;
    ``auto``: the first where parts are not encrypted."""

    @property
    def schema_(self) -> str:
        """What other targets call a schema."""
        return f"{self.project}.{self.dataset}" if self.project else self.dataset


class Guard(Model):
    """What a full load must not do to a table that people read."""

    min_rows: int = Field(default=0, ge=0)
    """Fewer rows than this stop the run before anything is published."""
    max_shrink_percent: float = Field(default=50.0, ge=0, le=100)
    """Losing a larger share of the table's rows stops the run before anything is published."""


class Deletes(Model):
    """How rows that are gone from the source go from the target: by comparing all keys."""

    mode: Literal["hard", "soft"]
    """Delete the row, or keep it and set its ``_deleted_at``."""
    max_percent: float = Field(default=10.0, ge=0, le=100)
    """A larger share of the table's rows gone at once stops the run before it is published."""


class FreshnessPromise(Model):
    """How old a table may become, and for what share of the time that is promised."""

    max_age: Duration
    """Since the newest run that committed, or that had nothing to move."""
    objective_percent: float = Field(default=99.0, ge=50, lt=100)


class TableConfig(Model):
    """One table: where its rows come from, where they go, how and when."""

    name: str
    snowflake: SnowflakeTable | None = None
    csv: CsvFiles | None = None
    postgres: PostgresTable | None = None
    sqlserver: SqlServerTable | None = None
    bigquery: BigQueryTable | None = None
    kind: Literal["ordinary", "reference"] = "ordinary"
    """``reference``: the target keeps what a full load replaces; the default schema is ``ref``."""
    keep_versions: int = Field(default=5, ge=1, le=100)
    """How many replaced versions of a reference table the target keeps."""
    sync_mode: SyncMode = SyncMode.FULL
    incremental_column: str | None = None
    primary_key: Annotated[list[str], AfterValidator(_distinct)] | None = None
    """Columns that identify a row; absent: the key that the source declares, [] for none."""
    lag: Duration = timedelta(0)
    """How late a row may commit: a merge re-reads that much, an append waits that long."""
    null_cursor: Literal["fail", "skip", "include"] | None = None
    """Rows whose cursor is NULL; absent: a merge includes them, an append fails on them."""
    schedule: str = schedules.MANUAL
    time_zone: TimeZone = "UTC"
    encryption: bool = False
    compression: Compression = "zstd"
    guard: Guard = Guard()
    deletes: Deletes | None = None
    """Absent: rows that are gone from the source stay, until a full load."""
    freshness: FreshnessPromise | None = None
    """Absent: a table with a schedule may miss one slot."""
    drift: Policy = Policy.FREEZE
    """What happens when the source's columns are not what the target's table can hold."""
    accept: dict[str, list[Consent]] = Field(default_factory=dict)
    """Columns of the target, with the alterations of their values that the table consents to."""
    checks: list[Check] = Field(default_factory=list)
    """What the rows of a run must be like."""
    columns: dict[str, ColumnRules] = Field(default_factory=dict)
    """What is special about columns of the target."""
    read_back_percent: float = Field(default=0.0, ge=0, le=100)
    """Share of the runs whose rows are read back before the publish, and compared one by one."""
    part_bytes: int = Field(default=64 * 2**20, ge=2**16, le=2**30)
    """Uncompressed Arrow bytes after which a Parquet part is closed."""

    @model_validator(mode="before")
    @classmethod
    def _reference_data_has_a_schema(cls, data: Any) -> Any:
        if not isinstance(data, dict) or data.get("kind") != "reference":
            return data
        places = {kind: data[kind] for kind in TARGETS if isinstance(data.get(kind), dict)}
        return data | {
            kind: {"dataset" if kind == "bigquery" else "schema": "ref", **place}
            for kind, place in places.items()
        }

    @field_validator("name")
    @classmethod
    def _plain_name(cls, name: str) -> str:
        if not naming.TABLE_NAME.fullmatch(name):
            raise ValueError(
                f"{name!r} is not a table name: lower-case letters, digits and _, a letter "
                "first, at most 63"
            )
        return name

    @field_validator("schedule")
    @classmethod
    def _known_schedule(cls, value: str) -> str:
        if value != schedules.MANUAL:
            schedules.cron(value)
        return value

    @model_validator(mode="after")
    def _one_source_one_target(self) -> Self:
        if (self.snowflake is None) == (self.csv is None):
            raise ValueError("give exactly one source: snowflake, or csv ({} for its defaults)")
        if sum(getattr(self, kind) is not None for kind in TARGETS) != 1:
            raise ValueError(f"give exactly one target: {', '.join(TARGETS[:-1])} or {TARGETS[-1]}")
        return self

    @model_validator(mode="after")
    def _bigquery_can_read_the_parts(self) -> Self:
        if self.bigquery and self.bigquery.load == "uri" and self.encryption:
            raise ValueError(
                "bigquery.load uri lets BigQuery read the staged parts itself, and it cannot open "
                "parts that are encrypted with our own keys; write load: auto, or encryption: false"
            )
        return self

    @model_validator(mode="after")
    def _mode_has_what_it_needs(self) -> Self:
        if self.snowflake and self.sync_mode is not SyncMode.FULL and not self.incremental_column:
            raise ValueError(f"sync_mode {self.sync_mode} needs incremental_column")
        if self.sync_mode is SyncMode.INCREMENTAL and self.primary_key == []:
            raise ValueError("sync_mode incremental needs a primary_key")
        if self.sync_mode is SyncMode.APPEND and self.null_cursor == "include":
            raise ValueError(
                "null_cursor include would append the same rows in every run; use skip"
            )
        return self

    @model_validator(mode="after")
    def _reference_data_is_replaced(self) -> Self:
        if self.kind == "reference" and self.sync_mode is not SyncMode.FULL:
            raise ValueError(f"kind reference is for sync_mode full, not {self.sync_mode}")
        return self

    @model_validator(mode="after")
    def _deletes_compare_keys(self) -> Self:
        if self.deletes and self.csv:
            raise ValueError("deletes compares the keys of a whole table; a file is only a part")
        if self.deletes and self.sync_mode is not SyncMode.INCREMENTAL:
            raise ValueError(
                f"deletes is for sync_mode incremental: {self.sync_mode} "
                + ("removes rows anyway" if self.sync_mode is SyncMode.FULL else "only adds rows")
            )
        return self

    @model_validator(mode="after")
    def _checks_have_titles_of_their_own(self) -> Self:
        require_own_titles(self.checks)
        return self

    @model_validator(mode="after")
    def _files_move_by_themselves(self) -> Self:
        if self.csv and self.sync_mode is SyncMode.INCREMENTAL and not self.primary_key:
            raise ValueError("sync_mode incremental of files needs primary_key")
        if self.csv and self.schedule != schedules.MANUAL:
            raise ValueError("a table of files has no schedule: it moves when a file is dropped")
        if self.csv and self.incremental_column:
            raise ValueError("a table of files has no incremental_column: each file is read whole")
        columns = self.csv.columns if self.csv else None
        if columns and not set(self.primary_key or ()) <= columns.keys():
            raise ValueError(f"primary_key names no column; csv.columns has {', '.join(columns)}")
        return self

    @property
    def sensitive(self) -> frozenset[str]:
        """Columns whose values are masked wherever rows are shown."""
        return frozenset(name for name, rules in self.columns.items() if rules.sensitive)

    def accepts(self, column: str, consent: Consent) -> bool:
        """Say whether values of a column may be altered in a way."""
        return consent in self.accept.get(column, ())

    def mode_of_run(self, asked: SyncMode | None) -> SyncMode:
        """Return the mode of a run: the table's own, or a full read if that is asked for.

        Raises:
            ValueError: any other mode would read another window than the table's.
        """
        if asked in (None, self.sync_mode, SyncMode.FULL):
            return asked or self.sync_mode
        others = f"{self.sync_mode} or full" if self.sync_mode is not SyncMode.FULL else "full"
        raise ValueError(f"a run of {self.name} is {others}, not {asked}")

    def require_backfill(self) -> None:
        """Make sure that a part of the table can be read again.

        Raises:
            ValueError: it cannot, and why.
        """
        if self.csv:
            raise ValueError(f"{self.name} comes from files; drop them again instead")
        if self.sync_mode is SyncMode.APPEND:
            raise ValueError(
                f"a backfill of {self.name} would add rows that are there already: append has no "
                "key to tell. Give it a primary_key and sync_mode incremental"
            )
        if self.sync_mode is SyncMode.FULL:
            raise ValueError(f"each run of {self.name} reads all of it: `sluice run {self.name}`")

    @property
    def source_kind(self) -> str:
        """The registered kind of source."""
        return "snowflake" if self.snowflake else "csv"

    @property
    def target_kind(self) -> str:
        """The registered kind of target."""
        return next(kind for kind in TARGETS if getattr(self, kind))

    @property
    def place(self) -> PostgresTable | SqlServerTable | BigQueryTable:
        """Where the table goes in its target."""
        place = self.postgres or self.sqlserver or self.bigquery
        if place is None:
            raise ValueError(f"table {self.name} has no target")
        return place


class ResolvedTable(Model):
    """A table with the connections that it needs: what the config bucket holds, one per table."""

    environment: str
    table: TableConfig
    connections: Connections


class EnvironmentFile(Model):
    """``config/environments/<name>.yaml``: connections, and overrides of single tables."""

    connections: Connections = Connections()
    tables: dict[str, dict[str, Any]] = Field(default_factory=dict)


class TablesFile(Model):
    """``config/tables.yaml``: the list of tables."""

    tables: list[TableConfig] = Field(default_factory=list)
