"""Parquet files that are no such files, damaged, encrypted, or made to fill the memory."""

import io
import os
import struct
from base64 import b64decode, b64encode
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pyarrow.parquet import encryption

from shared.csv import read
from shared.csv.parquet import batches, footers, nesting, pages
from shared.csv.parquet.thrift import MalformedError, Structure, TruncatedError
from shared.errors import InvalidFileError
from tests.unit.csv.parquet_files import PARQUET, InMemory, file, schema, taken, written


def numbers(count: int = 1_000) -> bytes:
    return written(pa.table({"a": pa.array(range(count))}), row_group_size=300).content


def with_footer(content: bytes, change: Callable[[bytes], bytes]) -> bytes:
    length = int.from_bytes(content[-8:-4], "little")
    footer = change(content[-8 - length : -8])
    return content[: -8 - length] + footer + struct.pack("<I", len(footer)) + b"PAR1"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"id,name\n1,Ann\n", "starts with b'id,name"),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\0\0\0", "this is a gzip archive, not a Parquet file"),
        (b"PK\x03\x04" + b"\0" * 20 + b"xl/workbook.xml", "Excel workbook"),
        (b"PARE" + b"\0" * 20 + b"PARE", "encrypted"),
        (numbers()[:-8] + b"\x10\0\0\0PARE", "encrypted"),
        (numbers()[:-1], "cut off"),
        (numbers()[:40], "cut off"),
        (b"PAR1PAR1", "cut off"),
        (b"PAR1\xff\xff\xff\x7fPAR1", "2,147,483,647 bytes"),
        (with_footer(numbers(), lambda _: b"\x15" * 50), "damaged"),
        (with_footer(numbers(), lambda footer: footer[:-9]), "damaged"),
        (with_footer(numbers(), lambda footer: b"\x1c" * 40 + footer), "nested too deeply"),
    ],
)
def test_file_that_cannot_be_read_is_refused_by_what_it_is(content: bytes, reason: str) -> None:
    with pytest.raises(InvalidFileError, match=reason):
        taken(InMemory(content), a="int64")


def test_damaged_page_is_no_row() -> None:
    table = pa.table({"a": pa.array([os.urandom(50)] * 9)})
    content = bytearray(written(table, write_page_checksum=True).content)
    content[60:70] = bytes(10)

    with pytest.raises(InvalidFileError, match="damaged"):
        taken(InMemory(bytes(content)), a="binary")


def test_footer_may_be_cut_anywhere_without_another_error() -> None:
    content = numbers(20)
    length = int.from_bytes(content[-8:-4], "little")

    for kept in range(0, length, 7):
        with pytest.raises(InvalidFileError):
            taken(InMemory(with_footer(content, lambda footer: footer[:kept])), a="int64")  # noqa: B023


def test_rows_that_the_footer_claims_must_be_there() -> None:
    content = numbers(1_000)
    claimed = with_footer(content, lambda footer: footer.replace(b"\x16\xd0\x0f", b"\x16\xd2\x0f"))
    assert claimed != content

    with pytest.raises(InvalidFileError, match="damaged"):
        taken(InMemory(claimed), a="int64")


class OneKey(encryption.KmsClient):  # type: ignore[misc]
    """Keeps keys as they are."""

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> str:
        return b64encode(key_bytes).decode()

    def unwrap_key(self, wrapped_key: str, master_key_identifier: str) -> bytes:
        return b64decode(wrapped_key)


@pytest.mark.parametrize("is_footer_plain", [True, False])
def test_encrypted_columns_are_refused(*, is_footer_plain: bool) -> None:
    properties = encryption.CryptoFactory(lambda _: OneKey()).file_encryption_properties(
        encryption.KmsConnectionConfig(),
        encryption.EncryptionConfiguration(
            footer_key="footer", column_keys={"of_a": ["a"]}, plaintext_footer=is_footer_plain
        ),
    )
    table = pa.table({"a": pa.array([1])})
    content = io.BytesIO()
    with pq.ParquetWriter(content, table.schema, encryption_properties=properties) as writer:
        writer.write_table(table)

    with pytest.raises(InvalidFileError, match="encrypted"):
        taken(InMemory(content.getvalue()), a="int64")


def test_page_that_claims_to_be_huge_is_refused_before_it_is_unpacked() -> None:
    stream = io.BytesIO()
    column = pa.array(["\0" * (300 * 2**20)])
    pq.write_table(
        pa.table({"a": column}),
        stream,
        compression="zstd",
        use_dictionary=False,
        write_statistics=False,
    )
    source = InMemory(stream.getvalue())
    assert source.size_bytes < 2**20
    before = pa.default_memory_pool().bytes_allocated()

    with pytest.raises(InvalidFileError, match="must be in memory at once"):
        taken(source, a="text")

    assert pa.default_memory_pool().bytes_allocated() - before < 2**20


def test_long_text_that_stands_once_for_many_rows_comes_in_small_batches() -> None:
    text = "x" * 2**20
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 100, pa.int32()), pa.array([text]))
    source = written(pa.table({"a": column}))

    found = list(read(source, PARQUET, schema(a="text")))

    assert source.size_bytes < 2**18
    assert sum(batch.data.num_rows for batch in found) == 100
    assert max(batch.data.nbytes for batch in found) < 1.1 * footers.BATCH_BYTES


def test_values_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "FREE_BYTES", 2**20)
    source = written(pa.table({"a": pa.array([7] * 2_000_000)}))

    with pytest.raises(InvalidFileError, match="unpack to more than"):
        taken(source, a="int64")


def test_footer_of_too_many_parts_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footers, "MAX_FOOTER_VALUES", 50)

    with pytest.raises(InvalidFileError, match="more than 50 parts"):
        taken(InMemory(numbers()), a="int64")


@pytest.mark.parametrize(
    ("limit", "reason"),
    [("MAX_COLUMNS", "has 2 columns"), ("MAX_LEAVES", "has 2 columns")],
)
def test_file_of_too_many_columns_is_refused(
    limit: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(footers, limit, 1)

    with pytest.raises(InvalidFileError, match=reason):
        taken(file(a=pa.array([1]), b=pa.array([2])))


def test_columns_need_names_of_their_own_and_a_type() -> None:
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    nameless = pa.table({"": pa.array([1])})
    duration = pa.table({"a": pa.array([1], pa.duration("s"))})

    for table, reason in ((twice, "names"), (nameless, "names"), (duration, "duration")):
        with pytest.raises(InvalidFileError, match=reason):
            taken(written(table))


def test_lists_of_too_many_values_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    source = file(a=pa.array([[1, 2, 3]]))
    monkeypatch.setattr(nesting, "MAX_JSON_CHARACTERS", 2)
    with pytest.raises(InvalidFileError, match="more than 2 characters"):
        taken(source)

    monkeypatch.setattr(footers, "MAX_NESTED_VALUES", 2)
    with pytest.raises(InvalidFileError, match="3 values in lists"):
        taken(source)


def test_columns_nested_very_deeply_are_refused() -> None:
    kind: pa.DataType = pa.int8()
    for _ in range(footers.MAX_DEPTH):
        kind = pa.list_(kind)

    with pytest.raises(InvalidFileError, match="damaged"):
        taken(written(pa.table({"a": pa.nulls(1, kind)}), store_schema=False))


def test_texts_that_share_their_beginnings_are_read_few_at_a_time() -> None:
    texts = ["x" * 100_000 + str(n) for n in range(1_000)]
    options = {"use_dictionary": False, "column_encoding": {"a": "DELTA_BYTE_ARRAY"}}
    source = written(pa.table({"a": pa.array(texts)}), **options)

    found = list(read(source, PARQUET, schema(a="text")))

    assert source.size_bytes < 2**20
    assert [row for batch in found for row in batch.data["a"].to_pylist()] == texts
    assert max(batch.data.num_rows for batch in found) <= 128


def test_what_is_asked_for_at_once_is_bounded_and_nothing_is_asked_for_twice() -> None:
    table = pa.table({"a": pa.array([os.urandom(100) for _ in range(200_000)])})
    source = written(table, row_group_size=100_000, use_dictionary=False)

    for batch in read(source, PARQUET, schema(a="binary")):
        assert batch.data.nbytes <= footers.BATCH_BYTES

    assert max(count for _, count in source.asked) <= 8 * 2**20
    assert sum(count for _, count in source.asked) < 1.05 * source.size_bytes


def test_error_of_the_storage_is_told_as_it_is() -> None:
    class Gone(InMemory):
        def range(self, start: int, count: int) -> bytes:
            if len(self.asked) > 2:
                raise FileNotFoundError("gs://landing/a#1")
            return super().range(start, count)

    source = Gone(numbers(200_000))

    with pytest.raises(FileNotFoundError, match="gs://landing/a#1"):
        list(read(source, PARQUET, schema(a="int64")))


@pytest.mark.parametrize("cut", range(1, 9))
def test_header_of_a_page_is_followed_over_pieces_of_any_size(cut: int) -> None:
    content = written(pa.table({"a": pa.array(range(1_000))}), data_page_size=512).content
    (group,) = footers.open_file(InMemory(content)).groups
    watched = pages.WatchedFile(InMemory(content), b"")
    watched.expect(group.chunks)
    end = group.chunks[0].end

    watched.seek(4)
    for start in range(4, end, cut):
        watched.read(min(cut, end - start))

    assert watched._chunks[0].values == 1_000
    assert watched._chunks[0].needed_bytes > 0


def test_structure_is_measured_or_refused() -> None:
    assert Structure(b"\x15\x02\x15\x03\x00").fields() == {1: 1, 2: -2}
    with pytest.raises(TruncatedError):
        Structure(b"\x15").fields()
    with pytest.raises(MalformedError, match="no type"):
        Structure(b"\x1f\x00").fields()
    with pytest.raises(MalformedError, match="too many parts"):
        Structure(b"\x19\xfc\xff\xff\x03" + b"\x00" * 2**16).fields()


def test_dictionary_that_batches_share_is_not_counted_for_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batches, "FREE_BYTES", 2**20)
    numbers = pc.cast(pa.array(range(100_000)), pa.string())
    words = pc.utf8_lpad(pc.utf8_slice_codeunits(numbers, -4), 80)
    source = written(
        pa.table({"a": numbers, "b": words}),
        use_dictionary=["b"],
        column_encoding={"a": "DELTA_BYTE_ARRAY"},
    )

    found = list(batches.batches(footers.open_file(source), source))

    assert sum(batch.num_rows for batch in found) == len(numbers)
    assert sum(batch.nbytes for batch in found) > batches.MAX_RATIO * source.size_bytes
