"""Names: SQL Server's have up to 128 UTF-16 units and no case, PostgreSQL's up to 63 bytes.

A name is stored in small letters, and a longer one under its start and its MD5. The name as it was
written goes into a note, the comment of the object, and comes back from there. `sys.stored` in
`catalog.py` does the same in SQL.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping

from local.sqlserver.errors import SqlServerError

# Source: Microsoft Learn, "Database Identifiers" (sysname).
MAX_UNITS = 128
# NAMEDATALEN - 1. Source: PostgreSQL documentation, "Identifiers and Key Words".
_MAX_BYTES = 63
_START_CHARACTERS = 7
_PART = re.compile(r'\[((?:[^\]]|\]\])+)\]|"((?:[^"]|"")+)"|([^.\[\]"\s]+)')


def stored(name: str) -> str:
    """Return the name under which PostgreSQL keeps an object.

    Raises:
        SqlServerError: 103, it is too long.
    """
    if len(name.encode("utf-16le")) > 2 * MAX_UNITS:
        raise SqlServerError(
            103,
            f"The identifier that starts with '{name[:20]}' is too long. "
            f"Maximum length is {MAX_UNITS}.",
            15,
        )
    folded = "".join(each.lower() if len(each.lower()) == 1 else each for each in name)
    if len(folded.encode()) <= _MAX_BYTES:
        return folded
    digest = hashlib.md5(folded.encode(), usedforsecurity=False).hexdigest()
    return f"~{folded[:_START_CHARACTERS]}{digest}"


def split(name: str) -> list[str]:
    """Return the parts of a name as T-SQL writes it: `[a]]b].c` is `a]b` and `c`."""
    return [
        bracketed.replace("]]", "]") or quoted.replace('""', '"') or plain
        for bracketed, quoted, plain in _PART.findall(name)
    ]


def quote(name: str) -> str:
    """Return a name as PostgreSQL reads it: as it is stored, in double quotes."""
    return '"' + stored(name).replace('"', '""') + '"'


def qualified(*parts: str) -> str:
    """Return a name of several parts, quoted; empty ones are left out."""
    return ".".join(quote(each) for each in parts if each)


def literal(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def note(kind: str, place: str, name: str, **more: str | None) -> list[str]:
    """Return what writes down how an object was declared; nothing where its name says it all.

    Args:
        kind: of the object, as COMMENT ON takes it.
        place: its full name, quoted.
        name: as it was written.
        more: what else PostgreSQL would forget.
    """
    facts = {key: value for key, value in more.items() if value}
    if name != stored(name):
        facts["name"] = name
    return [f"COMMENT ON {kind} {place} IS {literal(json.dumps(facts))}"] if facts else []


def note_column(table: str, column: str, changes: Mapping[str, str | None]) -> str:
    """Return what changes the note of a column; what is None is taken out of it.

    Args:
        table: its full name, quoted.
        column: its name, however it is written.
        changes: of the note.
    """
    place = f"{literal(table)}, {literal(stored(column))}, {literal(json.dumps(changes))}"
    return f"SELECT sys.note_column({place})"
