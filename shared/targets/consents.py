"""Values that a target cannot keep: refused by name, or altered as the table file accepts.

Batches pass here on their way from their part to the target. What is altered is altered in Arrow,
before anything is sent, so that all targets do it alike.
"""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from shared.core.fidelity import Cell, Consent, remedy
from shared.core.schemas import Column, Kind
from shared.errors import ValueNotRepresentableError

Accepted = Mapping[str, Collection[Consent]]
"""Columns with what their table accepts."""

MIN_NORMAL = 2.2250738585072014e-308
"""The float nearest to 0 that has all of its digits. Source: IEEE 754, binary64."""

ESCAPED_NUL = r"((?:^|[^\\])(?:\\\\)*)\\u0000"
"""U+0000 as JSON writes it, with what stands before its backslash."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much the columns of an existing table take, by column; ``is_utf16``: in UTF-16 units.

    Otherwise in characters; bytes where a column is binary.
    """

    lengths: Mapping[str, int]
    is_utf16: bool = False


NO_LIMITS = Limits(lengths={})


def refusal(
    column: str, row: int, place: str, *, why: str, engine: str, consent: Consent | None
) -> ValueNotRepresentableError:
    """Return the error that names one value, and the setting that consents to its alteration.

    Args:
        column: its name.
        row: number of the row in its part, from 1.
        place: the part.
        why: what is wrong with the value.
        engine: which target cannot keep it.
        consent: what would let it pass; None: nothing does.
    """
    setting = f", or accept the change: {remedy(column, consent)}" if consent else ""
    return ValueNotRepresentableError(
        f"column {column}, row {row} of {place}: {why}; {engine} cannot keep it as it is. Mend the "
        f"source{setting}",
        column=column,
        row=row,
    )


def accepted(
    batches: Iterable[pa.RecordBatch],
    columns: Sequence[Column],
    accept: Accepted,
    *,
    cells: Mapping[Kind, Cell],
    limits: Limits = NO_LIMITS,
) -> Iterator[pa.RecordBatch]:
    """Yield batches whose values are altered as far as a table accepts and a target needs it.

    Args:
        batches: with the columns in order.
        columns: theirs.
        accept: what the table file says.
        cells: the target's types; what it keeps as it is, is left alone.
        limits: of the table that the rows end in.
    """
    wanted = {c.name: _wanted(c, accept, cells, limits) for c in columns if c.name in accept}
    if not any(wanted.values()):
        yield from batches
        return
    for batch in batches:
        arrays = [
            _altered(column, batch.column(position), wanted.get(column.name, ()), limits)
            for position, column in enumerate(columns)
        ]
        yield pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


def _wanted(
    column: Column, accept: Accepted, cells: Mapping[Kind, Cell], limits: Limits
) -> tuple[Consent, ...]:
    given = accept[column.name]
    needed = [each for each in cells[column.type.kind].consents if each in given]
    if Consent.LENGTH in given and column.name in limits.lengths:
        needed.append(Consent.LENGTH)
    return tuple(needed)


def _altered(
    column: Column, values: pa.Array, consents: Sequence[Consent], limits: Limits
) -> pa.Array:
    for consent in consents:
        changed = _alter(column, values, consent, limits)
        differ = _differing(values, changed)
        if differ:
            facts = {"column": column.name, "consent": str(consent), "values": differ}
            log.warning("values altered as the table accepts", extra=facts)
        values = changed
    return values


def _alter(column: Column, values: pa.Array, consent: Consent, limits: Limits) -> pa.Array:
    if consent is Consent.NUL:
        plain = pc.replace_substring(values, "\x00", "")
        return without_escaped_nul(plain) if column.type.kind is Kind.JSON else plain
    if consent is Consent.NOT_FINITE:
        return pc.if_else(pc.is_finite(values), values, pa.scalar(None, values.type))
    if consent is Consent.TINY:
        return pc.if_else(pc.less(pc.abs(values), MIN_NORMAL), pa.scalar(0.0), values)
    if consent is Consent.LENGTH:
        return cut(values, limits.lengths[column.name], is_utf16=limits.is_utf16)
    return values


def without_escaped_nul(texts: pa.Array) -> pa.Array:
    """Return JSON texts without U+0000 in its written form."""
    while pc.any(pc.match_substring_regex(texts, ESCAPED_NUL)).as_py():
        texts = pc.replace_substring_regex(texts, ESCAPED_NUL, r"\1")
    return texts


def cut(values: pa.Array, limit: int, *, is_utf16: bool) -> pa.Array:
    """Return texts, or bytes, of at most so many characters, UTF-16 units, or bytes."""
    if pa.types.is_binary(values.type):
        return pc.binary_slice(values, 0, limit)
    texts = pc.utf8_slice_codeunits(values, 0, limit)
    if not is_utf16 or not pc.any(pc.greater(pc.binary_length(texts), limit)).as_py():
        return texts
    return pa.array([_cut_units(text.as_py(), limit) for text in texts], values.type)


def _cut_units(text: str | None, limit: int) -> str | None:
    if text is None:
        return None
    units = text.encode("utf-16-le")[: 2 * limit]
    return units.decode("utf-16-le", "ignore")  # half of a pair at the end goes too


def _differing(before: pa.Array, after: Any) -> int:
    if before.equals(after):
        return 0
    same = pc.fill_null(pc.equal(before, after), False)  # noqa: FBT003
    both_null = pc.and_(pc.is_null(before), pc.is_null(after))
    return len(before) - int(pc.sum(pc.or_(same, both_null)).as_py() or 0)
