"""Listing the objects of a bucket: a walk over the catalogue in the byte order of the names.

With a delimiter the walk jumps over everything below a prefix, so a page costs what it shows and
not what the folders hold.
"""

import base64
import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field

from local.gcs.errors import invalid
from local.gcs.records import ObjectRecord
from local.gcs.rows import COLUMNS, record_of

MAX_RESULTS = 1000
"""Items and prefixes of a page, at most. Source: JSON API, Objects: list, `maxResults`."""

_LAST_CHARACTER = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)
# Few rows are read at a time when each may be the one that makes the walk jump.
_STRIDE_WITH_DELIMITER = 20

_Position = tuple[str, int]
"""A name and a generation; what is listed comes after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What to list, under the meanings of the JSON API's parameters."""

    prefix: str = ""
    delimiter: str = ""
    start_offset: str = ""
    end_offset: str | None = None
    glob: str | None = None
    page_token: str | None = None
    max_results: int = MAX_RESULTS
    has_versions: bool = False
    """Archived generations as well."""


@dataclass(slots=True, kw_only=True)
class Page:
    """Part of a listing; `next_page_token` is None for the last one."""

    records: list[ObjectRecord] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    next_page_token: str | None = None


def list_page(tx: sqlite3.Connection, bucket: str, listing: Listing) -> Page:
    """Return one page.

    Raises:
        ApiError: 400, a glob that is none, or a page token that is none of ours.
    """
    page = Page()
    pattern = None if listing.glob is None else glob_pattern(listing.glob)
    for position, record in _walk(tx, bucket, listing):
        if pattern is not None and not pattern.fullmatch(record.name):
            continue
        folder = _folder(record.name, listing)
        if folder and folder in page.prefixes[-1:]:
            continue
        if len(page.records) + len(page.prefixes) >= listing.max_results:
            page.next_page_token = _token(position)
            break
        if folder:
            page.prefixes.append(folder)
        else:
            page.records.append(record)
    return page


def _walk(
    tx: sqlite3.Connection, bucket: str, listing: Listing
) -> Iterator[tuple[_Position, ObjectRecord]]:
    """Yield the rows in order, each with the position before it, but few of each folder."""
    position = _first_position(listing)
    while rows := _rows_after(tx, bucket, listing, position):
        for record in rows:
            yield position, record
            position = (record.name, record.generation)
            folder = _folder(record.name, listing)
            after = after_prefix(folder)
            # Under a glob, the next name in the folder may be the first one that matches.
            if after is not None and listing.glob is None:
                position = (after, 0)
                break


def _rows_after(
    tx: sqlite3.Connection, bucket: str, listing: Listing, position: _Position
) -> list[ObjectRecord]:
    clauses = ["bucket = ?", "(name, generation) > (?, ?)"]
    values: list[object] = [bucket, *position]
    for end in (listing.end_offset, after_prefix(listing.prefix)):
        if end:
            clauses.append("name < ?")
            values.append(end)
    if not listing.has_versions:
        clauses.append("deleted_at IS NULL")
    statement = (
        f"SELECT {COLUMNS} FROM objects WHERE {' AND '.join(clauses)} "  # noqa: S608
        f"ORDER BY name, generation LIMIT {_stride(listing)}"
    )
    return [record_of(row) for row in tx.execute(statement, values)]


def _stride(listing: Listing) -> int:
    """Return how many rows are read at a time: no more than the page shows, and the one after."""
    if listing.delimiter:
        return _STRIDE_WITH_DELIMITER
    return MAX_RESULTS + 1 if listing.glob else listing.max_results + 1


def _first_position(listing: Listing) -> _Position:
    if listing.page_token is not None:
        return _position(listing.page_token)
    # Python compares strings by code point, which is the order of their bytes in UTF-8.
    return max(listing.prefix, listing.start_offset), 0


def after_prefix(prefix: str) -> str | None:
    """Return the first name, in byte order, after all that begin with a prefix; None for none."""
    while prefix:
        successor = ord(prefix[-1]) + 1
        prefix = prefix[:-1]
        if successor <= _LAST_CHARACTER:
            return prefix + chr(_SURROGATES.stop if successor in _SURROGATES else successor)
    return None


def glob_pattern(glob: str) -> re.Pattern[str]:
    """Translate a glob: `*` and `?` stop at a slash, `**` does not, `[ab]`, `{this,that}`.

    Raises:
        ApiError: 400, it is not a glob.
    """
    try:
        return re.compile(_glob_regex(glob), re.DOTALL)
    except re.error as exc:
        raise invalid(f"Invalid matchGlob {glob!r}: {exc}.") from exc


_GLOB_TOKEN = re.compile(r"\*\*/|\*\*|\[[!^]?[^\]]+\]|\{[^{}]*\}|\\.|.", re.DOTALL)
_GLOB_WILDCARDS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def _glob_regex(glob: str) -> str:
    return "".join(_glob_part(token) for token in _GLOB_TOKEN.findall(glob))


def _glob_part(token: str) -> str:
    if token in _GLOB_WILDCARDS:
        return _GLOB_WILDCARDS[token]
    if token.startswith("[") and len(token) > 1:
        return token.replace("[!", "[^", 1)
    if token.startswith("{") and len(token) > 1:
        return "(?:" + "|".join(_glob_regex(part) for part in token[1:-1].split(",")) + ")"
    return re.escape(token[-1])


def _folder(name: str, listing: Listing) -> str:
    """The name up to its first delimiter after the prefix; empty when there is none."""
    if not listing.delimiter:
        return ""
    end = name.find(listing.delimiter, len(listing.prefix))
    return "" if end < 0 else name[: end + len(listing.delimiter)]


def _token(position: _Position) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode("utf-8")).decode("ascii")


def _position(token: str) -> _Position:
    try:
        name, generation = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, TypeError) as exc:
        raise invalid(f"Invalid page token: {token!r}") from exc
    return str(name), int(generation)
