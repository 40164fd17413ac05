"""Names: SQL Server's have up to 128 characters, PostgreSQL's up to 63 bytes.

A longer name is stored under a short one, made from its start and its MD5; `sys.long_names` of each
database knows what it stands for. `sys.short_name` in `catalog.py` does the same in SQL.
"""

from __future__ import annotations

import hashlib
import re

from local.sqlserver.errors import SqlServerError

MAX_CHARACTERS = 128
# NAMEDATALEN - 1. Source: PostgreSQL documentation, "Identifiers and Key Words".
_MAX_BYTES = 63
_START_CHARACTERS = 7
_PART = re.compile(r'\[((?:[^\]]|\]\])+)\]|"((?:[^"]|"")+)"|([^.\[\]"\s]+)')


def shorten(name: str) -> str:
    """Return the name that PostgreSQL stores.

    Raises:
        SqlServerError: 103, longer than 128 characters.
    """
    if len(name) > MAX_CHARACTERS:
        raise SqlServerError(103, f"The identifier that starts with '{name[:20]}' is too long.", 15)
    if len(name.encode()) <= _MAX_BYTES:
        return name
    digest = hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()
    return f"~{name[:_START_CHARACTERS]}{digest}"


def split(name: str) -> list[str]:
    """Return the parts of a name as T-SQL writes it: `[a]]b].c` is `a]b` and `c`."""
    return [
        bracketed.replace("]]", "]") or quoted.replace('""', '"') or plain
        for bracketed, quoted, plain in _PART.findall(name)
    ]


def quote(name: str) -> str:
    """Return a name as PostgreSQL reads it, shortened and in double quotes."""
    return '"' + shorten(name).replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"
