"""Arrow batches as PostgreSQL's binary COPY format, encoded in native code."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from shared.ahead import ahead
from shared.core.fidelity import Consent
from shared.core.schemas import Column, Kind
from shared.stage.arrow import arrow_field
from shared.targets import consents
from shared.targets.postgres import sql

MESSAGE_BYTES = 2**16
"""Rows go to the server in messages of this size, which stay in the processors' caches; it takes in
each as a whole before it reads rows from it. Source: PostgreSQL, "COPY Operations": messages need
not end where rows do.
"""


def send(
    cursor: Any,
    table: str,
    columns: Sequence[Column],
    batches: Iterable[pa.RecordBatch],
    *,
    part: str,
    destination: dict[str, str],  # noqa: ARG001 - checked among the staged rows
) -> None:
    """Copy rows into a table.

    Raises:
        ValueNotRepresentableError: text with a NUL character, which PostgreSQL cannot store.
    """
    with ahead(encode(columns, batches, part)) as blocks:
        cursor.execute(sql.copy_in(table, columns), stream=messages(blocks))


def messages(blocks: Iterable[bytes]) -> Iterator[memoryview]:
    """Cut blocks into what is sent at a time, without copying them."""
    for block in blocks:
        view = memoryview(block)
        for start in range(0, len(view), MESSAGE_BYTES):
            yield view[start : start + MESSAGE_BYTES]


def encode(
    columns: Sequence[Column], batches: Iterable[pa.RecordBatch], place: str
) -> Iterator[bytes]:
    """Yield blocks for ``COPY … (FORMAT binary)``, about as large as the batches.

    Args:
        columns: of the batches.
        batches: the rows.
        place: where they come from, for messages.

    Raises:
        ValueNotRepresentableError: text with a NUL character, which PostgreSQL cannot store.
    """
    import pgpq
    from pgpq.encoders import StringEncoderBuilder
    from pgpq.schema import Jsonb

    fields = [arrow_field(c) for c in columns]
    encoders = {
        c.name: StringEncoderBuilder.new_with_output(field, Jsonb())
        if c.type.kind is Kind.JSON
        else pgpq.ArrowToPostgresBinaryEncoder.infer_encoder(field)
        for c, field in zip(columns, fields, strict=True)
    }
    encoder = pgpq.ArrowToPostgresBinaryEncoder.new_with_encoders(pa.schema(fields), encoders)
    yield encoder.write_header()
    rows = 0
    for batch in batches:
        _refuse_nul(columns, batch, place, rows)
        yield encoder.write_batch(batch)
        rows += batch.num_rows
    yield encoder.finish()


def _refuse_nul(
    columns: Sequence[Column], batch: pa.RecordBatch, place: str, first_row: int
) -> None:
    for column in columns:
        if column.type.kind not in (Kind.TEXT, Kind.JSON):
            continue
        values = batch.column(column.name)
        found = _first_nul(values, is_json=column.type.kind is Kind.JSON)
        if found is not None:
            raise consents.refusal(
                column.name,
                first_row + found + 1,
                place,
                why="text with a NUL character (U+0000)",
                engine="PostgreSQL",
                consent=Consent.NUL,
            )


def _first_nul(values: pa.Array, *, is_json: bool) -> int | None:
    """Return the place of the first text with U+0000, plain or as JSON writes it."""
    data = values.buffers()[2]
    if data is None:
        return None
    content = data.to_pybytes()
    masks = [pc.match_substring(values, "\x00")] if b"\x00" in content else []
    if is_json and b"\\u0000" in content:
        masks.append(pc.match_substring_regex(values, consents.ESCAPED_NUL))
    places = [pc.index(mask, True).as_py() for mask in masks]
    return min((each for each in places if each >= 0), default=None)
