"""A batch as a sequence of statements, with IF, ELSE and BEGIN … END.

Statements end at a semicolon, or where one that can only stand first begins (DECLARE, EXEC, COMMIT,
ROLLBACK).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot.errors import SqlglotError

from local.sqlserver.errors import SqlServerError

_ALWAYS_FIRST = {"DECLARE", "EXEC", "EXECUTE", "COMMIT", "ROLLBACK"}
_AFTER_CONDITION = _ALWAYS_FIRST | {
    *("CREATE", "INSERT", "UPDATE", "DELETE", "DROP", "ALTER", "SELECT", "SET", "BEGIN"),
    *("TRUNCATE", "THROW", "RETURN"),
}
_TRANSACTION = {"TRAN", "TRANSACTION"}


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, as text."""

    sql: str


@dataclass(frozen=True, slots=True)
class Branch:
    """IF condition … ELSE …."""

    condition: str
    then: tuple[Node, ...]
    otherwise: tuple[Node, ...]


Node = Statement | Branch


@functools.lru_cache(maxsize=512)
def parse(sql: str) -> tuple[Node, ...]:
    """Return the batch's statements.

    Raises:
        SqlServerError: 102, a quote or a block does not end.
    """
    try:
        tokens = sqlglot.tokenize(sql, read="tsql")
    except SqlglotError as error:
        raise SqlServerError(102, f"Incorrect syntax: {error}.", 15) from error
    reader = _Reader(sql, tokens)
    nodes = reader.nodes()
    if not reader.is_at_end:
        raise SqlServerError(102, f"Incorrect syntax near '{reader.word}'.", 15)
    return nodes


class _Reader:
    def __init__(self, sql: str, tokens: list[Any]) -> None:
        self._sql = sql
        self._tokens = tokens
        # A bracketed or quoted name is no keyword.
        self._words = [
            sql[each.start : each.end + 1].upper() if sql[each.start] not in "[\"'" else ""
            for each in tokens
        ]
        self._at = 0

    @property
    def is_at_end(self) -> bool:
        return self._at >= len(self._words)

    @property
    def word(self) -> str:
        return "" if self.is_at_end else self._words[self._at]

    def nodes(self) -> tuple[Node, ...]:
        found: list[Node] = []
        while not self.is_at_end and self.word not in ("END", "ELSE"):
            if self.word == ";":
                self._at += 1
            else:
                found += self._node()
        return tuple(found)

    def _node(self) -> tuple[Node, ...]:
        if self.word == "IF":
            return (self._branch(),)
        following = self._words[self._at + 1 : self._at + 2]
        if self.word == "BEGIN" and not _TRANSACTION.intersection(following):
            self._at += 1
            inner = self.nodes()
            if self.word != "END":
                raise SqlServerError(102, "Incorrect syntax: BEGIN without END.", 15)
            self._at += 1
            return inner
        return (Statement(self._text(self._statement_end())),)

    def _branch(self) -> Branch:
        self._at += 1
        depth, end = 0, self._at
        while end < len(self._words) and (depth or self._words[end] not in _AFTER_CONDITION):
            depth += (self._words[end] == "(") - (self._words[end] == ")")
            end += 1
        condition = self._text(end)
        then = self._node()
        if self.word == ";" and self._words[self._at + 1 : self._at + 2] == ["ELSE"]:
            self._at += 1
        if self.word != "ELSE":
            return Branch(condition, then, ())
        self._at += 1
        return Branch(condition, then, self._node())

    def _statement_end(self) -> int:
        depth = cases = 0
        for at in range(self._at, len(self._words)):
            word = self._words[at]
            depth += (word == "(") - (word == ")")
            cases += word == "CASE"
            is_end = not cases and (
                word in (";", "END", "ELSE") or (at > self._at and word in _ALWAYS_FIRST)
            )
            if is_end and not depth:
                return at
            cases -= word == "END"
        return len(self._words)

    def _text(self, end: int) -> str:
        if end <= self._at:
            raise SqlServerError(102, f"Incorrect syntax near '{self.word}'.", 15)
        start, stop = self._tokens[self._at].start, self._tokens[end - 1].end + 1
        self._at = end
        return self._sql[start:stop]
