"""UPDATE and DELETE with FROM: T-SQL repeats the target in FROM, PostgreSQL must not."""

from __future__ import annotations

from sqlglot import exp

from local.sqlserver.errors import SqlServerError


def rewrite(tree: exp.Expr) -> exp.Expr:
    """Return the statement with its target in one place; the joins' conditions go to WHERE.

    Raises:
        SqlServerError: 102, an outer join.
    """
    if isinstance(tree, exp.Update):
        return _update(tree)
    if isinstance(tree, exp.Delete) and tree.args.get("tables"):
        return _delete(tree)
    return tree


def _update(tree: exp.Update) -> exp.Expr:
    for assignment in tree.expressions:
        if isinstance(assignment.this, exp.Column):
            assignment.set("this", exp.column(assignment.this.this))
    source = tree.args.get("from_")
    if source is None:
        return tree
    target, others, conditions = _part(source.this, tree.this.name)
    if target is None:
        return tree
    tree.set("this", target)
    tree.set("from_", None)
    if others:
        tree.set("from_", exp.From(this=others[0]))
        others[0].set("joins", [exp.Join(this=each, kind="CROSS") for each in others[1:]])
    return _with_conditions(tree, conditions)


def _delete(tree: exp.Delete) -> exp.Expr:
    target, others, conditions = _part(tree.this, tree.args["tables"][0].name)
    if target is None:
        raise SqlServerError(208, "DELETE: the target is not in FROM.")
    tree.set("tables", None)
    tree.set("this", target)
    if others:
        tree.set("using", others)
    return _with_conditions(tree, conditions)


def _part(first: exp.Expr, name: str) -> tuple[exp.Expr | None, list[exp.Expr], list[exp.Expr]]:
    """Return the target out of FROM, what is joined to it, and on which conditions."""
    joins = first.args.get("joins") or []
    first.set("joins", None)
    if any(each.side or each.kind not in ("", "INNER", "CROSS") for each in joins):
        raise SqlServerError(102, "UPDATE or DELETE with an outer join is not translated here.", 15)
    sources = [first, *(each.this for each in joins)]
    conditions = [each.args["on"] for each in joins if each.args.get("on")]
    target = next((each for each in sources if each.alias_or_name == name), None)
    if target is None:
        first.set("joins", joins)
    return target, [each for each in sources if each is not target], conditions


def _with_conditions(tree: exp.Expr, conditions: list[exp.Expr]) -> exp.Expr:
    where = tree.args.get("where")
    if conditions:
        everything = [*conditions, *([where.this] if where else [])]
        tree.set("where", exp.Where(this=exp.and_(*everything)))
    return tree
