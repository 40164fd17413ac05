"""Rows written into a bucket by Snowflake's own engine: the statement, and what it answers.

Source of the statement's form: Snowflake, "COPY INTO <location>".
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shared.core.schemas import Kind
from shared.errors import SourceRefusedError, SourceUnavailableError, TableTooLargeError
from shared.metering import waiting
from shared.sources.base import Unloaded
from shared.sources.snowflake import connection
from shared.sources.snowflake.sql import Query, TableRef, as_number, quote
from shared.sources.snowflake.types import SourceColumn

MAX_FILE_BYTES = 64 * 2**20
"""Snowflake closes a file at about so many bytes. A function holds a whole file in memory."""

TIMEOUT = "STATEMENT_TIMEOUT_IN_SECONDS"
"""The lower one of session and warehouse counts. Source: Snowflake, "Parameters"."""

TIMED_OUT = 630
"""Error number of a statement that its timeout has cancelled: "000630 (57014)"."""

_NAMES_AND_MARKS = re.compile(r'"(?:[^"]|"")*"|\'(?:[^\']|\'\')*\'|\?')
"""Quoted names, quoted texts and marks of bound values; a mark is none within quotes."""


def select(ref: TableRef, columns: Sequence[SourceColumn], where: Query) -> str:
    """Return the query for the rows in the form that ``shared.sources.unloaded`` reads.

    TIMESTAMP_LTZ and TIMESTAMP_TZ cannot be unloaded to Parquet at all, and what becomes of the
    others depends on parameters of the account, so each leaves as a number.
    """
    condition, bound = where
    items = ", ".join(_item(column) for column in columns)
    return f"SELECT {items} FROM {ref.relation()}{inlined(condition, bound)}"


def copy_into(query: str, place: str, integration: str) -> str:
    """Return the statement that writes the rows of a query.

    Names of files have the id of the statement: where Snowflake repeats a part of its work by
    itself, the files of the two are not taken for one another. No file is ever replaced.
    """
    location = literal(place.replace("gs://", "gcs://", 1))
    return (
        f"COPY INTO {location} FROM ({query}) STORAGE_INTEGRATION = {integration} "
        f"FILE_FORMAT = (TYPE = PARQUET COMPRESSION = SNAPPY) MAX_FILE_SIZE = {MAX_FILE_BYTES} "
        "OVERWRITE = FALSE INCLUDE_QUERY_ID = TRUE DETAILED_OUTPUT = TRUE HEADER = TRUE"
    )


def run(session: Any, statement: str, doing: str, *, timeout_s: float) -> Unloaded:
    """Execute the statement, and return what it says that it wrote.

    Raises:
        TableTooLargeError: it took longer than ``timeout_s``, or than the warehouse allows.
    """
    from snowflake.connector import DictCursor

    limit_s = max(1, int(timeout_s))
    try:
        with connection.failures(doing):
            cursor = session.cursor(DictCursor)
            with waiting():
                # By Snowflake itself, so that it ends even if nobody is left to wait for it.
                cursor.execute(f"ALTER SESSION SET {TIMEOUT} = {limit_s}")
                cursor.execute(statement)
            return answered(cursor.fetchall(), cursor.sfqid)
    except SourceUnavailableError as exc:
        if exc.facts.get("errno") != TIMED_OUT:
            raise
        raise TableTooLargeError(
            f"{exc.message}; this delivery gave it {limit_s} s, and Snowflake goes by the lower "
            f"{TIMEOUT} of session and warehouse: raise the warehouse's if that is lower, or give "
            "it a larger warehouse, or write strategy: fetch",
            errno=TIMED_OUT,
        ) from exc


def answered(rows: Iterable[Mapping[str, Any]], query_id: str | None) -> Unloaded:
    """Return what the statement says that it wrote: a row for each file.

    Raises:
        SourceRefusedError: two files have one name.
    """
    files: dict[str, int] = {}
    for row in rows:
        name = str(row["FILE_NAME"]).rpartition("/")[2]
        if name in files:
            raise SourceRefusedError(f"Snowflake says that it wrote {name} twice")
        files[name] = int(row["ROW_COUNT"])
    return Unloaded(rows_by_file=files, query_id=query_id)


def literal(text: str) -> str:
    """Return a text as a constant; a backslash begins an escape in it."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def inlined(condition: str, values: Sequence[Any]) -> str:
    """Return a condition with its values in it: COPY INTO is not said to take bound ones."""
    rest = iter(values)

    def put(found: re.Match[str]) -> str:
        return literal(str(next(rest))) if found[0] == "?" else found[0]

    return _NAMES_AND_MARKS.sub(put, condition)


def _item(column: SourceColumn) -> str:
    name, kind = quote(column.name), column.data_type.kind
    if kind in (Kind.TIMESTAMP, Kind.TIMESTAMPTZ) and column.has_nanoseconds:
        # Digits are cut off, as the connector does it, never rounded.
        return f"DATE_PART(EPOCH_MICROSECOND, DATE_TRUNC('MICROSECOND', {name})) AS {name}"
    if kind in (Kind.TIME, Kind.TIMESTAMP, Kind.TIMESTAMPTZ):
        return f"{as_number(column)} AS {name}"
    if kind is Kind.BINARY:
        return f"HEX_ENCODE({name}) AS {name}"
    return f"TO_JSON({name}) AS {name}" if kind is Kind.JSON else name
