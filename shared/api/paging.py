"""Pages, the same everywhere: ``limit``, and the ``next`` of one page as the ``cursor`` of another.

A cursor says behind which item a page begins, so items that come or go meanwhile neither repeat nor
are left out. What it holds is nobody's business but the route's that made it.
"""

import base64
import binascii
import json
from http import HTTPStatus
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from shared.api import examples
from shared.api.problems import Refusal

T = TypeVar("T")

DEFAULT_LIMIT = 50
MAX_LIMIT = 500
MAX_CURSOR_CHARS = 4096

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Items of a page, at most.")]
Cursor = Annotated[
    str | None,
    Query(
        max_length=MAX_CURSOR_CHARS,
        description="The `next` of the page before; absent: the first page.",
    ),
]


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    model_config = ConfigDict(json_schema_extra=examples.of_page)

    items: list[T]
    next: str | None = Field(
        default=None, description="The `cursor` of the next page; null: this is the last one."
    )


def cursor_of(*parts: Any) -> str:
    """Return a cursor that holds these values."""
    text = json.dumps(parts, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def parts_of(cursor: str, *kinds: type | tuple[type, ...]) -> tuple[Any, ...]:
    """Return what a cursor holds.

    Raises:
        Refusal: no route made such a cursor, or another one did.
    """
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        parts = None
    if (
        not isinstance(parts, list)
        or len(parts) != len(kinds)
        or not all(isinstance(part, kind) for part, kind in zip(parts, kinds, strict=True))
    ):
        raise invalid_cursor()
    return tuple(parts)


def invalid_cursor() -> Refusal:
    """Return what a cursor is answered with that the list has not made."""
    return Refusal(
        HTTPStatus.BAD_REQUEST,
        "invalid_cursor",
        "this is no cursor of this list; pass the `next` of its page before, or none at all",
    )


def page_of_names(names: list[str], limit: int, cursor: str | None) -> tuple[list[str], str | None]:
    """Return a page of a sorted list of names, and the cursor of the next one."""
    if cursor is not None:
        (last,) = parts_of(cursor, str)
        names = [name for name in names if name > last]
    page = names[:limit]
    return page, cursor_of(page[-1]) if len(names) > limit else None
