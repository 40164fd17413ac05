"""A selection as a WHERE clause, for any engine: names quoted by it, values bound."""

from collections.abc import Callable

from shared.core.schemas import Column
from shared.core.selections import SYMBOLS, Comparison, Condition, Operator, Selection

Compare = Callable[[Column, str, str], str]
"""Returns ``column symbol value`` in an engine's own words, and binds the value."""


def where(selection: Selection, quote: Callable[[str], str], compare: Compare) -> str:
    """Return the WHERE clause of a selection, empty where there is none."""
    parts = [_condition(each, quote, compare) for each in selection.conditions]
    if selection.after is not None:
        parts.append(_behind(selection, compare))
    return f" WHERE {' AND '.join(parts)}" if parts else ""


def order(selection: Selection, quote: Callable[[str], str]) -> str:
    """Return the ORDER BY clause of a selection, empty where it has no key."""
    names = ", ".join(quote(column.name) for column in selection.key)
    return f" ORDER BY {names}" if names else ""


def _condition(condition: Condition, quote: Callable[[str], str], compare: Compare) -> str:
    if isinstance(condition, Comparison):
        return compare(condition.column, SYMBOLS[condition.operator], condition.value)
    return f"{quote(condition.column.name)} IS {'' if condition.is_null else 'NOT '}NULL"


def _behind(selection: Selection, compare: Compare) -> str:
    """Return what is true for the rows behind a key: its first part is greater, or equal and …"""
    values = selection.after or ()
    choices = []
    for last in range(len(selection.key)):
        same = [
            compare(column, SYMBOLS[Operator.EQ], value)
            for column, value in zip(selection.key[:last], values[:last], strict=True)
        ]
        greater = compare(selection.key[last], SYMBOLS[Operator.GT], values[last])
        choices.append(f"({' AND '.join([*same, greater])})")
    return f"({' OR '.join(choices)})"
