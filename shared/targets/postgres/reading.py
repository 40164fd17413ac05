"""Rows out of PostgreSQL: COPY as CSV, which Arrow reads in native code."""

import os
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
from pyarrow import csv

from shared.core.schemas import Column, Kind
from shared.stage import readback
from shared.targets.postgres import facts

BLOCK_BYTES = 2**20
"""Arrow reads the stream in blocks of this size."""


def read(
    cursor: Any, table: str, columns: Sequence[Column], condition: str = ""
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a table that meet a condition, or all, in flat memory."""
    source, sink = os.pipe()
    copying = _Copying(cursor, facts.copy_out(table, columns, condition), sink)
    copying.start()
    try:
        with os.fdopen(source, "rb") as stream:
            for batch in _parsed(stream, columns):
                arrays = [_restored(c, batch.column(at)) for at, c in enumerate(columns)]
                yield readback.batch(columns, arrays)
    finally:
        copying.join()
    if copying.error:
        raise copying.error


class _Copying(threading.Thread):
    """Sends what COPY writes into a pipe."""

    def __init__(self, cursor: Any, statement: str, sink: int) -> None:
        super().__init__(daemon=True)
        self._cursor = cursor
        self._statement = statement
        self._sink = sink
        self.error: BaseException | None = None

    def run(self) -> None:
        """Copy to the end; whatever goes wrong is kept for the reader."""
        try:
            with os.fdopen(self._sink, "wb", buffering=BLOCK_BYTES) as stream:
                self._cursor.execute(self._statement, stream=stream)
        except BaseException as exc:  # noqa: BLE001 - the reader gets it
            self.error = exc


def _parsed(stream: Any, columns: Sequence[Column]) -> Iterator[pa.RecordBatch]:
    names = [column.name for column in columns]
    options = csv.ConvertOptions(
        column_types={c.name: _carrier(c) for c in columns},
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        true_values=["t"],
        false_values=["f"],
    )
    try:
        yield from csv.open_csv(
            stream,
            read_options=csv.ReadOptions(column_names=names, block_size=BLOCK_BYTES),
            parse_options=csv.ParseOptions(newlines_in_values=True),
            convert_options=options,
        )
    except pa.ArrowInvalid as exc:
        if "Empty CSV" not in str(exc):
            raise


def _carrier(column: Column) -> pa.DataType:
    return pa.string() if column.type.kind is Kind.BINARY else readback.carrier(column)


def _restored(column: Column, values: pa.Array) -> pa.Array:
    if column.type.kind is not Kind.BINARY:
        return values
    digits = [None if text is None else bytes.fromhex(text) for text in values.to_pylist()]
    return pa.array(digits, pa.binary())
