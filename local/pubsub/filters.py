"""The filter language of subscriptions: from an expression to a test of a message's attributes.

    attributes:key                    the key is there
    attributes.key = "value"          != for the opposite
    hasPrefix(attributes.key, "v")    the value begins so
    NOT x   -x   x AND y   x OR y     AND beside OR needs parentheses

A key with characters other than letters, digits, hyphen and underscore is written as a string.
Source: Pub/Sub, "Filter messages from a subscription".
"""

import json
import re
from collections.abc import Callable, Mapping

from local.rpc import invalid

Filter = Callable[[Mapping[str, str]], bool]
"""Takes a message's attributes."""

FILTER_MAX_BYTES = 256
"""Source: Pub/Sub, "Quotas and limits"."""

_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[A-Za-z0-9_][A-Za-z0-9_-]*|!=|[-=:.,()])')


def compile_filter(expression: str) -> Filter:
    """Return the test that an expression means; an empty one lets everything pass.

    Raises:
        RefusedError: INVALID_ARGUMENT, the expression is not in the language, or too long.
    """
    if not expression:
        return lambda _: True
    if len(expression.encode()) > FILTER_MAX_BYTES:
        raise invalid(f"The filter is longer than {FILTER_MAX_BYTES} bytes.")
    return _Parser(expression).parse()


class _Parser:
    """Reads from left to right, one method per rule of the grammar."""

    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._position = 0

    def parse(self) -> Filter:
        result = self._junction()
        if self._expression[self._position :].strip():
            raise self._unexpected()
        return result

    def _junction(self) -> Filter:
        terms = [self._term()]
        operator = self._peek()
        if operator not in ("AND", "OR"):
            return terms[0]
        while self._accept(operator):
            terms.append(self._term())
        if self._peek() in ("AND", "OR"):
            raise invalid(f"Put parentheses around AND beside OR: {self._expression}")
        every = operator == "AND"
        return lambda values: (all if every else any)(term(values) for term in terms)

    def _term(self) -> Filter:
        if self._accept("NOT") or self._accept("-"):
            negated = self._term()
            return lambda values: not negated(values)
        if self._accept("("):
            inner = self._junction()
            self._expect(")")
            return inner
        return self._prefix() if self._accept("hasPrefix") else self._comparison()

    def _prefix(self) -> Filter:
        for token in ("(", "attributes", "."):
            self._expect(token)
        key = self._key()
        self._expect(",")
        prefix = self._string()
        self._expect(")")
        return lambda values: key in values and values[key].startswith(prefix)

    def _comparison(self) -> Filter:
        self._expect("attributes")
        if self._accept(":"):
            present = self._key()
            return lambda values: present in values
        self._expect(".")
        key = self._key()
        is_equal = self._accept("=")
        if not is_equal:
            self._expect("!=")
        value = self._string()
        return lambda values: (values.get(key) == value) is is_equal

    def _key(self) -> str:
        token = self._peek()
        if token.startswith('"'):
            return self._string()
        if not re.fullmatch(r"[\w-]+", token):
            raise self._unexpected()
        self._expect(token)
        return token

    def _string(self) -> str:
        token = self._peek()
        if not token.startswith('"'):
            raise self._unexpected()
        self._expect(token)
        try:
            return str(json.loads(token))
        except ValueError as exc:
            raise invalid(f"Not a string of the filter language: {token}") from exc

    def _peek(self) -> str:
        match = _TOKEN.match(self._expression, self._position)
        return match[1] if match else ""

    def _accept(self, token: str) -> bool:
        match = _TOKEN.match(self._expression, self._position)
        if match is None or match[1] != token:
            return False
        self._position = match.end()
        return True

    def _expect(self, token: str) -> None:
        if not self._accept(token):
            raise self._unexpected()

    def _unexpected(self) -> Exception:
        rest = self._expression[self._position :].strip() or "its end"
        return invalid(f"The filter {self._expression!r} cannot be read at {rest!r}.")
