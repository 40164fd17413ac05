"""The rows of a Parquet file as blocks of cells, in the form that files of every kind have.

A row has no line and no bytes of its own: its number from 1 is its line, and its number from 0 the
byte at which it starts, one byte long, so that whatever tells records apart by place does.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from json.encoder import encode_basestring
from operator import attrgetter

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from shared.ahead import ahead
from shared.core.schemas import DataType, Kind, TableSchema
from shared.csv.blocks import Fault
from shared.csv.encodings import Transcoder
from shared.csv.header import positions
from shared.csv.parquet.batches import batches
from shared.csv.parquet.columns import data_type, is_binary, is_text, plain, staged, stored
from shared.csv.parquet.footers import damaged, open_file
from shared.csv.parquet.nesting import nested_tokens
from shared.csv.parquet.texts import texts
from shared.csv.places import Place
from shared.csv.ranged import RangedFile
from shared.csv.rejects import RAW_CHARACTERS, Note, Reject
from shared.csv.table import Cells
from shared.errors import IntegrityError, InvalidFileError


@dataclass(frozen=True, slots=True)
class _Column:
    """One column of a block: its values, and what they are to become."""

    name: str
    values: pa.Array
    """As the file has them; texts and bytes are plain."""
    declared: pa.DataType
    wanted: DataType

    def cells(self) -> pa.Array:
        """Return what is staged, or texts that are judged as the cells of other kinds."""
        if types.is_nested(stored(self.declared)):
            return self._as_json()
        if is_text(self.values.type):
            return self.values
        if (found := staged(plain(self.values), self.wanted)) is not None:
            return found
        if self.wanted.kind is Kind.JSON:
            return self._as_json()
        return texts(self.values, self.declared)

    def _as_json(self) -> pa.Array:
        found = pa.array(nested_tokens(self.values, self.declared), pa.string())
        return pc.if_else(self.values.is_valid(), found, pa.scalar(None, pa.string()))

    def undecodable(self) -> list[int]:
        """Return the rows whose text is no UTF-8."""
        if not is_text(self.values.type):
            return []
        try:
            self.values.validate(full=True)
        except pa.ArrowInvalid:
            content = self.values.cast(pa.binary()).to_pylist()
            return [row for row, value in enumerate(content) if not _is_utf8(value or b"")]
        return []

    def tokens(self, rows: Sequence[int]) -> list[str]:
        """Return the values of some rows as JSON, so that a line of NDJSON means the same."""
        chosen = self.values.take(pa.array(rows, pa.int64()))
        declared = self.declared
        if is_text(self.values.type):
            declared = pa.json_() if self.wanted.kind is Kind.JSON else pa.string()
        return nested_tokens(chosen, declared)


@dataclass(frozen=True, slots=True)
class RowBlock:
    """Some rows of a file, read."""

    columns: Sequence[_Column]
    first: int
    """The number of the first row, from 0."""
    rows: int
    cells: Cells
    faults: list[Fault]
    bounds: tuple[Sequence[int], Sequence[int]]
    has_trailing_delimiter: bool = False

    @property
    def place(self) -> Place:
        """Where the block starts."""
        return Place(Transcoder("utf-8", b""), self.first + 1, self.first)

    def lines(self, rows: Sequence[int]) -> Iterator[str]:
        """Yield some rows, each as one JSON object."""
        names = [encode_basestring(column.name) for column in self.columns]
        for row in zip(*(column.tokens(rows) for column in self.columns), strict=True):
            pairs = zip(names, row, strict=True)
            yield "{" + ", ".join(f"{name}: {token}" for name, token in pairs) + "}"

    def described(self, faults: Iterable[Fault]) -> tuple[Reject, ...]:
        """Say where faults are, in the order of the file."""
        ordered = sorted(faults, key=attrgetter("start"))
        lines = self.lines([fault.start for fault in ordered]) if ordered else ()
        return tuple(
            Reject(
                line=self.first + fault.start + 1,
                byte_offset=self.first + fault.start,
                byte_count=1,
                column=fault.column,
                raw=line[:RAW_CHARACTERS],
                is_truncated=len(line) > RAW_CHARACTERS,
                rule=fault.rule,
                reason=fault.reason,
            )
            for fault, line in zip(ordered, lines, strict=True)
        )

    def notes(self) -> tuple[Note, ...]:
        """Say nothing: no value of such a file is read in a way that takes thought."""
        return ()


class ParquetFile:
    """A Parquet file while it is read, once.

    Args:
        file: its bytes.
        schema: what its columns are to become; None: what they are.

    Raises:
        InvalidFileError: it is no Parquet file, or beyond a bound, or has columns of types that no
            table has.
    """

    newline = b"\n"
    """Of its rows, as they are shown: one JSON object on each line."""
    encoding = "utf-8"
    body_offset = 0

    def __init__(self, file: RangedFile, *, schema: TableSchema | None = None) -> None:
        self._file = file
        self._opened = open_file(file)
        self.types = [data_type(field) for field in self._opened.fields]
        self._wanted = [
            _wanted(field.name, self.names, schema) or found
            for field, found in zip(self._opened.fields, self.types, strict=True)
        ]

    @property
    def names(self) -> list[str]:
        """What its columns are called."""
        return [field.name for field in self._opened.fields]

    @property
    def rows(self) -> int:
        """How many its footer says that there are."""
        return self._opened.rows

    def described(self) -> list[str]:
        """Return what the file itself calls the types of its columns."""
        return [str(field.type) for field in self._opened.fields]

    def places(self, schema: TableSchema) -> list[int]:
        """Return where each column of a table is among its columns.

        Raises:
            InvalidFileError: it has other columns.
        """
        return positions(self.names, schema)

    def blocks_ahead(self) -> AbstractContextManager[Iterator[RowBlock]]:
        """Provide the blocks; a thread reads the next one."""
        return ahead(self.blocks())

    def blocks(self) -> Iterator[RowBlock]:
        """Yield its rows, each in exactly one block, in order.

        Raises:
            InvalidFileError: it is damaged, or unpacks to far more than a table does.
        """
        first = 0
        try:
            for batch in batches(self._opened, self._file):
                yield self._block(batch, first)
                first += batch.num_rows
        except pa.ArrowException as exc:
            raise damaged(exc) from exc
        if first != self.rows:
            raise InvalidFileError(
                f"the Parquet file is damaged: its footer says {self.rows:,} rows, and there are "
                f"{first:,}"
            )

    def records(self, numbers: Sequence[int]) -> Iterator[bytes]:
        """Yield some rows, each as a line of NDJSON.

        Args:
            numbers: of the rows from 0, in ascending order.

        Raises:
            IntegrityError: the file has fewer rows.
        """
        left = list(numbers)
        for block in self.blocks() if left else ():
            end = block.first + block.rows
            here = [number - block.first for number in left if number < end]
            left = left[len(here) :]
            if here:
                yield from (line.encode() + b"\n" for line in block.lines(here))
            if not left:
                return
        if left:
            raise IntegrityError(f"the file has no row {left[0] + 1}")

    def _block(self, batch: pa.RecordBatch, first: int) -> RowBlock:
        columns = [
            _column(field, values, wanted)
            for field, values, wanted in zip(
                self._opened.fields, batch.columns, self._wanted, strict=True
            )
        ]
        bad: dict[int, Fault] = {}
        for column in columns:
            for row in column.undecodable():
                reason = f"{column.name}: it has bytes that are no UTF-8"
                bad.setdefault(row, Fault(row, row, column.name, "undecodable_bytes", reason))
        kept = [row for row in range(batch.num_rows) if row not in bad]
        good = columns
        if bad:
            chosen = pa.array(kept, pa.int64())
            good = [_Column(c.name, c.values.take(chosen), c.declared, c.wanted) for c in columns]
        cells = Cells([column.cells() for column in good], len(kept), [])
        return RowBlock(columns, first, batch.num_rows, cells, list(bad.values()), (kept, kept))


def _wanted(name: str, names: Sequence[str], schema: TableSchema | None) -> DataType | None:
    columns = list(schema or ())
    exact = [column.type for column in columns if column.name == name]
    left = [column for column in columns if column.name not in names]
    folded = [column.type for column in left if column.name.casefold() == name.casefold()]
    return next(iter(exact or folded), None)


def _column(field: pa.Field, values: pa.Array, wanted: DataType) -> _Column:
    if types.is_nested(stored(values.type)):
        return _Column(field.name, values, field.type, wanted)
    values = plain(values)
    is_words = wanted.kind is Kind.TEXT and not isinstance(field.type, pa.UuidType)
    if is_binary(values.type) and (is_words or is_text(stored(field.type))):
        values = values.cast(pa.string(), safe=False)  # judged by ``undecodable``
        return _Column(field.name, values, pa.string(), wanted)
    if isinstance(field.type, pa.UuidType) and wanted.kind is Kind.BINARY:
        return _Column(field.name, values, pa.binary(), wanted)  # its bytes, not its letters
    declared = pa.string() if is_text(values.type) and not is_text(stored(field.type)) else None
    return _Column(field.name, values, declared or field.type, wanted)


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
