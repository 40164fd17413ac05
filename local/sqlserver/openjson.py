"""OPENJSON … WITH: a subquery over the elements of an array."""

from __future__ import annotations

import re

from sqlglot import exp

from local.sqlserver import types
from local.sqlserver.errors import SqlServerError

_STEP = re.compile(r'\.([A-Za-z_]\w*)|\."((?:[^"\\]|\\.)+)"|\[(\d+)\]')


def rewrite(tree: exp.Expr) -> None:
    """Replace each OPENJSON by a subquery.

    Raises:
        SqlServerError: 102, without WITH; 13607, a path that is not understood.
    """
    for call in list(tree.find_all(exp.OpenJSON)):
        table = call.parent
        if not isinstance(table, exp.Table) or not call.expressions:
            raise SqlServerError(102, "OPENJSON is served with WITH (…) only.", 15)
        columns = [_column(each) for each in call.expressions]
        document = exp.Cast(this=call.this.copy(), to=types.named("jsonb"))
        elements = exp.Anonymous(this="jsonb_array_elements", expressions=[document])
        source = exp.Table(
            this=elements,
            alias=exp.TableAlias(this=exp.to_identifier("r"), columns=[exp.to_identifier("e")]),
        )
        alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier("openjson"))
        table.replace(exp.Subquery(this=exp.select(*columns).from_(source), alias=alias))


def _column(definition: exp.Expr) -> exp.Expr:
    name, path = definition.name, definition.args.get("path")
    steps = _steps(path.name) if path is not None else [_key(name)]
    value: exp.Expr = exp.column("e", table="r")
    for number, step in enumerate(steps, 1):
        value = _get(value, step, as_text=number == len(steps))
    kind: exp.Expr = definition.args["kind"].copy()
    if kind.this in (exp.DataType.Type.VARBINARY, exp.DataType.Type.BINARY):
        value = exp.Anonymous(this="decode", expressions=[value, exp.Literal.string("base64")])
    return exp.alias_(exp.Cast(this=value, to=kind), name, quoted=True)


def _get(value: exp.Expr, step: exp.Expr, *, as_text: bool) -> exp.Expr:
    is_index = isinstance(step, exp.Literal) and not step.is_string
    name = "jsonb_array_element" if is_index else "jsonb_object_field"
    suffix = "_text" if as_text else ""
    return exp.Anonymous(this=name + suffix, expressions=[value, step])


def _steps(path: str) -> list[exp.Expr]:
    steps: list[exp.Expr] = []
    rest = re.sub(r"^(lax\s+|strict\s+)?\$", "", path.strip())
    while rest:
        match = _STEP.match(rest)
        if match is None:
            raise SqlServerError(13607, f"JSON path is not properly formatted: '{path}'.")
        plain, quoted, index = match.groups()
        name = plain or (quoted or "").replace('\\"', '"').replace("\\\\", "\\")
        steps.append(exp.Literal.number(index) if index else _key(name))
        rest = rest[match.end() :]
    return steps


def _key(name: str) -> exp.Expr:
    return exp.Cast(this=exp.Literal.string(name), to=types.named("text"))
