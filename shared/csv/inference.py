"""Types of a file's columns, from all of its rows, with the grounds for each.

One pass over the whole file, with the same reading of records as ``read``: a type found here holds
for every row that is read afterwards.
"""

from bisect import bisect_left
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from shared.core.schemas import Column, DataType, Kind, TableSchema
from shared.csv.candidates import Candidate, Moments, candidates
from shared.csv.dialect import Dialect
from shared.csv.files import BLOCK_BYTES
from shared.csv.opening import opened, parquet
from shared.csv.table import Form
from shared.errors import InvalidFileError

if TYPE_CHECKING:
    from shared.csv.parquet.rows import ParquetFile

_TEXT = DataType(Kind.TEXT)


@dataclass(frozen=True, slots=True)
class ColumnEvidence:
    """Why a column has its type."""

    name: str
    type: DataType
    values: int | None
    """Cells that are not NULL; None: they were not counted, for the file says the types."""
    nulls: int | None
    reason: str
    text_from_row: int | None = None
    """The row with which every other type was out, counted from 1 and without the rejects."""


@dataclass(frozen=True, slots=True)
class Inference:
    """What a whole file says about its columns."""

    schema: TableSchema
    dialect: Dialect
    """The given one, with the patterns of dates that are not ISO: read the file with this."""
    rows: int
    """Records in the file, those included that ``read`` rejects."""
    rejects: int
    """Records that no types could save: wrong width, broken quotes, undecodable."""
    columns: tuple[ColumnEvidence, ...]


def infer(
    chunks: Iterable[bytes],
    dialect: Dialect,
    *,
    block_bytes: int = BLOCK_BYTES,
    needs_columns: bool = True,
) -> Inference:
    """Find the types of a file's columns; every column may be NULL.

    Args:
        chunks: its bytes.
        dialect: how it is written.
        block_bytes: text per block.
        needs_columns: refuse a file none of whose lines names a column.

    Raises:
        InvalidFileError: the file cannot be read at all, or has no columns.
    """
    if dialect.kind == "parquet":
        return _stated(parquet(chunks), dialect)
    file = opened(chunks, dialect, block_bytes=block_bytes)
    profiles: list[_Profile] = []
    rows = rejects = 0
    with file.blocks_ahead() as blocks:
        for block in blocks:
            rejects += len(block.faults)
            columns = block.cells.columns
            # Columns may turn up in the middle of a file whose rows name them one by one.
            for name in file.names[len(profiles) : len(columns)]:
                profiles.append(_Profile(name, candidates(dialect.decimal_mark), nulls=rows))
            for place, profile in enumerate(profiles):
                if block.cells.forms:
                    profile.narrow(block.cells.forms[place])
                profile.see(columns[place], rows)
            rows += block.cells.rows
    if not profiles and needs_columns:
        raise InvalidFileError("no line of the file is an object with keys, so it has no columns")
    evidence = tuple(profile.evidence() for profile in profiles)
    found = dict(dialect.formats) | {p.name: f for p in profiles if (f := p.format()) is not None}
    return Inference(
        TableSchema(tuple(Column(name=e.name, type=e.type) for e in evidence)),
        replace(dialect, formats=tuple(found.items())),
        rows + rejects,
        rejects,
        evidence,
    )


def _stated(file: "ParquetFile", dialect: Dialect) -> Inference:
    """Return what a file says itself, without a look at its rows."""
    said = zip(file.names, file.types, file.described(), strict=True)
    evidence = tuple(
        ColumnEvidence(name, data_type, None, None, f"the file says {described}")
        for name, data_type, described in said
    )
    schema = TableSchema(tuple(Column(name=e.name, type=e.type) for e in evidence))
    return Inference(schema, dialect, file.rows, 0, evidence)


@dataclass(slots=True)
class _Profile:
    """One column as far as it was seen."""

    name: str
    alive: list[Candidate]
    values: int = 0
    nulls: int = 0
    filled: int = 0
    """Values that are not the empty text."""
    text_from_row: int | None = None
    form: Form = Form.BARE

    def narrow(self, form: Form) -> None:
        """Leave out the types that values of a form cannot be meant to have."""
        self.form = max(self.form, form)
        if self.form is not Form.BARE:
            is_open = self.form is Form.WORDS
            self.alive = [c for c in self.alive if is_open and isinstance(c, Moments)]

    def see(self, cells: pa.Array, rows_before: int) -> None:
        """Take note of one block's cells."""
        self.values += len(cells) - cells.null_count
        self.nulls += cells.null_count
        if not self.alive:
            return
        is_filled = pc.greater(pc.binary_length(cells), 0)
        filled = cells.filter(is_filled)
        self.filled += len(filled)
        if not len(filled):
            return
        before = deepcopy(self.alive)
        self.alive = [c for c in self.alive if c.accepts(filled)]
        if not self.alive:
            places = pc.indices_nonzero(is_filled)
            self.text_from_row = rows_before + places[_first_outside(before, filled)].as_py() + 1

    def _result(self) -> tuple[DataType, str | None] | None:
        if self.form is Form.NESTED:
            return DataType(Kind.JSON), None
        if not self.filled:
            return None
        results = [r for c in self.alive if (r := c.result()) is not None]
        kinds = {r[0].kind for r in results}
        orders = {(r[1] or "").replace("%-", "%") for r in results}
        if len(orders) > 1 and kinds <= {Kind.DATE, Kind.TIMESTAMP}:
            return None
        return results[0] if results else None

    def format(self) -> str | None:
        """Return the pattern of the column's dates, when it is not ISO."""
        result = self._result()
        return result[1] if result else None

    def evidence(self) -> ColumnEvidence:
        """Return the type and why."""
        result = self._result()
        data_type = result[0] if result else _TEXT
        return ColumnEvidence(
            self.name, data_type, self.values, self.nulls, self._reason(result), self.text_from_row
        )

    def _reason(self, result: tuple[DataType, str | None] | None) -> str:
        if not self.values:
            return "there is no value in the whole file"
        if not self.filled and self.alive:
            return f"all {self.values:,} values are the empty text"
        if self.form is Form.NESTED:
            return f"some of the {self.values:,} values are objects or lists"
        if self.form is Form.WORDS and self.text_from_row is None and not self.alive:
            return "some values are quoted, so all are text"
        if result:
            written = f" written as {result[1]}" if result[1] else ""
            return f"all {self.values:,} values are {result[0]}{written} and print back the same"
        if self.alive:
            patterns = [r[1] for c in self.alive if (r := c.result()) and r[1]]
            return (
                f"dates, but {' and '.join(patterns)} both fit each of the {self.values:,} values; "
                "set the column's format"
            )
        return f"only text holds for the values up to row {self.text_from_row:,}"


def _first_outside(alive: list[Candidate], cells: pa.Array) -> int:
    """Return the place of the first cell with which none of some types holds any more."""

    def holds(count: int) -> bool:
        return any(c.accepts(cells[:count]) for c in deepcopy(alive))

    count = 1
    while count < len(cells) and holds(count):
        count *= 2
    among = range(count // 2, min(count, len(cells)))
    return among.start + bisect_left(among, x=True, key=lambda at: not holds(at + 1))
