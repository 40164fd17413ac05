"""Valid values with sensible defaults; a test names only what it is about."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

from shared.core.deliveries import Delivery
from shared.core.manifests import FileOrigin, Manifest, Part
from shared.core.modes import SyncMode
from shared.core.plans import Plan, Slice
from shared.core.receipts import Receipt
from shared.core.runs import Attempt, Run, Trigger
from shared.core.schemas import Column, DataType, TableSchema
from shared.core.windows import Window
from shared.sources.snowflake.types import SourceColumn

AT = datetime(2024, 1, 31, 3, 0, tzinfo=UTC)
RUN_ID = "20240131T030000Z-0123456789ab"
SNAPSHOT = "2024-01-31 03:00:00.123456789"


def a_column(name: str = "id", type_: str = "int64", *, is_nullable: bool = True) -> Column:
    """Return a column; ``type_`` is the text form of its type."""
    return Column(name=name, type=DataType.parse(type_), is_nullable=is_nullable)


def a_schema(key: tuple[str, ...] = ("id",), **types: str) -> TableSchema:
    """Return a schema of columns by name; without any: ``id`` and ``name``."""
    columns = types or {"id": "int64", "name": "text"}
    return TableSchema(tuple(a_column(n, t) for n, t in columns.items()), key)


def a_window(low: str | None = None, high: str | None = SNAPSHOT) -> Window:
    """Return a window that reads from where it starts."""
    return Window(low=low, high=high, read_from=low)


def a_part(**changes: Any) -> Part:
    """Return a part of ten rows."""
    given = {
        "name": f"parts/flights/{RUN_ID}/0123456789ab/part-00000.parquet",
        "generation": 1706670000000001,
        "rows": 10,
        "size_bytes": 1000,
        "sha256": "ab" * 32,
    }
    return Part(**given | changes)


def a_file(**changes: Any) -> FileOrigin:
    """Return where a dropped file came from."""
    given = {
        "bucket": "acme-landing",
        "name": "feedback/january.csv",
        "generation": 1706670000000001,
        "size_bytes": 1000,
        "sha256": "cd" * 32,
    }
    return FileOrigin(**given | changes)


def a_manifest(**changes: Any) -> Manifest:
    """Return the manifest of an incremental run that read its first window."""
    given = {
        "run_id": RUN_ID,
        "table": "flights",
        "attempt": "0123456789ab",
        "mode": SyncMode.INCREMENTAL,
        "snapshot": SNAPSHOT,
        "is_pinned": True,
        "window": a_window(),
        "epoch": 0,
        "schema": a_schema(),
        "parts": (a_part(),),
        "rows_source": 10,
        "rows_rejected": 0,
        "config_generation": 1,
        "code_version": "1.2.3",
        "created_at": AT,
    }
    return Manifest(**given | changes)


def a_plan(slices: int = 2) -> Plan:
    """Return a plan of so many slices whose manifest has no parts yet."""
    ends = [None, *(f"{number}0" for number in range(1, slices)), None]
    return Plan(
        manifest=a_manifest(parts=(), rows_source=0),
        slices=tuple(Slice(column="ID", after=ends[i], upto=ends[i + 1]) for i in range(slices)),
    )


def a_receipt(**changes: Any) -> Receipt:
    """Return a receipt that adds up."""
    given = {
        "rows_source": 10,
        "rows_staged": 9,
        "rows_loaded": 9,
        "rows_rejected": 1,
        "rows_inserted": 9,
        "rows_updated": 0,
        "rows_deleted": 0,
        "snapshot": SNAPSHOT,
        "is_pinned": True,
        "low": None,
        "high": SNAPSHOT,
    }
    return Receipt(**given | changes)


def a_run(**changes: Any) -> Run:
    """Return a run that was just requested."""
    given = {
        "run_id": RUN_ID,
        "table": "flights",
        "trigger": Trigger.SCHEDULE,
        "trigger_key": AT.isoformat(),
        "mode": SyncMode.INCREMENTAL,
        "created_at": AT,
        "updated_at": AT,
    }
    return Run(**given | changes)


def an_attempt(id_: str = "0123456789ab", at: datetime = AT, step: str = "extract") -> Attempt:
    """Return an attempt that has just begun."""
    return Attempt(id=id_, step=step, started_at=at)


def a_delivery(body: Any = None, **changes: Any) -> Delivery:
    """Return a delivery whose data is the JSON of ``body``."""
    given = {"message_id": "1", "published_at": AT, "data": json.dumps(body).encode()}
    return Delivery(**given | changes)


def a_push(message: dict[str, Any] | None = None, **envelope: Any) -> bytes:
    """Return the body of a push request whose message differs by ``message``."""
    whole = {
        "messageId": "1",
        "publishTime": "2024-01-31T03:00:00.123Z",
        "data": base64.b64encode(b"{}").decode(),
    } | (message or {})
    return json.dumps({"message": whole, "subscription": "s"} | envelope).encode()


def a_source_column(name: str = "ID", type_name: str = "NUMBER", **changes: Any) -> SourceColumn:
    """Return a column as Snowflake describes it."""
    is_number = type_name == "NUMBER"
    given = {
        "name": name,
        "type_name": type_name,
        "precision": 38 if is_number else None,
        "scale": 0 if is_number else None,
        "datetime_precision": 9 if type_name.startswith("TIME") else None,
        "is_nullable": True,
    }
    return SourceColumn(**given | changes)


def table_data(**changes: Any) -> dict[str, Any]:
    """Return a valid table as the data of a table file."""
    return {
        "name": "flights",
        "snowflake": {"database": "NYC", "schema": "PUBLIC", "table": "FLIGHTS"},
        "postgres": {"table": "flights"},
    } | changes


def file_table_data(**changes: Any) -> dict[str, Any]:
    """Return a valid table of dropped files as the data of a table file."""
    return {
        "name": "feedback",
        "csv": {},
        "postgres": {"table": "feedback"},
        "sync_mode": "append",
    } | changes
