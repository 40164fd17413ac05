"""A table as its source and its target describe it, and the rows that are in it."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from shared.config.tables import ResolvedTable
from shared.core import selections
from shared.core.drift import PastSchema
from shared.core.schemas import Column, TableSchema
from shared.core.selections import Condition, Selection
from shared.errors import InvalidMessageError, SchemaConflictError, UnknownTableError
from shared.sources.base import TableMetadata
from shared.targets.base import Target
from shared.wiring import Services

PAGE_ROWS = 500
"""Rows that a target is asked for at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """Both ends of a table; ``drift`` says why the target cannot take the source's columns."""

    source: TableMetadata | None
    target: TableSchema | None
    rows_target: int
    drift: str = ""
    past: tuple[PastSchema, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which rows of a table somebody asks for, in words; ``after`` is where a page ended."""

    columns: Sequence[str] = ()
    """Empty: all."""
    conditions: Sequence[str] = ()
    after: Sequence[str] | None = None
    limit: int
    hidden: frozenset[str] = frozenset()
    """Columns that are not there for whoever asks: neither shown nor compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A page of rows as plain data; ``after`` is where the next one begins, None: nowhere.

    A page that has no next one and is not the last is of a table without a key to go on by.
    """

    columns: tuple[Column, ...]
    rows: list[list[Any]]
    is_last: bool
    after: tuple[str, ...] | None


def describe(services: Services, resolved: ResolvedTable, *, with_source: bool = True) -> Described:
    """Return what both ends say of a table; the source is not asked unless wanted."""
    source = _source(services, resolved) if with_source else None
    with closing(services.target(resolved)) as target:
        there, rows = target.schema(), target.count()
        past = target.schemas()
        drift = _drift(target, source) if source else ""
    return Described(source=source, target=there, rows_target=rows, drift=drift, past=past)


def schemas(services: Services, resolved: ResolvedTable) -> tuple[PastSchema, ...]:
    """Return the columns that a table has had, oldest first, whether or not it is there still."""
    with closing(services.target(resolved)) as target:
        return target.schemas()


def read(services: Services, resolved: ResolvedTable, wanted: Wanted) -> Rows:
    """Return a page of the rows in the target.

    Raises:
        UnknownTableError: the target has no such table yet.
        InvalidMessageError: a column is unknown, or a condition cannot be read.
    """
    with closing(services.target(resolved)) as target:
        schema = target.schema()
        if schema is None:
            raise UnknownTableError(
                f"{resolved.table.name} is not in its target yet: its first run makes it"
            )
        selection = _selection(resolved, schema, wanted)
        found = target.select(selection)
    return _page(selection, wanted, found)


def read_pages(services: Services, resolved: ResolvedTable, wanted: Wanted) -> Iterator[Rows]:
    """Yield the pages of the rows in the target, as many as hold ``wanted.limit`` rows.

    Raises:
        UnknownTableError: the target has no such table yet.
        InvalidMessageError: a column is unknown, or a condition cannot be read.
    """
    left, after = wanted.limit, wanted.after
    while left:
        page = read(services, resolved, replace(wanted, limit=min(left, PAGE_ROWS), after=after))
        yield page
        left, after = left - len(page.rows), page.after
        if after is None:
            return


def _source(services: Services, resolved: ResolvedTable) -> TableMetadata | None:
    """Return what the source says about a table; None for one that is read from files."""
    if resolved.table.is_of_files:
        return None
    with closing(services.source(resolved, run_id="metadata")) as source:
        return source.metadata()


def _drift(target: Target, source: TableMetadata) -> str:
    try:
        target.fit(source.schema)
    except SchemaConflictError as exc:
        return exc.message
    return ""


def _selection(resolved: ResolvedTable, schema: TableSchema, wanted: Wanted) -> Selection:
    known = {column.name: column for column in schema if column.name not in wanted.hidden}
    if unknown := [name for name in wanted.columns if name not in known]:
        raise InvalidMessageError(
            f"{resolved.table.name} has no column {', '.join(unknown)}; it has {', '.join(known)}"
        )
    names = schema.primary_key or tuple(resolved.table.primary_key or ())
    key = tuple(known[name] for name in names if name in known)
    if len(key) < len(names) or any(c.type.kind in selections.UNCOMPARED for c in key):
        key = ()
    chosen = tuple(known[name] for name in dict.fromkeys(wanted.columns or known))
    conditions: tuple[Condition, ...] = tuple(
        selections.condition(text, known) for text in wanted.conditions
    )
    return Selection(
        # The key comes with every row, since the next page begins behind the last one's.
        columns=chosen + tuple(column for column in key if column not in chosen),
        conditions=conditions,
        key=key,
        after=_after(key, wanted.after),
        limit=wanted.limit + 1,
    )


def _after(key: tuple[Column, ...], given: Sequence[str] | None) -> tuple[str, ...] | None:
    if given is None:
        return None
    if len(given) != len(key):
        raise InvalidMessageError("the table's key is another one than when the page was read")
    pairs = zip(key, given, strict=True)
    return tuple(selections.canonical(column.type, text) for column, text in pairs)


def _page(selection: Selection, wanted: Wanted, found: list[tuple[Any, ...]]) -> Rows:
    names = [column.name for column in selection.columns]
    width = len(dict.fromkeys(wanted.columns)) or len(names)
    page = found[: wanted.limit]
    is_last = len(found) <= wanted.limit
    after = None
    if not is_last and selection.key:
        after = tuple(_text(page[-1][names.index(c.name)]) for c in selection.key)
    return Rows(
        columns=selection.columns[:width],
        rows=[[_plain(value) for value in row[:width]] for row in page],
        is_last=is_last,
        after=after,
    )


def _plain(value: Any) -> Any:
    """Return a value as JSON can hold it: what JSON has no exact form for becomes text."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat() if value.tzinfo else value.isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, float) and value - value != 0:
        return str(value)
    return value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    plain = _plain(value)
    return repr(plain) if isinstance(plain, float) else str(plain)
