"""The parts of EXEC, DECLARE, THROW and WAITFOR, which are read from their text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlglot import exp

from local.sqlserver import types
from local.sqlserver.errors import SqlServerError
from local.sqlserver.parameters import Parameter
from local.sqlserver.translate import parse

_ARGUMENT = re.compile(
    r"\s*(?:(@\w+)\s*=\s*)?(N?'(?:[^']|'')*'|@\w+|-?\d+|NULL|\w+)\s*(?:OUT(?:PUT)?\s*)?(?:,|$)",
    re.I,
)


def arguments(text: str, scope: Mapping[str, Parameter]) -> list[Parameter]:
    """Return the arguments of EXEC.

    Raises:
        SqlServerError: 102, they are not understood; 137, a variable is not declared.
    """
    found = []
    while text.strip():
        match = _ARGUMENT.match(text)
        if match is None:
            raise SqlServerError(102, f"Incorrect syntax near '{text[:60]}'.", 15)
        name, value = match[1] or "", match[2]
        if value.startswith("@") and value.lower() not in scope:
            raise SqlServerError(137, f'Must declare the scalar variable "{value}".', 15)
        given = scope[value.lower()].value if value.startswith("@") else _constant(value)
        found.append(Parameter(name, given, "sys.nvarchar" if isinstance(given, str) else None))
        text = text[match.end() :]
    return found


def variable_type(kind: str) -> str:
    """Return PostgreSQL's name of a declared type."""
    cast = parse(f"SELECT CAST(NULL AS {kind})")
    types.rewrite(cast)
    return next(iter(cast.find_all(exp.DataType))).sql(dialect="postgres")


def thrown(sql: str) -> SqlServerError:
    """Return the error of THROW.

    Raises:
        SqlServerError: 102, it is not understood.
    """
    match = re.match(r"(?is)THROW\s+(\d+)\s*,\s*N?'((?:[^']|'')*)'\s*,\s*\d+\s*$", sql)
    if match is None:
        raise SqlServerError(102, "Incorrect syntax near 'THROW'.", 15)
    return SqlServerError(int(match[1]), match[2].replace("''", "'"))


def delay(sql: str) -> str:
    """Return PostgreSQL's form of WAITFOR DELAY.

    Raises:
        SqlServerError: 102, it is not understood.
    """
    match = re.match(r"(?i)WAITFOR\s+DELAY\s+N?'([\d:.]+)'\s*$", sql)
    if match is None:
        raise SqlServerError(102, "Incorrect syntax near 'WAITFOR'.", 15)
    return f"SELECT pg_sleep(extract(epoch FROM interval '{match[1]}'))"  # noqa: S608 - digits


def _constant(text: str) -> Any:
    if text.upper() == "NULL":
        return None
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    return text[text.index("'") + 1 : -1].replace("''", "'") if text.endswith("'") else text
