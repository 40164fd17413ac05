"""What a statement gives back, before it is written for the wire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from local.snowflake.columns import COUNT, TEXT, Column

# Statement types, by which clients tell rows from counts. Source: snowflake-jdbc, SFStatementType.
SELECT = 0x1000
DML = 0x3000
INSERT = 0x3100
UPDATE = 0x3200
DELETE = 0x3300
MERGE = 0x3400
SESSION_CONTROL = 0x4000
USE = 0x4300
SHOW = 0x4400
DESCRIBE = 0x4500
TRANSACTION_CONTROL = 0x5000
DDL = 0x6000


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of a statement.

    `batches` are DuckDB's, of at least one row each; they can be read once. `counts`, for
    statements that change rows, has the result's one row instead: 'number of rows inserted' → 3.
    """

    statement_type: int
    columns: tuple[Column, ...]
    batches: Iterable[pa.RecordBatch] = ()
    counts: Mapping[str, int] = field(default_factory=dict)


def status(text: str, statement_type: int = DDL) -> Outcome:
    """The one-line result of a statement that returns no data."""
    return table(statement_type, [Column(name="status", type=TEXT)], [[text]])


def done(statement_type: int) -> Outcome:
    """The result of most statements that return no data."""
    return status("Statement executed successfully.", statement_type)


def changed(statement_type: int, counts: Mapping[str, int]) -> Outcome:
    """The result of a statement that changes rows."""
    columns = tuple(Column(name=name, type=COUNT, is_nullable=False) for name in counts)
    return Outcome(statement_type=statement_type, columns=columns, counts=counts)


def table(
    statement_type: int, columns: Sequence[Column], rows: Sequence[Sequence[str | None]]
) -> Outcome:
    """A small result of texts."""
    arrays = [pa.array([row[index] for row in rows], pa.string()) for index in range(len(columns))]
    batch = pa.RecordBatch.from_arrays(arrays, names=[column.name for column in columns])
    return Outcome(
        statement_type=statement_type,
        columns=tuple(columns),
        batches=[batch] if rows else [],
    )
