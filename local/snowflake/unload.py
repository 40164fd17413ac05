"""COPY INTO a bucket: the rows of a query as Parquet files, written as by several threads.

The bucket is reached by Google's client, as `STORAGE_EMULATOR_HOST` says: a way of this server's
own, as the service has one by its storage integration. Of that only the name is looked at.

As in Snowflake: each thread writes files of its own, with the statement's id in their names; they
are there before the statement answers, and stay if it breaks off; numbers are as narrow as the
values of their file allow; TIMESTAMP_LTZ and TIMESTAMP_TZ are refused.

What differs: no other format, location or form of the statement is served, nor columns of type
TIMESTAMP_NTZ, TIME, BINARY and VARIANT, of which Snowflake's documentation does not say exactly
what Parquet makes of them. MAX_FILE_SIZE counts bytes before compression.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlglot import exp

from local.snowflake import errors, outcome
from local.snowflake.columns import COUNT, TEXT, Column
from local.snowflake.outcome import Outcome
from local.snowflake.queries import select
from local.snowflake.session import Session
from local.snowflake.translate import Statement

THREADS = 4
"""So many files are written side by side."""

_SCHEME = "gcs://"
_ZONED = {"TIMESTAMP_LTZ", "TIMESTAMP_TZ"}
_UNSAID = {"TIMESTAMP_NTZ", "TIME", "BINARY", "VARIANT", "OBJECT", "ARRAY"}
_WANTED = {
    "HEADER": True,
    "OVERWRITE": False,
    "INCLUDE_QUERY_ID": True,
    "DETAILED_OUTPUT": True,
}
"""Options that are served with this value alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unload:
    """One statement, understood."""

    query: Statement
    bucket: str
    folder: str
    max_file_bytes: int


def unload(session: Session, statement: Statement, query_id: str) -> Outcome:
    """Write the rows of the statement's query; answer with a row for each file.

    Raises:
        SnowflakeError: a form, a type or an option that is not served.
    """
    wanted = _understood(statement)
    rows = select(session, wanted.query)
    for column in rows.columns:
        _require_type(column)
    bucket = _bucket(wanted.bucket)
    files = []
    for thread, number, table in _shares(rows, wanted.max_file_bytes):
        name = f"data_{query_id}_0_{thread}_{number}.snappy.parquet"
        data = _parquet(table)
        bucket.blob(f"{wanted.folder}{name}").upload_from_string(
            data, content_type="application/octet-stream", if_generation_match=0
        )
        files.append((name, len(data), table.num_rows))
    return _answer(sorted(files))


def _understood(statement: Statement) -> _Unload:
    tree = statement.tree
    place, source = tree.this.this, tree.args["files"][0]
    options = {each.name.upper(): each for each in tree.args["params"]}
    is_served = (
        isinstance(place, exp.Literal)
        and place.name.startswith(_SCHEME)
        and place.name.endswith("/")
        and isinstance(source, exp.Subquery)
        and tree.args.get("credentials")
        and tree.args["credentials"].args.get("storage")
        and options.keys() == {*_WANTED, "FILE_FORMAT", "MAX_FILE_SIZE"}
        and all(options[name].expression.this is value for name, value in _WANTED.items())
        and _format(options["FILE_FORMAT"]) == {"TYPE": "PARQUET", "COMPRESSION": "SNAPPY"}
    )
    if not is_served:
        raise errors.unsupported(f"this form of COPY INTO: {statement.sql}")
    bucket, _, folder = place.name.removeprefix(_SCHEME).partition("/")
    return _Unload(
        query=Statement(source.this.sql(dialect="snowflake"), source.this),
        bucket=bucket,
        folder=folder,
        max_file_bytes=int(options["MAX_FILE_SIZE"].expression.name),
    )


def _format(parameter: exp.Expr) -> dict[str, str]:
    return {
        each.this.name.upper(): each.args["value"].name.upper() for each in parameter.expressions
    }


def _require_type(column: Column) -> None:
    kind = column.type.kind
    if kind in _ZONED:
        raise errors.unsupported(
            "TIMESTAMP_TZ and LTZ types are not supported for unloading to Parquet: column "
            f"{column.name}"
        )
    if kind in _UNSAID:
        raise errors.unsupported(f"unloading {kind} to Parquet: column {column.name}")


def _bucket(name: str) -> Any:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    if not os.environ.get("STORAGE_EMULATOR_HOST"):
        raise errors.unsupported("COPY INTO a bucket without STORAGE_EMULATOR_HOST")
    return storage.Client(project="local", credentials=AnonymousCredentials()).bucket(name)


def _shares(rows: Outcome, max_file_bytes: int) -> Iterator[tuple[int, int, pa.Table]]:
    """Yield thread, number of the file of this thread, and its rows."""
    held: list[list[pa.RecordBatch]] = [[] for _ in range(THREADS)]
    written = [0] * THREADS

    def closed(thread: int) -> tuple[int, int, pa.Table]:
        table = pa.Table.from_batches(held[thread])
        held[thread] = []
        written[thread] += 1
        return thread, written[thread] - 1, table

    for batch in rows.batches:
        step = -(-batch.num_rows // THREADS)
        for thread in range(THREADS):
            if piece := batch.slice(thread * step, step):
                held[thread].append(piece)
            if sum(each.nbytes for each in held[thread]) >= max_file_bytes:
                yield closed(thread)
    yield from (closed(thread) for thread in range(THREADS) if held[thread])


def _parquet(table: pa.Table) -> bytes:
    narrow = [_narrowed(column) for column in table.columns]
    sink = io.BytesIO()
    pq.write_table(pa.table(narrow, names=table.column_names), sink, compression="snappy")
    return sink.getvalue()


def _narrowed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return numbers in the smallest type that holds them."""
    kind = column.type
    if not (pa.types.is_decimal(kind) or pa.types.is_integer(kind)):
        return column
    limits = [each for each in pc.min_max(column).as_py().values() if each is not None]
    scale = kind.scale if pa.types.is_decimal(kind) else 0
    if scale:
        digits = max((len(each.as_tuple().digits) for each in limits), default=1)
        return column.cast(pa.decimal128(max(digits, scale), scale))
    largest = max((abs(int(each)) for each in limits), default=0)
    if largest < 2**63:
        return column.cast(pa.int32() if largest < 2**31 else pa.int64())
    return column.cast(pa.decimal128(len(str(largest)), 0))


def _answer(files: list[tuple[str, int, int]]) -> Outcome:
    columns = (
        Column(name="FILE_NAME", type=TEXT),
        Column(name="FILE_SIZE", type=COUNT),
        Column(name="ROW_COUNT", type=COUNT),
    )
    types = (pa.string(), pa.int64(), pa.int64())
    arrays = [pa.array([file[i] for file in files], kind) for i, kind in enumerate(types)]
    batch = pa.RecordBatch.from_arrays(arrays, names=[column.name for column in columns])
    return Outcome(statement_type=outcome.SELECT, columns=columns, batches=[batch] if files else [])
