"""What the API answered, as the values that the cloud itself gives."""

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.core.audit import Link, Seen
from shared.core.dead_letters import DeadLetter
from shared.core.drift import PastSchema
from shared.core.freshness import Freshness
from shared.core.runs import Run
from shared.core.schemas import Column, DataType, TableSchema
from shared.wire import from_json

if TYPE_CHECKING:
    from shared.operations.describing import Described, Rows


def run(record: bytes) -> Run:
    """Return a run of its record."""
    return from_json(Run, record, "the API's record of a run")


def letter(item: dict[str, Any]) -> DeadLetter:
    """Return a dead letter, which comes without the message itself."""
    return from_json(DeadLetter, json.dumps({**item, "data": ""}).encode(), "a dead letter")


def seen(item: dict[str, Any]) -> Seen:
    """Return an object of an audit chain."""
    link = item["link"]
    event = from_json(Link, json.dumps(link).encode(), "the API's audit event") if link else None
    return Seen(
        sequence=item["sequence"],
        link=event,
        sha256=item["sha256"],
        noted_sha256=item["noted_sha256"],
        written_at=datetime.fromisoformat(item["written_at"]),
    )


def freshness(kept: dict[str, Any], now: datetime) -> Freshness:
    """Return how fresh a table was, over a span that ends now."""
    last = kept.get("last_success") and datetime.fromisoformat(kept["last_success"])
    return Freshness(
        max_age=timedelta(seconds=kept["max_age_s"]),
        objective_percent=kept["objective_percent"],
        span=timedelta(days=kept["days"]),
        late=timedelta(seconds=kept["late_s"]),
        last_success=last,
        age=now - last if last else None,
    )


def described(found: dict[str, Any]) -> "Described":
    """Return both ends of a table."""
    from shared.operations.describing import Described
    from shared.sources.base import TableMetadata

    source, target = found["source"], found["target"]
    metadata = source and TableMetadata(
        schema=_schema(source),
        source_types={column["name"]: column["source_type"] for column in source["columns"]},
        rows=source["rows"],
        size_bytes=source["size_bytes"],
        comment=source["comment"],
    )
    return Described(
        source=metadata,
        target=None if target["columns"] is None else _schema(target),
        rows_target=target["rows"],
        drift=found["drift"] or "",
        past=tuple(_past(each) for each in found["schemas"]),
    )


def rows(page: dict[str, Any]) -> "Rows":
    """Return a page of rows; where the next one begins is the API's to know."""
    from shared.operations.describing import Rows

    columns = [Column(name=c["name"], type=DataType.parse(c["type"])) for c in page["columns"]]
    return Rows(columns=tuple(columns), rows=page["rows"], is_last=page["is_complete"], after=None)


def _schema(found: dict[str, Any]) -> TableSchema:
    columns = [
        Column(name=c["name"], type=DataType.parse(c["type"]), is_nullable=c["is_nullable"])
        for c in found["columns"]
    ]
    return TableSchema(tuple(columns), tuple(found["primary_key"]))


def _past(found: dict[str, Any]) -> PastSchema:
    return PastSchema(
        schema=_schema(found),
        run_id=found["run_id"],
        epoch=found["epoch"],
        changes=tuple(found["changes"]),
        recorded_at=datetime.fromisoformat(found["recorded_at"]),
    )
