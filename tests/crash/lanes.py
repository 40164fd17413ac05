"""The kinds of movement that the matrix goes through: a table each, and what changes in it."""

from dataclasses import dataclass, field
from typing import Any

from shared.core.windows import Span

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One kind of movement.

    ``columns`` is the source's DDL. ``changes`` are statements at the source, each with ``{t}`` for
    the table and ``{n}`` for a number that only grows; a file's lane has none and drops a file.
    ``settings`` and ``config`` say what differs from the defaults.
    """

    name: str
    columns: str = "ID NUMBER(9,0), NAME VARCHAR, AT TIMESTAMP_NTZ(6)"
    target: str = "postgres"
    rows: int = 20
    changes: tuple[str, ...] = ()
    config: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    is_new_each_time: bool = False
    """Every case is the first load of a new table into a new database."""
    span: Span | None = None
    """It reads this span again."""
    is_rewind: bool = False
    """It puts the table back as its second run left it."""
    loses_load: bool = False
    """The request for the load is lost; the sweep finds out, with the first of the ``ticks``."""
    is_dead_letter: bool = False
    """The lost request comes as a dead letter, and people replay it once its run has failed."""
    ticks: int = 0
    """So many times the Scheduler's message to the sweep comes once all else is done."""

    @property
    def moves_watermark(self) -> bool:
        """Its runs end with the table at the end of their window."""
        return not (self.span or self.is_rewind)

    @property
    def is_table_into_postgres(self) -> bool:
        """A table comes to PostgreSQL, without the sweep's help."""
        return self.target == "postgres" and not self.ticks and "csv" not in self.config


_KEYED = "ID NUMBER(9,0), NAME VARCHAR, AT TIMESTAMP_NTZ(6), PRIMARY KEY (ID)"
_UPDATE = "UPDATE {t} SET NAME = 'changed {n}', AT = SYSDATE() WHERE ID < 3"
_INSERT = "INSERT INTO {t} VALUES (1000 + {n}, 'new', SYSDATE())"
_DELETE = "DELETE FROM {t} WHERE ID = 1000 + {n} - 1"
_SILENT_UPDATE = "UPDATE {t} SET NAME = 'changed {n}' WHERE ID < 3"
"""It leaves the cursor as it is."""

DAMAGE = (
    "UPDATE {t} SET name = 'damaged' WHERE id < 5",
    "DELETE FROM {t} WHERE id = 7",
    "INSERT INTO {t} (id, name) VALUES (5000, 'damaged')",
)
"""What happens to a target's rows before they are put back."""

_CSV = {"columns": {"id": "int64", "name": "text"}, "max_reject_percent": 60}

LANES = (
    Lane(
        name="first full load",
        columns=_KEYED,
        is_new_each_time=True,
    ),
    Lane(name="full, by key", columns=_KEYED, changes=(_UPDATE, _DELETE, _INSERT)),
    Lane(
        name="full, no key",
        rows=700,
        columns="ID NUMBER(9,0), NAME VARCHAR(1000), AT TIMESTAMP_NTZ(6)",
        changes=(_UPDATE, _DELETE, _INSERT),
        config={"compression": "none", "part_bytes": 400_000},
        settings={"lease_s": 1e-6},
    ),
    Lane(
        name="full, in units",
        columns=_KEYED,
        rows=30,
        changes=(_UPDATE, _DELETE, _INSERT),
        settings={"unit_rows": 16, "unit_parts": 1, "direct_bytes": 1},
    ),
    Lane(
        name="full, unloaded",
        columns=_KEYED,
        rows=30,
        changes=(_UPDATE, _DELETE, _INSERT),
        config={"snowflake": {"strategy": "unload"}},
        settings={"unit_rows": 16, "direct_bytes": 1},
    ),
    Lane(
        name="incremental",
        columns=_KEYED,
        changes=(_UPDATE, _INSERT),
        config={
            "sync_mode": "incremental",
            "incremental_column": "at",
            "encryption": True,
        },
    ),
    Lane(
        name="incremental, deletes",
        columns=_KEYED,
        changes=(_UPDATE, _DELETE, _INSERT),
        config={
            "sync_mode": "incremental",
            "incremental_column": "at",
            "deletes": {"mode": "hard"},
        },
    ),
    Lane(
        name="backfill",
        columns=_KEYED,
        changes=(_SILENT_UPDATE,),
        config={"sync_mode": "incremental", "incremental_column": "at"},
        span=Span(first="2000-01-01", last="2100-01-01"),
    ),
    Lane(
        name="rewind",
        columns=_KEYED,
        changes=(_UPDATE, _DELETE, _INSERT),
        config={
            "sync_mode": "incremental",
            "incremental_column": "at",
            "deletes": {"mode": "hard"},
        },
        is_rewind=True,
    ),
    Lane(
        name="append",
        changes=(_INSERT, _INSERT),
        config={"sync_mode": "append", "incremental_column": "at"},
    ),
    Lane(
        name="file, append",
        rows=0,
        config={"sync_mode": "append", "csv": _CSV},
    ),
    Lane(
        name="file, full",
        rows=0,
        config={"sync_mode": "full", "csv": _CSV},
    ),
    Lane(
        name="sweep after a lost message",
        columns=_KEYED,
        changes=(_UPDATE, _DELETE, _INSERT),
        loses_load=True,
        ticks=3,
    ),
    Lane(
        name="sweep after a dead letter",
        columns=_KEYED,
        changes=(_UPDATE, _DELETE, _INSERT),
        loses_load=True,
        is_dead_letter=True,
        ticks=3,
    ),
    Lane(
        name="SQL Server: first full load",
        target="sqlserver",
        columns=_KEYED,
        is_new_each_time=True,
    ),
    Lane(
        name="SQL Server: full",
        target="sqlserver",
        columns=_KEYED,
        changes=(_UPDATE, _DELETE, _INSERT),
    ),
    Lane(
        name="SQL Server: append",
        target="sqlserver",
        changes=(_INSERT, _INSERT),
        config={"sync_mode": "append", "incremental_column": "at"},
    ),
    Lane(
        name="SQL Server: merge",
        target="sqlserver",
        columns=_KEYED,
        changes=(_UPDATE, _INSERT),
        config={"sync_mode": "incremental", "incremental_column": "at"},
    ),
    Lane(
        name="SQL Server: merge, deletes",
        target="sqlserver",
        columns=_KEYED,
        changes=(_UPDATE, _DELETE, _INSERT),
        config={
            "sync_mode": "incremental",
            "incremental_column": "at",
            "deletes": {"mode": "hard"},
        },
    ),
    Lane(
        name="BigQuery: first full load",
        target="bigquery",
        columns=_KEYED,
        is_new_each_time=True,
    ),
    Lane(
        name="BigQuery: full, versions kept",
        target="bigquery",
        columns=_KEYED,
        changes=(_UPDATE, _DELETE, _INSERT),
        config={"kind": "reference", "keep_versions": 2},
    ),
    Lane(
        name="BigQuery: append, encrypted",
        target="bigquery",
        changes=(_INSERT, _INSERT),
        config={"sync_mode": "append", "incremental_column": "at", "encryption": True},
    ),
    Lane(
        name="BigQuery: merge, deletes",
        target="bigquery",
        columns=_KEYED,
        changes=(_UPDATE, _DELETE, _INSERT),
        config={
            "sync_mode": "incremental",
            "incremental_column": "at",
            "deletes": {"mode": "hard"},
        },
    ),
    Lane(
        name="BigQuery: rewind",
        target="bigquery",
        columns=_KEYED,
        changes=(_UPDATE, _DELETE, _INSERT),
        config={
            "sync_mode": "incremental",
            "incremental_column": "at",
            "deletes": {"mode": "hard"},
        },
        is_rewind=True,
    ),
)


def find(name: str) -> Lane:
    """Return the lane of a name."""
    return next(lane for lane in LANES if lane.name == name)
