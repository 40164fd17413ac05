"""What is small to send and large to read: refused with the limit, in little time and memory."""

import bz2
import gzip
import io
import lzma
import struct
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, repeat

import pyarrow as pa
import pytest

from shared import csv
from shared.config import documents
from shared.core.deliveries import Delivery
from shared.core.messages import ExtractRequest, decode_extract
from shared.core.runs import Run
from shared.core.schemas import Column, DataType, Kind, TableSchema
from shared.csv.files import MAX_COLUMNS, CsvFile
from shared.csv.judging import MAX_RECORD_BYTES
from shared.csv.unpacking import FREE_BYTES, MAX_RATIO, MAX_XZ_BYTES, unpacked
from shared.errors import IntegrityError, InvalidConfigError, InvalidFileError, InvalidMessageError
from shared.wire import from_json
from tests.builders import a_delivery

MIB = 2**20
MEMORY_BYTES = 96 * MIB
"""What reading one hostile record may take besides the record itself."""

CPU_S = 20.0
"""Generous: what is wrong here takes minutes, or does not end."""

TEXT = TableSchema(tuple(Column(name=n, type=DataType(Kind.TEXT)) for n in ("id", "name")))


@contextmanager
def bounded(memory_bytes: int = MEMORY_BYTES) -> Iterator[None]:
    """Make sure that the block takes little memory, Arrow's own included, and little time."""
    pool = pa.default_memory_pool()
    before_bytes, started_s = pool.max_memory(), time.process_time()
    tracemalloc.start()
    try:
        yield
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < memory_bytes
    assert pool.max_memory() - before_bytes < memory_bytes
    assert time.process_time() - started_s < CPU_S


def zstandard(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return bytes(sink.getvalue().to_pybytes())


def zipped(data: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", data)
    return target.getvalue()


BOMBS = {
    "gzip": gzip.compress(bytes(MIB)) * 130,
    "bzip2": bz2.compress(bytes(MIB)) * 130,
    "xz": lzma.compress(bytes(8 * MIB)) * 17,
    "Zstandard": zstandard(bytes(8 * MIB)) * 17,
    "zip": zipped(bytes(FREE_BYTES + 2 * MIB)),
    "gzip in gzip": gzip.compress(gzip.compress(bytes(MIB)) * 130),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_with_the_ratio(name: str) -> None:
    bomb = BOMBS[name]

    with bounded(16 * MIB), pytest.raises(InvalidFileError, match=f"over {MAX_RATIO} times"):
        for _ in unpacked([bomb]):
            pass


def test_a_file_that_wants_gigabytes_to_be_unpacked_is_refused() -> None:
    data = bytearray(lzma.compress(b"id,name\n" * 1000))
    head_bytes = (data[12] + 1) * 4
    head = data[12 : 12 + head_bytes - 4]
    head[head.index(b"\x21\x01") + 2] = 40  # a dictionary of 4 GiB
    data[12 : 12 + head_bytes] = head + struct.pack("<I", zlib.crc32(head))

    with bounded(16 * MIB), pytest.raises(InvalidFileError, match=r"[Mm]emory"):
        list(unpacked([bytes(data)]))
    assert MAX_XZ_BYTES < 2**30


def infer(*chunks: bytes | Iterator[bytes]) -> csv.Inference:
    """Read a file as a drop would, and return what is found out about it."""
    stream = chain.from_iterable([c] if isinstance(c, bytes) else c for c in chunks)
    first = next(stream)
    dialect = csv.detect(first[:MIB], is_whole=False).dialect
    return csv.infer(chain([first], stream), dialect)


def test_ten_million_columns_are_refused_with_the_limit() -> None:
    with bounded(), pytest.raises(InvalidFileError, match=f"more than {MAX_COLUMNS} columns"):
        infer(repeat(b"a," * MIB, 10), b"a\n1\n")


@pytest.mark.parametrize(
    ("field", "number"),
    [(b",", 10 * MIB), (b'"",', 2**15), (b'"a"b,', 2**14), (b"x ,", 2**15)],
    ids=["empty", "quoted", "text after a quote", "blanks"],
)
def test_a_row_of_millions_of_fields_is_one_reject(field: bytes, number: int) -> None:
    with bounded():
        found = infer(b"id,name\n1,a\n", field * number, b"\n2,b\n")

    assert found.rows == 3


def test_a_field_of_two_gigabytes_is_one_reject_and_takes_no_memory() -> None:
    """Of 64 MiB here; what is behind the limit is only looked through for the line's end."""
    with bounded():
        found = infer(b"id,name\n1,a\n2,", repeat(b"x" * MIB, 64), b"\n3,b\n")

    assert found.rows == 3


@pytest.mark.parametrize("cut_bytes", [1, 7, 64])
@pytest.mark.parametrize("field", [b"x" * 500, b"x" * 300 + b",y" * 100])
def test_what_is_left_of_a_record_that_is_too_long_is_no_row(cut_bytes: int, field: bytes) -> None:
    data = b"id,name\n1,a\n2," + field + b",b\n3,c\n"
    chunks = [data[at : at + cut_bytes] for at in range(0, len(data), cut_bytes)]

    file = CsvFile(chunks, csv.Dialect(), block_bytes=64, max_record_bytes=128)
    blocks = list(file.blocks())

    rules = [f.rule for block in blocks for f in block.faults]
    assert rules == ["record_too_long"]
    assert sum(block.cells.rows for block in blocks) == 2


def test_the_limit_of_a_record_is_named() -> None:
    chunks = [b"id,name\n1,a\n2,", b"x" * (MAX_RECORD_BYTES + 2 * MIB), b"\n"]

    batches = list(csv.read(chunks, csv.Dialect(), TEXT))

    (reject,) = [reject for batch in batches for reject in batch.rejects]
    assert reject.rule == "record_too_long"
    assert f"{MAX_RECORD_BYTES:,} bytes" in reject.reason


DEEP = [b"[" * 100_000, b'{"a":' * 100_000, b'{"message":' + b"[" * 100_000]


@pytest.mark.parametrize("data", DEEP, ids=["lists", "objects", "in a push"])
def test_deep_json_is_refused(data: bytes) -> None:
    with bounded():
        with pytest.raises(InvalidMessageError):
            Delivery.from_push(data)
        with pytest.raises(InvalidMessageError):
            decode_extract(a_delivery(data=data))
        with pytest.raises(InvalidMessageError):
            ExtractRequest.decode(a_delivery(data=data))
        with pytest.raises(IntegrityError):
            from_json(Run, data, "record")


def test_deep_json_in_a_cell_is_a_reject() -> None:
    json = TableSchema((TEXT.columns[0], Column(name="name", type=DataType(Kind.JSON))))
    cell = b"[" * 100_000

    (batch,) = csv.read([b"id,name\n1,", cell, b"\n2,[]\n"], csv.Dialect(), json)

    assert batch.data.num_rows == 1
    assert [reject.column for reject in batch.rejects] == ["name"]


def test_a_few_lines_that_stand_for_billions_of_values_are_refused() -> None:
    text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for n in range(1, 10):
        text += f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n"

    with bounded(), pytest.raises(InvalidConfigError, match="more than 200,000 values"):
        documents.parse(text, "tables.yaml")
