"""What a table file and an environment may say; pydantic does the checking.

Every key here is documented in docs/tables.md. Unknown keys are errors.
"""

from typing import Any, Literal, Self

from pydantic import Field, StrictBool, ValidationInfo, field_validator, model_validator

from shared.config import schedule as schedules
from shared.config.base import StrictModel
from shared.config.checks import Check, require_own_titles
from shared.config.connections import Connections
from shared.config.csv_files import CsvFiles
from shared.config.keeping import Retention
from shared.config.places import (
    BigQueryTable,
    ColumnNames,
    PostgresTable,
    SnowflakeTable,
    SqlServerTable,
)
from shared.config.protection import ColumnRules, require_protectable
from shared.config.rules import Compression, Deletes, FreshnessPromise, Guard
from shared.config.times import Duration, TimeZone
from shared.core import naming
from shared.core.drift import Policy
from shared.core.fidelity import Consent
from shared.core.modes import SyncMode
from shared.core.protection import KEYED, Protection, Rule

SOURCES = ("snowflake", "csv")
"""Keys that name a source; rows of all but ``csv`` come when they are asked for."""

TARGETS = ("postgres", "sqlserver", "bigquery")
"""Keys that name a target."""


class TableConfig(StrictModel):
    """One table: where its rows come from, where they go, how and when."""

    name: str
    """Lower-case letters, digits and ``_``; also the landing folder and the Scheduler job."""
    snowflake: SnowflakeTable | None = None
    """Source: a table in Snowflake; exactly one of ``snowflake`` and ``csv``."""
    csv: CsvFiles | None = None
    """Source: files dropped under ``<name>/`` in the landing bucket; ``{}`` for all defaults."""
    postgres: PostgresTable | None = None
    """Target: a table in PostgreSQL; exactly one of ``postgres``, ``sqlserver`` and ``bigquery``.
    """
    sqlserver: SqlServerTable | None = None
    """Target: a table in SQL Server."""
    bigquery: BigQueryTable | None = None
    """Target: a table in BigQuery."""
    kind: Literal["ordinary", "reference"] = "ordinary"
    """``reference``: the target keeps what a full load replaces, and the default schema or dataset
    is ``ref``; see docs/targets.md.
    """
    keep_versions: int = Field(default=5, ge=1, le=100)
    """How many replaced versions of a reference table the target keeps."""
    sync_mode: SyncMode = SyncMode.FULL
    """``full``: the rows of a run are the table. ``incremental``: rows are merged by key.
    ``append``: rows are added.
    """
    incremental_column: str | None = None
    """The cursor: a timestamp, a date or a whole number; needed by ``incremental`` and ``append``
    from Snowflake. Without an offset (``TIMESTAMP_NTZ``) it must be written in UTC.
    """
    primary_key: ColumnNames | None = None
    """Columns that identify a row; absent: the key that the source declares, [] for none."""
    lag: Duration | None = None
    """How late a row may commit: ``90s``, ``15m``, ``2h``, ``1d``. A merge reads that far behind
    its watermark again, an append stays that far behind the clock. Absent: ``10s`` for a merge by
    time, nothing for an append, which then needs a source that is at rest while it is read.
    """
    null_cursor: Literal["fail", "skip", "include"] | None = None
    """Rows whose cursor is NULL: ``fail``, ``skip``, and for a merge ``include``; absent: a merge
    includes them, an append fails on them.
    """
    schedule: str = schedules.MANUAL
    """``hourly``, ``daily`` (03:00), five cron fields, or ``manual``."""
    time_zone: TimeZone = "UTC"
    """The time zone of the schedule."""
    encryption: StrictBool = False
    """Encrypt staged parts before they leave the function; see [encryption](encryption.md)."""
    compression: Compression = "zstd"
    """Of staged parts; ``true`` means ``zstd``, ``false`` means ``none``."""
    guard: Guard = Guard()
    """What stops a full load that would empty a table that people read."""
    deletes: Deletes | None = None
    """How rows that are gone from the source go from the target, for ``incremental``; absent: they
    stay, until a full load.
    """
    freshness: FreshnessPromise | None = None
    """How old the table may become; absent: twice its schedule's longest gap, for 99 percent of the
    time.
    """
    drift: Policy = Policy.FREEZE
    """What happens when the source's columns change; see docs/tables.md#drift."""
    accept: dict[str, list[Consent]] = Field(default_factory=dict)
    """Per column of the target, the alterations of its values that are let happen, such as ``{note:
    [nul, length]}``; see docs/types.md#consent.
    """
    checks: list[Check] = Field(default_factory=list)
    """What rows and runs must be like, and what happens if they are not; see docs/checks.md."""
    columns: dict[str, ColumnRules] = Field(default_factory=dict)
    """What is special about columns of the target: ``{email: {sensitive: true}}`` masks its values
    wherever rows are shown, ``{email: {protect: hash}}`` lets none of them arrive; see
    docs/tables.md#protected-columns.
    """
    read_back_percent: float = Field(default=0.0, ge=0, le=100)
    """Share of the runs, chosen by their ids, whose rows are read back before the publish and
    compared one by one, and read from Snowflake a second time; every run is compared by counts and
    sums anyway, see docs/receipt.md.
    """
    retention: Retention = Retention()
    """How long the table's objects are kept, where their buckets would keep them longer; see
    docs/zones.md.
    """
    legal_hold: StrictBool = False
    """Nothing that the table has left in the buckets is deleted, by life cycles and people neither.
    """
    part_bytes: int = Field(default=64 * 2**20, ge=2**16, le=2**30)
    """Uncompressed bytes after which a Parquet part is closed."""

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
        if sum(getattr(self, kind) is not None for kind in SOURCES) != 1:
            named = ", ".join(SOURCES[:-1])
            raise ValueError(f"give exactly one source: {named}, or csv ({{}} for its defaults)")
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
        needs_cursor = not self.is_of_files and self.sync_mode is not SyncMode.FULL
        if needs_cursor and not self.incremental_column:
            raise ValueError(f"sync_mode {self.sync_mode} needs incremental_column")
        if self.sync_mode is SyncMode.INCREMENTAL and self.primary_key == []:
            raise ValueError("sync_mode incremental needs a primary_key")
        if self.sync_mode is SyncMode.APPEND and self.null_cursor == "include":
            raise ValueError(
                "null_cursor include would append the same rows in every run; use skip"
            )
        return self

    @model_validator(mode="after")
    def _unloaded_files_may_be_plain(self) -> Self:
        if not self.unloads:
            return self
        if self.encryption:
            raise ValueError(
                "snowflake.strategy unload lets Snowflake write the rows into the staging bucket, "
                "and it cannot encrypt them with our own keys; write strategy: fetch, or "
                "encryption: false"
            )
        if shown := sorted(self.protected.keys() - self.dropped):
            raise ValueError(
                f"snowflake.strategy unload would write the true values of {', '.join(shown)} into "
                "the staging bucket before they are protected; write strategy: fetch, or protect: "
                "drop"
            )
        if self.read_back_percent:
            raise ValueError(
                "read_back_percent reads from Snowflake a second time, row by row, which strategy "
                "unload is there to avoid; leave one of them out"
            )
        return self

    @model_validator(mode="after")
    def _reference_data_is_replaced(self) -> Self:
        if self.is_reference and self.sync_mode is not SyncMode.FULL:
            raise ValueError(f"kind reference is for sync_mode full, not {self.sync_mode}")
        return self

    @model_validator(mode="after")
    def _deletes_compare_keys(self) -> Self:
        if self.deletes and self.is_of_files:
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
        if self.is_of_files and self.sync_mode is SyncMode.INCREMENTAL and not self.primary_key:
            raise ValueError("sync_mode incremental of files needs primary_key")
        if self.is_of_files and self.schedule != schedules.MANUAL:
            raise ValueError("a table of files has no schedule: it moves when a file is dropped")
        if self.is_of_files and self.incremental_column:
            raise ValueError("a table of files has no incremental_column: each file is read whole")
        columns = self.csv.columns if self.csv else None
        if columns and not set(self.primary_key or ()) <= columns.keys():
            raise ValueError(f"primary_key names no column; csv.columns has {', '.join(columns)}")
        return self

    @model_validator(mode="after")
    def _protected_columns_still_work(self) -> Self:
        partitions = self.bigquery.partition_by if self.bigquery else None
        require_protectable(
            self.protected,
            key=self.primary_key or (),
            cursor=self.incremental_column,
            laid_out=[partitions.column] if partitions else (),
        )
        clusters = self.bigquery.cluster_by if self.bigquery else []
        if gone := sorted(self.dropped.intersection(clusters)):
            raise ValueError(f"bigquery.cluster_by names {', '.join(gone)}, which is dropped")
        stated = self.csv.columns if self.csv else None
        if stated and (strangers := [name for name in self.protected if name not in stated]):
            raise ValueError(
                f"columns protects {', '.join(strangers)}; csv.columns has {', '.join(stated)}"
            )
        return self

    @property
    def protected(self) -> dict[str, Rule]:
        """Columns whose values are protected before anything is staged, and how."""
        rules = {name: column.rule for name, column in self.columns.items()}
        return {name: rule for name, rule in rules.items() if rule}

    @property
    def dropped(self) -> frozenset[str]:
        """Columns that do not arrive."""
        rules = self.protected.items()
        return frozenset(name for name, rule in rules if rule.kind is Protection.DROP)

    @property
    def needs_protection_key(self) -> bool:
        """Whether a column is hashed or tokenized."""
        return any(rule.kind in KEYED for rule in self.protected.values())

    @property
    def unloads(self) -> bool:
        """Whether a large window is written into the staging bucket by the source's own engine."""
        return self.snowflake is not None and self.snowflake.strategy == "unload"

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
        if self.is_of_files:
            raise ValueError(f"{self.name} comes from files; drop them again instead")
        if self.sync_mode is SyncMode.APPEND:
            raise ValueError(
                f"a backfill of {self.name} would add rows that are there already: append has no "
                "key to tell. Give it a primary_key and sync_mode incremental"
            )
        if self.sync_mode is SyncMode.FULL:
            raise ValueError(f"each run of {self.name} reads all of it: `sluice run {self.name}`")

    @property
    def is_reference(self) -> bool:
        """Whether it is a reference table, whose target keeps what each load replaced."""
        return self.kind == "reference"

    @property
    def is_of_files(self) -> bool:
        """Whether its rows come from dropped files, of whatever kind."""
        return self.csv is not None

    @property
    def source_kind(self) -> str:
        """The registered kind of source."""
        return next(kind for kind in SOURCES if getattr(self, kind) is not None)

    @property
    def target_kind(self) -> str:
        """The registered kind of target."""
        return next(kind for kind in TARGETS if getattr(self, kind) is not None)

    @property
    def place(self) -> PostgresTable | SqlServerTable | BigQueryTable:
        """Where the table goes in its target."""
        place: PostgresTable | SqlServerTable | BigQueryTable = getattr(self, self.target_kind)
        return place


class ResolvedTable(StrictModel):
    """A table with the connections that it needs: what the config bucket holds, one per table."""

    environment: str
    table: TableConfig
    connections: Connections

    @field_validator("connections")
    @classmethod
    def _only_those_that_it_uses(cls, given: Connections, info: ValidationInfo) -> Connections:
        table: TableConfig | None = info.data.get("table")
        return given.only((table.source_kind, table.target_kind)) if table else given

    @property
    def protection(self) -> dict[str, str]:
        """How each protected column is protected, in words: what a run's manifest says of it.

        Two runs whose words differ make other values of the same ones.
        """
        key = self.connections.protection
        return {
            name: f"{rule}, key {key.key_secret}/{key.key_version}"
            if rule.kind in KEYED
            else f"{rule}"
            for name, rule in self.table.protected.items()
        }


class EnvironmentFile(StrictModel):
    """``config/environments/<name>.yaml``: connections, and overrides of single tables."""

    connections: Connections = Connections()
    tables: dict[str, dict[str, Any]] = Field(default_factory=dict)


class TablesFile(StrictModel):
    """``config/tables.yaml``: the list of tables."""

    tables: list[TableConfig] = Field(default_factory=list)
