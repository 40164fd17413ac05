"""Open a file of any kind as blocks of cells: the one way in for whoever reads records.

What the kinds have in common is a protocol: columns of cells block by block, records that were set
aside because of their form, and a place in the file for each of both.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from shared.core.schemas import TableSchema
from shared.csv.blocks import Fault
from shared.csv.dialect import Dialect
from shared.csv.files import BLOCK_BYTES, CsvFile
from shared.csv.fixed import FixedWidthFile
from shared.csv.ndjson import NdjsonFile
from shared.csv.places import Place
from shared.csv.ranged import RangedFile
from shared.csv.rejects import Note, Reject
from shared.csv.table import Cells
from shared.csv.worksheet_file import WorksheetFile

if TYPE_CHECKING:
    from shared.csv.parquet.rows import ParquetFile


class FileBlock(Protocol):
    """Some consecutive records of a file."""

    @property
    def cells(self) -> Cells:
        """Of the records that have the form of rows."""

    @property
    def faults(self) -> list[Fault]:
        """Records that were set aside because of their form."""

    @property
    def bounds(self) -> tuple[Sequence[int], Sequence[int]]:
        """Where each row starts and where its content ends, in the block's source."""

    @property
    def place(self) -> Place:
        """Where the block starts."""

    @property
    def has_trailing_delimiter(self) -> bool:
        """There is one more column of cells, which must be empty."""

    def described(self, faults: Iterable[Fault]) -> tuple[Reject, ...]:
        """Say where faults are, in the order of the file."""

    def notes(self) -> tuple[Note, ...]:
        """Say what was read without loss, but not without thought."""


class OpenFile(Protocol):
    """A file while it is read, once."""

    @property
    def names(self) -> list[str]:
        """What its columns are called, as far as it was read."""

    @property
    def newline(self) -> bytes:
        """What ends its lines, in its own encoding."""

    @property
    def encoding(self) -> str:
        """How its characters are written."""

    @property
    def body_offset(self) -> int:
        """Where its first record starts, before any block is read: bytes into the file."""

    def places(self, schema: TableSchema) -> list[int]:
        """Return where each column of a table is among those of its blocks."""

    def blocks(self) -> Iterator[FileBlock]:
        """Yield its records, each in exactly one block, in order."""

    def blocks_ahead(self) -> AbstractContextManager[Iterator[FileBlock]]:
        """Provide the blocks; a thread reads the next one where that is worth one."""


def opened(
    chunks: Iterable[bytes],
    dialect: Dialect,
    *,
    schema: TableSchema | None = None,
    width: int | None = None,
    block_bytes: int = BLOCK_BYTES,
) -> OpenFile:
    """Open a file of the dialect's kind.

    Args:
        chunks: its bytes, packed or not; of Parquet a ``RangedFile``.
        dialect: how it is written.
        schema: the columns to read; None: those that it has.
        width: how many columns it has, where the schema does not say.
        block_bytes: text per block.

    Raises:
        InvalidFileError: there is nothing in it, or not what every file of its kind begins with.
    """
    if dialect.kind == "parquet":
        return parquet(chunks, schema)
    if dialect.kind == "ndjson":
        return NdjsonFile(chunks, dialect, schema=schema, block_bytes=block_bytes)
    if dialect.kind == "fixed":
        return FixedWidthFile(chunks, dialect, schema=schema, block_bytes=block_bytes)
    width = width if schema is None else len(schema)
    if dialect.kind == "excel" and schema is None:
        return WorksheetFile(chunks, dialect, width=width, block_bytes=block_bytes)
    return CsvFile(chunks, dialect, width=width, block_bytes=block_bytes)


def parquet(chunks: Iterable[bytes], schema: TableSchema | None = None) -> "ParquetFile":
    """Open a Parquet file.

    Raises:
        InvalidFileError: it is none, or is damaged, encrypted, or beyond a bound.
    """
    from shared.csv.parquet.rows import ParquetFile

    if not isinstance(chunks, RangedFile):
        raise TypeError("a Parquet file is read from its end, so it takes a RangedFile")
    return ParquetFile(chunks, schema=schema)
