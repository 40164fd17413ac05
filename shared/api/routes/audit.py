"""The audit trail: what happened to each table, who did it, and whether the chain is whole."""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from shared.api import examples
from shared.api.access import Reader
from shared.api.context import Lent
from shared.api.paging import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    Page,
    cursor_of,
    invalid_cursor,
    page_of_names,
    parts_of,
)
from shared.core import naming
from shared.core.audit import Link, Seen
from shared.wire import to_line
from shared.wiring import Services

router = APIRouter(prefix="/api/v1/admin/audit", tags=["audit"])


class ChainModel(BaseModel):
    """A chain of events."""

    model_config = examples.shown({"table": "flights"})

    table: str = Field(description="`-`: what concerns no single table.")


class EventModel(BaseModel):
    """An event of the audit trail, in its place."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "sequence": 41,
                    "at": "2024-01-31T03:00:07Z",
                    "kind": "run.committed",
                    "by": "scheduler",
                    "run_id": "20240131T030000Z-0123456789ab",
                    "action": "load",
                    "why": "",
                    "previous": "ab" * 32,
                    "sha256": "cd" * 32,
                    "detail": {"rows_loaded": 1499},
                }
            ]
        }
    )

    sequence: int
    at: datetime
    kind: str
    by: str
    run_id: str
    action: str
    why: str
    previous: str = Field(description="SHA-256 of the event before it; empty: it is the first.")
    sha256: str = Field(description="Of the event itself, as it is stored.")
    detail: dict[str, Any]

    @classmethod
    def of(cls, link: Link, sha256: str) -> Self:
        """Return an event with the hash of the object that holds it."""
        facts = {**asdict(link), "sha256": sha256, "detail": json.loads(link.detail)}
        return cls.model_validate(facts)


class ObjectModel(BaseModel):
    """One object of a chain, as the log keeps it."""

    model_config = examples.shown(
        {
            "sequence": 1,
            "sha256": "cd" * 32,
            "noted_sha256": "cd" * 32,
            "written_at": "2024-01-31T03:00:08Z",
            "link": {"table": "flights", "kind": "run.committed", "sequence": 1},
        }
    )

    sequence: int = Field(description="By the object's name; 0: it is no name of an event.")
    sha256: str = Field(description="Of its bytes.")
    noted_sha256: str = Field(description="What its writer noted beside it.")
    written_at: datetime
    link: dict[str, Any] | None = Field(
        description="All that the event says; null: the object is no event any more."
    )

    @classmethod
    def of(cls, seen: Seen) -> Self:
        """Return an object as it was found."""
        return cls(
            sequence=seen.sequence,
            sha256=seen.sha256,
            noted_sha256=seen.noted_sha256,
            written_at=seen.written_at,
            link=json.loads(to_line(seen.link)) if seen.link else None,
        )


ChainName = Annotated[
    str,
    Path(
        pattern=rf"^({naming.TABLE_NAME.pattern}|{naming.NO_TABLE})$",
        description="Name of a table; `-` for what concerns no single table.",
        examples=["flights"],
    ),
]


@router.get("")
def list_chains(
    services: Lent, _: Reader, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[ChainModel]:
    """List the tables that have an audit trail, configured or not, by name."""
    names, following = page_of_names(services.audit.tables(), limit, cursor)
    return Page(items=[ChainModel(table=name) for name in names], next=following)


@router.get("/{table}")
def audit_trail(
    services: Lent,
    _: Reader,
    table: ChainName,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[EventModel]:
    """List the events of a table's audit trail, the newest first."""
    page, following = _page(services, table, limit, cursor)
    items = [EventModel.of(each.link, each.sha256) for each in page if each.link]
    return Page(items=items, next=following)


@router.get("/{table}/chain")
def chain(
    services: Lent, _: Reader, table: ChainName, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[ObjectModel]:
    """List the objects of a chain, damaged ones too, the newest first: to verify it elsewhere."""
    page, following = _page(services, table, limit, cursor)
    return Page(items=[ObjectModel.of(each) for each in page], next=following)


def _page(
    services: Services, table: str, limit: int, cursor: str | None
) -> tuple[list[Seen], str | None]:
    """Return a page of a chain's objects, damaged ones too, and the cursor of the next one."""
    seen = services.audit.chain(table, limit + 1, before=_before(cursor))
    page = seen[::-1][:limit]
    last = min((each.sequence for each in page if each.sequence), default=0)
    return page, cursor_of(last) if last and len(seen) > limit else None


def _before(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    (sequence,) = parts_of(cursor, int)
    if not 0 < sequence <= naming.LAST_SEQUENCE:
        raise invalid_cursor()
    return int(sequence)
