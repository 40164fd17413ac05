"""Texts, comparisons and conversions of T-SQL: what they mean there, written for PostgreSQL."""

from __future__ import annotations

from sqlglot import exp

from local.sqlserver import types

_HEX_STYLES = ("1", "2")
_OF_TEXT = (exp.Upper, exp.Lower, exp.Substring, exp.Trim, exp.Replace, exp.Left, exp.Right)
_MADE_TEXT = (*_OF_TEXT, exp.Concat, exp.GroupConcat, exp.DPipe)
# Where a text is part of the syntax, not a value.
_SYNTAX = (exp.Escape, exp.JSONPath, exp.OpenJSONColumnDef, exp.Interval, exp.DataTypeParam)
_BINARY_TYPES = (exp.DataType.Type.BINARY, exp.DataType.Type.VARBINARY)
_TEXT_TYPES = (
    *(exp.DataType.Type.NVARCHAR, exp.DataType.Type.VARCHAR),
    *(exp.DataType.Type.NCHAR, exp.DataType.Type.CHAR),
)


def rewrite(tree: exp.Expr) -> None:
    """Give every text its type, and every comparison and conversion its meaning."""
    _type_literals(tree)
    for like in list(tree.find_all(exp.Like)):
        _rewrite_like(like)
    for length in list(tree.find_all(exp.Length)):
        collated = length.this.find(exp.Collate)
        is_of_characters = collated is not None and "_SC" in collated.expression.name
        name = "sys.len_of_characters" if is_of_characters else "sys.len"
        length.replace(exp.Anonymous(this=name, expressions=[length.this]))
    for collate in list(tree.find_all(exp.Collate)):
        _rewrite_collate(collate)
    for conversion in list(tree.find_all(exp.Convert)):
        conversion.replace(_conversion(conversion))
    for made in list(tree.find_all(*_MADE_TEXT)):
        _cast_whole(made, "sys.nvarchar")
    for count in list(tree.find_all(exp.Count)):
        if not count.args.get("big_int"):
            _cast_whole(count, "integer")
    for schema in list(tree.find_all(exp.CurrentSchema)):
        named = [schema.this] if schema.this else []
        schema.replace(exp.Anonymous(this="sys.schema_name", expressions=named))
    for now in list(tree.find_all(exp.CurrentTimestamp)):
        now.replace(exp.Anonymous(this="sys.sysutcdatetime"))
    _rewrite_output(tree)


def _cast_whole(function: exp.Expr, kind: str) -> None:
    """Cast the result of a function, with its OVER or WITHIN GROUP."""
    whole = function
    while isinstance(whole.parent, exp.Window | exp.WithinGroup):
        whole = whole.parent
    whole.replace(exp.Cast(this=whole.copy(), to=types.named(kind)))


def _type_literals(tree: exp.Expr) -> None:
    for digits in list(tree.find_all(exp.HexString)):
        raw = exp.Literal.string("\\x" + digits.name)
        digits.replace(exp.Cast(this=raw, to=types.named("sys.varbinary")))
    for national in list(tree.find_all(exp.National)):
        national.replace(exp.Literal.string(national.name))
    for text in list(tree.find_all(exp.Literal)):
        is_typed = isinstance(text.parent, exp.Cast) and (
            text.parent.to.this is exp.DataType.Type.USERDEFINED
        )
        if text.is_string and not is_typed and not isinstance(text.parent, _SYNTAX):
            text.replace(exp.Cast(this=text.copy(), to=types.named("sys.nvarchar")))


def _rewrite_like(like: exp.Like) -> None:
    """LIKE has no case under the default collation, and no escape unless it names one."""
    folded = exp.ILike(this=like.this, expression=like.expression)
    if isinstance(like.parent, exp.Escape):
        like.replace(folded)
    else:
        like.replace(exp.Escape(this=folded, expression=exp.Literal.string("")))


def _rewrite_collate(collate: exp.Collate) -> None:
    """A collation decides for both sides of its comparison."""
    kind = "sys.nvarchar_bin" if types.is_binary(collate.expression.name) else "sys.nvarchar"
    parent = collate.parent
    mine = exp.Cast(this=collate.this.copy(), to=types.named(kind))
    if isinstance(parent, exp.Predicate) and isinstance(parent, exp.Binary):
        side = "expression" if parent.this is collate else "this"
        parent.set(side, exp.Cast(this=parent.args[side].copy(), to=types.named(kind)))
    collate.replace(mine)


def _conversion(conversion: exp.Convert) -> exp.Expr:
    kind, value = conversion.this.copy(), conversion.expression.copy()
    style = conversion.args.get("style")
    if style is None:
        return exp.Cast(this=value, to=kind)
    if kind.this in _BINARY_TYPES and style.name in _HEX_STYLES:
        value = exp.Anonymous(this="sys.unhex", expressions=[value, style.copy()])
    elif kind.this in _TEXT_TYPES:
        value = exp.Anonymous(this="sys.converted", expressions=[value, style.copy()])
    return exp.Cast(this=value, to=kind)


def _rewrite_output(tree: exp.Expr) -> None:
    """OUTPUT inserted.x is RETURNING new.x."""
    returning = tree.args.get("returning")
    if returning is None:
        return
    for column in returning.find_all(exp.Column):
        row = {"inserted": "new", "deleted": "old"}.get(column.table.lower())
        if row:
            column.set("table", exp.to_identifier(row))
