"""The response to a request, statement by statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local.sqlserver import tokens, types
from local.sqlserver.backend import Backend
from local.sqlserver.errors import SqlServerError
from local.sqlserver.names import stored
from local.sqlserver.tokens import Done
from local.sqlserver.types import Declared


@dataclass(slots=True)
class Replies:
    """The tokens of a response; each statement's end waits until it is known what follows."""

    kind: Done
    _parts: list[tuple[bytes, int, int]] = field(default_factory=list)

    def add(self, body: bytes = b"", *, status: int = 0, rows: int = 0) -> None:
        """Add what a statement answers, and how it ends."""
        self._parts.append((body, status, rows))

    def add_error(self, error: SqlServerError) -> None:
        """Add a statement that failed; the batch goes on."""
        self.add(tokens.error(error), status=tokens.ERROR)

    def assemble(self, *, more: bool) -> bytes:
        """Return everything; `more` says that something follows the last end."""
        last = len(self._parts) - 1
        return b"".join(
            body + tokens.done(self.kind, status | (more or at < last), rows)
            for at, (body, status, rows) in enumerate(self._parts)
        )


def result(backend: Backend, answer: Any, names: Sequence[str] | None) -> bytes:
    """Return a result with its columns.

    Args:
        backend: knows the tables that the columns come from.
        answer: of PostgreSQL.
        names: of the columns as the statement has them; None: those of the tables.
    """
    rows = answer.rows or []
    cells = list(zip(*rows, strict=True)) or [()] * len(answer.columns)
    declared = _declared(backend, answer.columns)
    columns = []
    for at, column in enumerate(answer.columns):
        known = declared.get((column["table_oid"], column["column_attrnum"]))
        kind = types.wire_type(column, cells[at], backend.type_names, known)
        columns.append((_name(column, known, names[at] if names is not None else None), kind))
    return tokens.result(columns, rows)


def _name(column: Mapping[str, Any], known: Declared | None, written: str | None) -> str:
    if written is not None:
        return written
    if known is not None and stored(known.name) == column["name"]:
        return known.name
    return str(column["name"])


def _declared(
    backend: Backend, columns: Sequence[Mapping[str, Any]]
) -> dict[tuple[int, int], Declared]:
    tables = {str(each["table_oid"]) for each in columns if each["table_oid"]}
    if not tables:
        return {}
    found = backend.execute(
        "SELECT object_id, column_id, name, type_name, max_length FROM sys.columns "  # noqa: S608
        f"WHERE object_id IN ({', '.join(tables)})"
    )
    return {(table, number): Declared(*rest) for table, number, *rest in found.rows}
