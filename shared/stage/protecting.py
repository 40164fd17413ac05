"""The columns that a table protects, protected while batches pass on their way to Parquet."""

from collections.abc import Iterable, Iterator
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from shared.core.protection import Protection, Rule, Rules, protected
from shared.core.schemas import Column, TableSchema
from shared.stage import canonical
from shared.stage.arrow import arrow_schema

HIDDEN = "***"
"""Stands for what a mask hides, however long that is."""


class Keys(Protocol):
    """What makes hashes and tokens of texts."""

    def hashes(self, texts: pa.Array) -> pa.Array:
        """Return the hash of each text; NULL stays NULL."""

    def tokens(self, texts: pa.Array) -> pa.Array:
        """Return the token of each text; NULL stays NULL."""


class WithoutKeys:
    """Stands in where nobody has the key: hidden text, not hashes and tokens."""

    def hashes(self, texts: pa.Array) -> pa.Array:
        """Hide each text; NULL stays NULL."""
        return _constant(texts, HIDDEN)

    tokens = hashes


class Protector:
    """Protects columns of batches by a table's rules; columns that are dropped are left out."""

    def __init__(self, rules: Rules, keys: Keys) -> None:
        self._rules = rules
        self._keys = keys

    def schema(self, read: TableSchema) -> TableSchema:
        """Return the columns that become of those that are read."""
        columns = tuple(c for c in read if not self._is_dropped(c))
        return protected(TableSchema(columns, read.primary_key), self._rules)

    def passing(
        self, batches: Iterable[pa.RecordBatch], read: TableSchema
    ) -> Iterator[pa.RecordBatch]:
        """Yield batches with their columns protected, of the schema that ``schema`` returns.

        Args:
            batches: rows as they were read.
            read: their columns.
        """
        schema = arrow_schema(self.schema(read))
        left = [column for column in read if not self._is_dropped(column)]
        for batch in batches:
            arrays = [self._protected(column, batch.column(column.name)) for column in left]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    def _is_dropped(self, column: Column) -> bool:
        rule = self._rules.get(column.name)
        return rule is not None and rule.kind is Protection.DROP

    def _protected(self, column: Column, values: pa.Array) -> pa.Array:
        rule = self._rules.get(column.name)
        if rule is None:
            return values
        if rule.kind is Protection.REDACT:
            if rule.constant is None:
                return pa.nulls(len(values), values.type)
            return _constant(values, rule.constant)
        texts = canonical.texts(column, values)
        if rule.kind is Protection.MASK:
            return masked(texts, rule)
        return (
            self._keys.hashes(texts) if rule.kind is Protection.HASH else self._keys.tokens(texts)
        )


def masked(texts: pa.Array, rule: Rule) -> pa.Array:
    """Return texts of which a mask shows the ends, never more than half of one."""
    shown = []
    if rule.keep_first:
        shown.append(pc.utf8_slice_codeunits(texts, 0, rule.keep_first))
    shown.append(pa.scalar(HIDDEN))
    if rule.keep_last:
        shown.append(pc.utf8_slice_codeunits(texts, -rule.keep_last))
    is_long = pc.greater_equal(pc.utf8_length(texts), 2 * (rule.keep_first + rule.keep_last))
    return pc.if_else(is_long, pc.binary_join_element_wise(*shown, ""), HIDDEN)


def _constant(values: pa.Array, text: str) -> pa.Array:
    return pc.if_else(pc.is_valid(values), pa.scalar(text), pa.scalar(None, pa.string()))
