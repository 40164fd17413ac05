"""Arrow batches as PostgreSQL's binary COPY format, encoded in native code."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from shared.ahead import ahead
from shared.core.schemas import Column, Kind
from shared.errors import ValueNotRepresentableError
from shared.stage.arrow import arrow_field
from shared.targets.postgres import sql


def send(
    cursor: Any,
    table: str,
    columns: Sequence[Column],
    batches: Iterable[pa.RecordBatch],
    *,
    part: str,  # noqa: ARG001 - the server itself says what is wrong with a value
    destination: dict[str, str],  # noqa: ARG001 - checked among the staged rows
) -> None:
    """Copy rows into a table.

    Raises:
        ValueNotRepresentableError: text with a NUL character, which PostgreSQL cannot store.
    """
    with ahead(encode(columns, batches)) as blocks:
        cursor.execute(sql.copy_in(table, columns), stream=blocks)


def encode(columns: Sequence[Column], batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    """Yield blocks for ``COPY … (FORMAT binary)``, about as large as the batches.

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
    for batch in batches:
        _refuse_nul(columns, batch)
        yield encoder.write_batch(batch)
    yield encoder.finish()


def _refuse_nul(columns: Sequence[Column], batch: pa.RecordBatch) -> None:
    for column in columns:
        if column.type.kind not in (Kind.TEXT, Kind.JSON):
            continue
        data = batch.column(column.name).buffers()[2]
        if data is not None and b"\x00" in data.to_pybytes():
            raise ValueNotRepresentableError(
                f"column {column.name} has text with a NUL character (U+0000), which PostgreSQL "
                "cannot store; remove it at the source",
                column=column.name,
            )
