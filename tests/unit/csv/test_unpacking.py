"""Packed files: every format in any cutting, damage, bombs, and archives that are no file."""

import bz2
import gzip
import io
import lzma
import tracemalloc
import zipfile
from collections.abc import Iterator

import pyarrow as pa
import pytest

from shared.csv.unpacking import FREE_BYTES, MAX_RATIO, unpacked
from shared.errors import InvalidFileError

TEXT = "".join(f"{i},{i * 7919 % 104729},text {i % 7}\n" for i in range(20_000)).encode()


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def zstandard(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return bytes(sink.getvalue().to_pybytes())


class Pipe(io.RawIOBase):
    """Where an archive is written that cannot go back to fill in sizes."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.data += data
        return len(data)


def archive(
    *names: str,
    method: int = zipfile.ZIP_DEFLATED,
    is_streamed: bool = False,
    content: bytes = TEXT,
) -> bytes:
    pipe = Pipe() if is_streamed else io.BytesIO()
    with zipfile.ZipFile(pipe, "w", method) as written:
        for name in names:
            with written.open(name, "w", force_zip64=is_streamed) as entry:
                entry.write(content)
    return bytes(pipe.data) if isinstance(pipe, Pipe) else pipe.getvalue()


def described(data: bytes, comment: bytes, *, is_signed: bool = False) -> bytes:
    """Give an archive a comment, and perhaps what signs its directory."""
    end = data.rindex(b"PK\x05\x06")
    signature = b"PK\x05\x05\x03\x00abc" if is_signed else b""
    return data[:end] + signature + data[end:-2] + len(comment).to_bytes(2, "little") + comment


def with_large_sizes(data: bytes) -> bytes:
    """Let the end of an archive stand in its 64-bit form, too."""
    end = data.rindex(b"PK\x05\x06")
    large = b"PK\x06\x06" + (44).to_bytes(8, "little") + bytes(44)
    return data[:end] + large + b"PK\x06\x07" + bytes(16) + data[end:]


ONE, TWO = archive("a.csv"), archive("a.csv", "b.csv")
SECOND = TWO.index(b"PK\x03\x04", 4)

PACKED = {
    "not packed": TEXT,
    "gzip": gzip.compress(TEXT),
    "gzip in two members, padded": gzip.compress(TEXT[:99]) + gzip.compress(TEXT[99:]) + b"\0" * 99,
    "bzip2": bz2.compress(TEXT),
    "bzip2 in two": bz2.compress(TEXT[:99]) + bz2.compress(TEXT[99:]),
    "xz": lzma.compress(TEXT),
    "zstandard": zstandard(TEXT),
    "zstandard in two": zstandard(TEXT[:99]) + zstandard(TEXT[99:]),
    "zip": archive("a.csv"),
    "zip, stored": archive("a.csv", method=zipfile.ZIP_STORED),
    "zip, streamed": archive("a.csv", is_streamed=True),
    "gzip in gzip": gzip.compress(gzip.compress(TEXT)),
    "gzip in zip": archive("a.csv.gz", content=gzip.compress(TEXT)),
    "zip from a Mac": archive("folder/a.csv", "__MACOSX/folder/._a.csv"),
    "zip with a comment": described(ONE, b"from PK\x01\x02"),
    "zip with a signature": described(ONE, b"", is_signed=True),
    "zip with large sizes": with_large_sizes(ONE),
    "zip, padded": ONE + b"\0" * 99,
    "zip, sent as text": ONE + b"\r\n\x1a",
}


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("size", [7, 4096, 10**9])
def test_the_file_inside_comes_out_however_it_was_cut(name: str, size: int) -> None:
    chunks = cut(PACKED[name], size)

    assert b"".join(unpacked(chunks)) == TEXT
    assert next(chunks, None) is None


@pytest.mark.parametrize("data", [b"", b"a", b"\x1f", b"PK"])
def test_short_files_are_themselves(data: bytes) -> None:
    assert b"".join(unpacked(iter([data]))) == data


@pytest.mark.parametrize("name", [n for n in PACKED if n != "not packed"])
def test_half_a_file_is_refused(name: str) -> None:
    data = PACKED[name]
    half = data[: len(data) // 2] if "two" not in name else data[: -len(data) // 4]

    with pytest.raises(InvalidFileError, match="in the middle"):
        list(unpacked(cut(half, 4096)))


@pytest.mark.parametrize("name", ["gzip", "bzip2", "xz", "zip", "zip, stored", "zip, streamed"])
def test_flipped_bits_are_refused(name: str) -> None:
    data = bytearray(PACKED[name])
    middle = len(data) // 2
    data[middle : middle + 8] = bytes(255 - byte for byte in data[middle : middle + 8])

    with pytest.raises(InvalidFileError, match="damaged"):
        list(unpacked(cut(bytes(data), 4096)))


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zstandard])
def test_bomb_is_refused_within_bounds(pack: object) -> None:
    bomb = pack(bytes(2 * FREE_BYTES))  # type: ignore[operator]
    tracemalloc.start()

    with pytest.raises(InvalidFileError, match=f"over {MAX_RATIO} times as much"):
        for _ in unpacked(cut(bomb, 4096)):
            pass

    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 16 * 2**20


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (archive("a.csv", "b.csv"), "more than one file: a.csv, b.csv; send each by itself"),
        (archive("folder/"), "holds no file"),
        (archive(), "holds no file"),
        (archive("[Content_Types].xml", "xl/workbook.xml"), "Excel workbook"),
        (archive("mimetype", "content.xml"), "LibreOffice spreadsheet"),
        (archive("a.csv", method=zipfile.ZIP_BZIP2), "packed by method 12"),
    ],
)
def test_archive_that_is_no_file_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidFileError, match=reason.replace("[", r"\[")):
        list(unpacked(cut(data, 4096)))


@pytest.mark.parametrize("size", [7, 4096, 10**9])
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (ONE + archive("b.csv"), "goes on behind its end, where more files than a.csv may be"),
        (ONE + b"x", "goes on behind its end"),
        (TWO[:SECOND], "the archive ends in the middle"),
        (TWO[: SECOND + 2], "the archive ends in the middle"),
        (ONE[: ONE.index(b"PK\x01\x02")], "the archive ends in the middle"),
        (ONE[:-1], "the archive ends in the middle"),
        (TWO[:SECOND] + b"junk" + TWO[SECOND:], "behind 1 entry there is no directory that lists"),
        (TWO[:SECOND] + TWO[TWO.index(b"PK\x01\x02") :], "behind 1 entry there is no directory"),
        (ONE[: ONE.index(b"PK\x01\x02")] + archive(), "behind 1 entry there is no directory"),
    ],
)
def test_archive_that_does_not_end_behind_its_one_file_is_refused(
    data: bytes, reason: str, size: int
) -> None:
    with pytest.raises(InvalidFileError, match=reason):
        list(unpacked(cut(data, size)))


def test_size_that_looks_like_a_mark_is_a_size() -> None:
    content = b"x" * int.from_bytes(b"PK", "little")

    assert b"".join(unpacked([archive("a.csv", is_streamed=True, content=content)])) == content


def test_encrypted_file_is_refused() -> None:
    data = bytearray(archive("a.csv"))
    data[6] |= 1

    with pytest.raises(InvalidFileError, match="is encrypted; send it without password"):
        list(unpacked(iter([bytes(data)])))
