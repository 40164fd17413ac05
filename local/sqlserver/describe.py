"""What a driver asks before it binds: types of the server, types of a statement's parameters."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from local.sqlserver import hints, tokens, values
from local.sqlserver.backend import Backend
from local.sqlserver.errors import SqlServerError
from local.sqlserver.names import literal, stored
from local.sqlserver.translate import parse, table_name, translate, types_of

_TEXT, _INT, _SMALL, _BYTE, _BIT = (
    values.nvarchar(None),
    values.integer(4),
    values.integer(2),
    values.integer(1),
    values.BIT,
)
# ODBC's number -> name, longest, digits of a fraction.
_TYPE_INFO = {
    12: ("varchar", 8000, 0),
    -9: ("nvarchar", 4000, 0),
    -3: ("varbinary", 8000, 0),
    93: ("datetime2", 27, 7),
}
# Source: Microsoft Learn, "sp_datatype_info (Transact-SQL)".
_TYPE_INFO_COLUMNS = (
    ("TYPE_NAME", _TEXT),
    ("DATA_TYPE", _SMALL),
    ("PRECISION", _INT),
    *((name, _TEXT) for name in ("LITERAL_PREFIX", "LITERAL_SUFFIX", "CREATE_PARAMS")),
    *((name, _SMALL) for name in ("NULLABLE", "CASE_SENSITIVE", "SEARCHABLE")),
    *((name, _SMALL) for name in ("UNSIGNED_ATTRIBUTE", "MONEY", "AUTO_INCREMENT")),
    ("LOCAL_TYPE_NAME", _TEXT),
    *((name, _SMALL) for name in ("MINIMUM_SCALE", "MAXIMUM_SCALE", "SQL_DATA_TYPE")),
    ("SQL_DATETIME_SUB", _SMALL),
    ("NUM_PREC_RADIX", _INT),
    *((name, _SMALL) for name in ("INTERVAL_PRECISION", "USERTYPE")),
)
# Source: Microsoft Learn, "sp_describe_undeclared_parameters (Transact-SQL)".
_PARAMETER_COLUMNS = (
    ("parameter_ordinal", _INT),
    ("name", _TEXT),
    ("suggested_system_type_id", _INT),
    ("suggested_system_type_name", _TEXT),
    ("suggested_max_length", _SMALL),
    ("suggested_precision", _BYTE),
    ("suggested_scale", _BYTE),
    ("suggested_user_type_id", _INT),
    *((f"suggested_user_type_{name}", _TEXT) for name in ("database", "schema", "name")),
    ("suggested_assembly_qualified_type_name", _TEXT),
    ("suggested_xml_collection_id", _INT),
    *((f"suggested_xml_collection_{name}", _TEXT) for name in ("database", "schema", "name")),
    *((f"suggested_is_{name}", _BIT) for name in ("xml_document", "case_sensitive")),
    *((f"suggested_is_{name}", _BIT) for name in ("fixed_length_clr_type", "input", "output")),
    ("formal_parameter_name", _TEXT),
    ("suggested_tds_type_id", _INT),
    ("suggested_tds_length", _INT),
)
_UNKNOWN = ("nvarchar", 231, -1, 0, 0)


def type_info(number: int) -> bytes:
    """Answer sp_datatype_info for one ODBC type; no rows for a type that needs no answer."""
    rows = []
    if number in _TYPE_INFO:
        name, longest, digits = _TYPE_INFO[number]
        head = (name, number, longest, "'", "'", None, 1, 0, 3, None, 0, None)
        rows.append((*head, name, 0, digits, number, None, None, None, 0))
    return tokens.result(_TYPE_INFO_COLUMNS, rows)


def parameters(backend: Backend, sql: str) -> bytes:
    """Answer sp_describe_undeclared_parameters: those of INSERT … VALUES have their column's type.

    Those of other statements have the type that PostgreSQL infers.

    Raises:
        SqlServerError: 11501, the statement cannot be described.
    """
    names = list(dict.fromkeys(re.findall(r"@P\d+", sql)))
    tree = parse(hints.simplify(sql)[0])
    kinds = _of_columns(backend, tree) if isinstance(tree, exp.Insert) else {}
    if not kinds:
        kinds = _inferred(backend, sql, names)
    rows = [_row(at, name, kinds.get(name.lower(), _UNKNOWN)) for at, name in enumerate(names, 1)]
    return tokens.result(_PARAMETER_COLUMNS, rows)


def _row(ordinal: int, name: str, kind: tuple[Any, ...]) -> tuple[Any, ...]:
    type_name, number, length, precision, scale = kind
    suffix = {
        "decimal": f"({precision},{scale})",
        "nvarchar": f"({length // 2 if length > 0 else 'max'})",
        "nchar": f"({length // 2})",
        **dict.fromkeys(
            ("varchar", "char", "varbinary", "binary"), f"({length if length > 0 else 'max'})"
        ),
    }.get(type_name, f"({scale})" if type_name in ("time", "datetime2", "datetimeoffset") else "")
    length = max(length, -1)
    suggested = (number, type_name + suffix, length, precision, scale)
    nothing = (None,) * 9
    flags = (False, False, False, True, False)
    return (ordinal, name, *suggested, *nothing, *flags, None, number, length)


def _of_columns(backend: Backend, tree: exp.Insert) -> dict[str, tuple[Any, ...]]:
    target = tree.this
    table = target.this if isinstance(target, exp.Schema) else target
    tuples = tree.expression.expressions if isinstance(tree.expression, exp.Values) else []
    if not tuples:
        return {}
    identifier = literal(table_name(table))
    rows = backend.execute(
        "SELECT name, type_name, system_type_id, max_length, precision, scale "  # noqa: S608
        f"FROM sys.columns WHERE object_id = {identifier}::regclass::oid::bigint::integer "
        "ORDER BY column_id"
    ).rows
    found = {stored(row[0]): tuple(row[1:]) for row in rows}
    written = target.expressions if isinstance(target, exp.Schema) else []
    named = [stored(each.name) for each in written]
    unknown = [each for each in named if each not in found]
    if unknown:
        raise SqlServerError(207, f"Invalid column name '{unknown[0]}'.")
    kinds: dict[str, tuple[Any, ...]] = {}
    for row in tuples:
        for column, cell in zip(named or list(found), row.expressions, strict=False):
            if isinstance(cell, exp.Parameter):
                kinds["@" + cell.name.lower()] = found[column]
    return kinds


def _inferred(backend: Backend, sql: str, names: list[str]) -> dict[str, tuple[Any, ...]]:
    plan = translate(sql, types_of([(name, None) for name in names]))
    backend.execute(f"PREPARE described AS {plan.sql}")
    try:
        rows = backend.execute(
            "SELECT t.name, t.system_type_id, "
            "CASE WHEN t.name IN ('nvarchar', 'varbinary') THEN -1 "
            "ELSE t.max_length END, t.precision, t.scale FROM pg_prepared_statements s, "
            "unnest(s.parameter_types::oid[]) WITH ORDINALITY AS u (kind, place) "
            "JOIN pg_type p ON p.oid = u.kind "
            "LEFT JOIN sys.types t ON t.pg = replace(p.typname::text, '_bin', '') "
            "WHERE s.name = 'described' ORDER BY u.place"
        ).rows
    finally:
        backend.execute("DEALLOCATE described")
    return {
        name: tuple(row) if row[0] else _UNKNOWN
        for name, row in zip(plan.parameters, rows, strict=True)
    }
