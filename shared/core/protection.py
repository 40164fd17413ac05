"""Protected columns: what becomes of their values before anything is staged.

A table file gives a column one rule. What is staged, loaded, compared and shown is the protected
form alone; docs/tables.md says what each kind makes of a value.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from shared.core.schemas import Column, DataType, Kind, TableSchema
from shared.errors import InvalidConfigError


class Protection(StrEnum):
    """The closed set of ways to protect a column."""

    HASH = "hash"
    """A keyed hash: equal values stay equal, and nobody gets the value back."""
    TOKENIZE = "tokenize"
    """A token: equal values stay equal, and who has the key gets the value back."""
    MASK = "mask"
    """The first or last characters, the others hidden."""
    REDACT = "redact"
    """NULL, or one constant for all values."""
    DROP = "drop"
    """The column does not arrive."""


KEYED = frozenset({Protection.HASH, Protection.TOKENIZE})
"""What needs the protection key. Both keep different values different, so a key may have them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How one column is protected; ``keep_first`` and ``keep_last`` count characters."""

    kind: Protection
    keep_first: int = 0
    keep_last: int = 0
    constant: str | None = None

    def __str__(self) -> str:
        options = {
            "keep_first": self.keep_first or None,
            "keep_last": self.keep_last or None,
            "constant": None if self.constant is None else repr(self.constant),
        }
        said = (f"{name} {value}" for name, value in options.items() if value is not None)
        return ", ".join([self.kind.value, *said])

    @property
    def is_text(self) -> bool:
        """Whether the protected form is text, whatever the column was."""
        return self.kind is not Protection.REDACT or self.constant is not None

    @property
    def keeps_nulls(self) -> bool:
        """Whether exactly those values are NULL that were NULL before."""
        return self.is_text

    def column(self, column: Column) -> Column:
        """Return the column of the protected form."""
        if self.is_text:
            return replace(column, type=DataType(Kind.TEXT))
        return replace(column, is_nullable=True)


Rules = Mapping[str, Rule]
"""Rules by the column's name in the target."""


def kept(schema: TableSchema, rules: Rules, *, table: str) -> TableSchema:
    """Return the columns of a source that are read at all: without those that are dropped.

    Raises:
        InvalidConfigError: a rule names no column, its key would not tell rows apart any more, or
            no column would be left.
    """
    if strangers := [name for name in rules if name not in schema.names]:
        raise InvalidConfigError(
            f"columns of {table} protects {', '.join(strangers)}, which the source does not have; "
            "nothing is read, because the values might come under another name. Its columns are "
            f"{', '.join(schema.names)}",
            table=table,
        )
    for name in schema.primary_key:
        if name in rules and rules[name].kind not in KEYED:
            raise InvalidConfigError(key_refusal(name, rules[name].kind), table=table)
    columns = tuple(c for c in schema if not _is_dropped(c.name, rules))
    if not columns:
        raise InvalidConfigError(f"columns of {table} drops every column", table=table)
    return TableSchema(columns, schema.primary_key)


def protected(schema: TableSchema, rules: Rules) -> TableSchema:
    """Return the columns of the protected form of what was read."""
    columns = (rules[c.name].column(c) if c.name in rules else c for c in schema)
    return TableSchema(tuple(columns), schema.primary_key)


def key_refusal(name: str, kind: Protection) -> str:
    """Return why a column of the primary key cannot be protected in a way."""
    return (
        f"{name} is in the primary_key and cannot be protected by {kind}: different rows would get "
        f"the same key. Use {' or '.join(sorted(KEYED))}, or choose another key"
    )


def _is_dropped(name: str, rules: Rules) -> bool:
    return name in rules and rules[name].kind is Protection.DROP
