"""Names of result columns: an expression without an alias is named by its own text."""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.tokens import Token, TokenType  # type: ignore[attr-defined]

_OPENING = {TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE}
_CLOSING = {TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE}
_ENDING = {
    TokenType.FROM,
    TokenType.WHERE,
    TokenType.ORDER_BY,
    TokenType.GROUP_BY,
    TokenType.LIMIT,
    TokenType.UNION,
    TokenType.EXCEPT,
    TokenType.INTERSECT,
    TokenType.SEMICOLON,
}


def name_projections(query: exp.Query, sql: str) -> None:
    """Alias the unnamed columns of a query in place; `sql` is the query's text."""
    select = query.find(exp.Select)
    if select is None:
        return
    texts = _projection_texts(sql)
    for index, projection in enumerate(list(select.expressions)):
        if isinstance(projection, (exp.Alias, exp.Column)) or projection.is_star:
            continue
        if len(texts) == len(select.expressions):
            text = texts[index]
        else:
            text = projection.sql(dialect="snowflake")
        name = exp.to_identifier(text.upper(), quoted=True)
        projection.replace(exp.alias_(projection.copy(), name))


def _projection_texts(sql: str) -> list[str]:
    """The source text of each column of the first SELECT that is not inside parentheses."""
    groups: list[list[Token]] = []
    depth = 0
    for token in sqlglot.tokenize(sql, read="snowflake"):
        if token.token_type in _CLOSING:
            depth -= 1
        if depth == 0 and groups and token.token_type in _ENDING:
            break
        starts = TokenType.COMMA if groups else TokenType.SELECT
        if depth == 0 and token.token_type is starts:
            groups.append([])
        elif groups and token.token_type not in {TokenType.DISTINCT, TokenType.ALL}:
            groups[-1].append(token)
        if token.token_type in _OPENING:
            depth += 1
    return [sql[group[0].start : group[-1].end + 1] for group in groups if group]
