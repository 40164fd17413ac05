"""sp_rename and ALTER SCHEMA … TRANSFER: an object changes its place, and keeps its rows."""

from __future__ import annotations

import re

from local.sqlserver.backend import Backend
from local.sqlserver.errors import SqlServerError
from local.sqlserver.names import literal, note, note_column, qualified, quote, split, stored

_TRANSFER = re.compile(r"(?is)ALTER\s+SCHEMA\s+(.+?)\s+TRANSFER\s+(?:OBJECT\s*::\s*)?(.+?)\s*$")
_NO_ITEM = 15248


def rename(backend: Backend, old: str, new: str, kind: str) -> int:
    """Rename a table, a column or an index; `new` is one plain name, quoted or not.

    Raises:
        SqlServerError: 15248, there is no such object; 15335, the name is taken.
    """
    parts = split(old)
    kind = kind.upper() or "OBJECT"
    if kind == "COLUMN":
        *place, column = parts
        _require(backend, _table(place))
        backend.execute(
            f"ALTER TABLE {_table(place)} RENAME COLUMN {quote(column)} TO {quote(new)}"
        )
        spelling = {"name": None if new == stored(new) else new}
        backend.execute(note_column(_table(place), new, spelling))
        return 0
    *place, name = parts
    schema = place[-1] if place else "dbo"
    if kind == "INDEX":
        schema, *_ = [*place[:-1], "dbo"]
    word = "INDEX" if kind == "INDEX" else "TABLE"
    _require(backend, qualified(schema, name))
    if _is_there(backend, qualified(schema, new)):
        raise SqlServerError(15335, f"The new name '{new}' is already in use.", 11)
    backend.execute(f"ALTER {word} {qualified(schema, name)} RENAME TO {quote(new)}")
    backend.execute(f"COMMENT ON {word} {qualified(schema, new)} IS NULL")
    for statement in note(word, qualified(schema, new), new):
        backend.execute(statement)
    return 0


def transfer(backend: Backend, sql: str) -> bool:
    """Run ALTER SCHEMA … TRANSFER; False when the statement is another.

    Raises:
        SqlServerError: 15151, the schema or the table is not there; 15530, one of that name is
            in the schema.
    """
    match = _TRANSFER.match(sql)
    if match is None:
        return False
    target, (*place, name) = split(match[1])[0], split(match[2])
    source = qualified(place[-1] if place else "dbo", name)
    if not _is_there(backend, source):
        raise SqlServerError(15151, f"Cannot find the object '{name}', because it does not exist.")
    if _is_there(backend, qualified(target, name)):
        raise SqlServerError(15530, f'The object with name "{name}" already exists.')
    backend.execute(f"ALTER TABLE {source} SET SCHEMA {quote(target)}")
    return True


def _table(parts: list[str]) -> str:
    return qualified(parts[-2] if len(parts) > 1 else "dbo", parts[-1])


def _require(backend: Backend, place: str) -> None:
    if not _is_there(backend, place):
        raise SqlServerError(
            _NO_ITEM, f"No item by the name of '{place}' could be found in the database.", 11
        )


def _is_there(backend: Backend, place: str) -> bool:
    found = backend.execute(f"SELECT to_regclass({literal(place)}) IS NOT NULL")
    return bool(found.rows[0][0])
