"""Rows of a batch that have given values."""

import json
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from shared.core.drift import RESCUED
from shared.errors import InvalidMessageError


def matches(batch: pa.RecordBatch, criteria: Mapping[str, str]) -> list[int]:
    """Return the rows that have all of these values, given as text, by column.

    Raises:
        InvalidMessageError: a text is no value of its column's type.
    """
    found = None
    for name, text in criteria.items():
        column = batch.column(name)
        try:
            value = pa.scalar(text, pa.string()).cast(column.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as exc:
            raise InvalidMessageError(f"{text!r} is no value of {name}: {exc}") from exc
        same = pc.equal(column, value)
        found = same if found is None else pc.and_(found, same)
    rows: list[int] = pc.indices_nonzero(found).to_pylist()
    return rows


def rescued_matches(batch: pa.RecordBatch, name: str, text: str) -> list[int]:
    """Return the rows whose ``_rescued`` has a value for a column that the table has no place for.

    None where the batch has no such column.
    """
    if RESCUED not in batch.schema.names:
        return []
    objects = (json.loads(value or "{}") for value in batch.column(RESCUED).to_pylist())
    return [row for row, each in enumerate(objects) if str(each.get(name)) == text]
