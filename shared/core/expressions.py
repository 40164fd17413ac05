"""Conditions on one row, as table files write them: a small part of SQL, the same for every target.

A condition is parsed here into calls of a closed set of operations; what they mean is decided once,
over Arrow batches, so that a row breaks it or not whatever the target's dialect says.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

FUNCTIONS = {
    "length": 1,
    "lower": 1,
    "upper": 1,
    "trim": 1,
    "abs": 1,
    "coalesce": 2,
}
"""Functions with the fewest arguments that they take; only ``coalesce`` takes more."""

MAX_DEPTH = 50
"""Parentheses and operators within one another: more is a slip, and would exhaust the stack."""

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<text>'(?:[^']|'')*')|(?P<quoted>\"(?:[^\"]|\"\")+\")"
    r"|(?P<word>[A-Za-z_]\w*)|(?P<sign>--|/\*|\|\||<>|!=|<=|>=|[=<>+\-*/(),]))"
)
_KEYWORDS = frozenset({"AND", "OR", "NOT", "IS", "NULL", "IN", "BETWEEN", "LIKE", "TRUE", "FALSE"})
_CONSTANTS = {"NULL": None, "TRUE": True, "FALSE": False}
_COMPARISONS = {"=": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that the condition states."""

    value: Decimal | str | bool | None


@dataclass(frozen=True, slots=True)
class Name:
    """A column, as the target names it."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """An operator or a function of ``FUNCTIONS``, by its name."""

    operation: str
    arguments: tuple["Expression", ...]


Expression = Literal | Name | Call


def parse(text: str) -> Expression:
    """Read a condition.

    Raises:
        ValueError: it is none; the message says from where on.
    """
    return _Parser(text).whole()


def columns(expression: Expression) -> list[str]:
    """Return the columns that a condition looks at, each once, in the order of the text."""
    return list(dict.fromkeys(_names(expression)))


def _names(expression: Expression) -> Iterator[str]:
    if isinstance(expression, Name):
        yield expression.name
    elif isinstance(expression, Call):
        for argument in expression.arguments:
            yield from _names(argument)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


class _Parser:
    """Recursive descent: one method per level of binding, the loosest first."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(self._cut(text))
        self._next = 0
        self._depth = 0

    def whole(self) -> Expression:
        found = self._disjunction()
        if self._peek().kind != "end":
            raise self._error("is more than one condition")
        return found

    def _cut(self, text: str) -> Iterator[_Token]:
        at, end = 0, len(text.rstrip())
        while at < end:
            match = _TOKEN.match(text, at)
            if match is None or match.lastgroup is None:
                rest = text[at:].strip()
                raise ValueError(f"{text!r} cannot be read from {rest!r} on")
            word = match[match.lastgroup]
            is_keyword = match.lastgroup == "word" and word.upper() in _KEYWORDS
            kind = "keyword" if is_keyword else match.lastgroup
            yield _Token(kind, word.upper() if is_keyword else word, match.start(match.lastgroup))
            at = match.end()
        yield _Token("end", "", end)

    def _disjunction(self) -> Expression:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ValueError("the condition is nested too deeply; cut it into several checks")
        found = self._chain(self._conjunction, "OR")
        self._depth -= 1
        return found

    def _conjunction(self) -> Expression:
        return self._chain(self._negation, "AND")

    def _chain(self, operand: Callable[[], Expression], *operators: str) -> Expression:
        found = operand()
        while self._peek().text in operators and self._peek().kind in ("keyword", "sign"):
            operator = self._take().text
            found = Call(operator, (found, operand()))
        return found

    def _negation(self) -> Expression:
        count = 0
        while self._accept("NOT"):
            count += 1
        found = self._comparison()
        return Call("NOT", (found,)) if count % 2 else found

    def _comparison(self) -> Expression:
        left = self._sum()
        token = self._peek()
        if token.kind == "sign" and token.text in _COMPARISONS:
            self._take()
            return Call(_COMPARISONS[token.text], (left, self._sum()))
        if self._accept("IS"):
            is_negated = self._accept("NOT")
            self._require("NULL")
            return _negated(Call("IS NULL", (left,)), is_negated=is_negated)
        is_negated = self._accept("NOT")
        found = self._predicate(left)
        if found is None:
            if is_negated:
                raise self._error("must be IN, BETWEEN or LIKE after NOT")
            return left
        return _negated(found, is_negated=is_negated)

    def _predicate(self, left: Expression) -> Expression | None:
        if self._accept("IN"):
            return Call("IN", (left, *self._list(self._sum)))
        if self._accept("BETWEEN"):
            low = self._sum()
            self._require("AND")
            return Call("AND", (Call(">=", (left, low)), Call("<=", (left, self._sum()))))
        if self._accept("LIKE"):
            token = self._take()
            if token.kind != "text":
                raise self._error("LIKE needs a pattern in single quotes", token)
            return Call("LIKE", (left, Literal(_unquoted(token.text))))
        return None

    def _sum(self) -> Expression:
        return self._chain(self._product, "+", "-", "||")

    def _product(self) -> Expression:
        return self._chain(self._sign, "*", "/")

    def _sign(self) -> Expression:
        is_negative = False
        while self._accept("-"):
            is_negative = not is_negative
        found = self._atom()
        if not is_negative:
            return found
        if isinstance(found, Literal) and isinstance(found.value, Decimal):
            return Literal(-found.value)
        return Call("-", (Literal(Decimal(0)), found))

    def _atom(self) -> Expression:
        token = self._take()
        if token.kind == "number":
            return Literal(Decimal(token.text))
        if token.kind == "text":
            return Literal(_unquoted(token.text))
        if token.kind == "quoted":
            return Name(_unquoted(token.text))
        if token.kind == "keyword" and token.text in _CONSTANTS:
            return Literal(_CONSTANTS[token.text])
        if token.kind == "word":
            return self._call(token) if self._peek().text == "(" else Name(token.text)
        if token.text == "(":
            found = self._disjunction()
            self._require(")")
            return found
        raise self._error("is no value", token)

    def _call(self, token: _Token) -> Expression:
        name = token.text.lower()
        if name not in FUNCTIONS:
            raise self._error(f"is no function; known: {', '.join(FUNCTIONS)}", token)
        arguments = tuple(self._list(self._disjunction))
        is_open = name == "coalesce"
        if len(arguments) < FUNCTIONS[name] or (len(arguments) > FUNCTIONS[name] and not is_open):
            raise self._error(f"does not take {len(arguments)} arguments", token)
        return Call(name, arguments)

    def _list(self, element: Callable[[], Expression]) -> list[Expression]:
        self._require("(")
        found = [element()]
        while self._accept(","):
            found.append(element())
        self._require(")")
        return found

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._peek()
        if token.kind != "end":
            self._next += 1
        return token

    def _accept(self, text: str) -> bool:
        token = self._peek()
        if token.kind in ("keyword", "sign") and token.text == text:
            self._next += 1
            return True
        return False

    def _require(self, text: str) -> None:
        token = self._peek()
        if not self._accept(text):
            raise self._error(f"must be {text}", token)

    def _error(self, problem: str, token: _Token | None = None) -> ValueError:
        at = (token or self._peek()).at
        place = f"{self._text[at:].strip()!r}" if self._text[at:].strip() else "the end"
        return ValueError(f"in the condition {self._text!r}, {place} {problem}")


def _negated(expression: Expression, *, is_negated: bool) -> Expression:
    return Call("NOT", (expression,)) if is_negated else expression


def _unquoted(text: str) -> str:
    quote = text[0]
    return text[1:-1].replace(quote * 2, quote)
