"""Which rows are wanted, as conditions for any engine: it quotes the names and binds the values."""

from collections.abc import Callable

from shared.core.plans import Slice
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


def within(piece: Slice, compare: Callable[[str, str], str], null: str) -> str:
    """Return the condition that a value lies in a slice, empty where the slice has no limits.

    Args:
        piece: the slice; NULL lies in the first one.
        compare: returns ``value symbol limit`` in an engine's own words.
        null: the condition that the value is NULL.
    """
    limits = ((">", piece.after), ("<=", piece.upto))
    inside = " AND ".join(compare(symbol, text) for symbol, text in limits if text is not None)
    is_first = piece.after is None and bool(inside)
    return f"({inside} OR {null})" if is_first else inside


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
