"""What Cloud Storage promises about bytes in transit: in, out, in pieces, and checked."""

import base64
import contextlib
import gzip
import hashlib
import io
import random

import google_crc32c
import pytest
from google.api_core.exceptions import BadRequest, NotFound, RequestRangeNotSatisfiable
from google.cloud import storage
from google.cloud.storage import transfer_manager

from tests.contract.gcs_process import only_emulator

pytest_plugins = ("tests.contract.gcs_server",)

MIB = 2**20
CHUNK_BYTES = 2**18
WRONG_CRC32C = "AAAAAA=="
WRONG_MD5 = "AAAAAAAAAAAAAAAAAAAAAA=="


def crc32c(data: bytes) -> str:
    return base64.b64encode(google_crc32c.Checksum(data).digest()).decode()


@pytest.fixture(scope="module")
def noise() -> bytes:
    """Nine MiB and a bit: more than one part of every kind of transfer."""
    return random.Random(1).randbytes(9 * MIB + 123)


class Session:
    """A resumable upload by hand, for what Google's client does only on bad days."""

    def __init__(self, client: storage.Client, blob: storage.Blob, **options) -> None:
        self._http = client._http
        self._url = blob.create_resumable_upload_session(**options)

    def put(self, content_range: str, data: bytes = b"", **headers: str):
        headers["content-range"] = content_range
        return self._http.put(self._url, data=data, headers=headers)

    def cancel(self):
        return self._http.delete(self._url)


def test_chunked_writer_round_trip(bucket, noise):
    with bucket.blob("x").open("wb", chunk_size=MIB, content_type="text/csv") as stream:
        for start in range(0, len(noise), 700_000):
            stream.write(noise[start : start + 700_000])

    found = bucket.get_blob("x")
    assert (found.size, found.crc32c) == (len(noise), crc32c(noise))
    assert found.md5_hash == base64.b64encode(hashlib.md5(noise).digest()).decode()
    assert found.content_type == "text/csv"


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, 2 * CHUNK_BYTES])
def test_chunked_writer_ends_well_at_any_size(bucket, noise, size):
    with bucket.blob("x").open("wb", chunk_size=CHUNK_BYTES) as stream:
        stream.write(noise[:size])

    assert bucket.blob("x").download_as_bytes() == noise[:size]


@pytest.mark.parametrize("chunk_bytes", [None, MIB])
def test_upload_from_a_file_of_known_size(bucket, noise, chunk_bytes):
    blob = bucket.blob("x", chunk_size=chunk_bytes)

    blob.upload_from_file(io.BytesIO(noise), size=len(noise))

    assert bucket.get_blob("x").crc32c == crc32c(noise)


def abandon(blob: storage.Blob) -> None:
    """Stop writing in the middle, as a program does that fails."""
    with contextlib.suppress(RuntimeError), blob.open("wb", chunk_size=CHUNK_BYTES) as stream:
        stream.write(b"x" * MIB)
        raise RuntimeError


def test_abandoned_writer_leaves_no_object(gcs_client, bucket):
    abandon(bucket.blob("x"))

    assert list(gcs_client.list_blobs(bucket, versions=True)) == []


def test_abandoned_writer_leaves_the_old_object(bucket):
    bucket.blob("x").upload_from_string(b"old")

    abandon(bucket.blob("x"))

    assert bucket.blob("x").download_as_bytes() == b"old"


def test_object_is_not_seen_before_its_last_byte(bucket):
    stream = bucket.blob("x").open("wb", chunk_size=CHUNK_BYTES)
    stream.write(b"x" * MIB)

    assert not bucket.blob("x").exists()
    stream.close()
    assert bucket.blob("x").exists()


def test_session_says_how_far_it_got_and_forgives_repetition(gcs_client, bucket, noise):
    session = Session(gcs_client, bucket.blob("x"))
    assert "range" not in session.put("bytes */*").headers

    first = session.put(f"bytes 0-{CHUNK_BYTES - 1}/*", noise[:CHUNK_BYTES])
    again = session.put(f"bytes 0-{2 * CHUNK_BYTES - 1}/*", noise[: 2 * CHUNK_BYTES])
    asked = session.put("bytes */*")

    assert [reply.status_code for reply in (first, again, asked)] == [308, 308, 308]
    assert first.headers["range"] == f"bytes=0-{CHUNK_BYTES - 1}"
    assert again.headers["range"] == asked.headers["range"] == f"bytes=0-{2 * CHUNK_BYTES - 1}"
    total = 2 * CHUNK_BYTES + 10
    last = session.put(
        f"bytes {2 * CHUNK_BYTES}-{total - 1}/{total}", noise[2 * CHUNK_BYTES : total]
    )
    assert last.status_code == 200
    assert bucket.blob("x").download_as_bytes() == noise[:total]


def test_finished_session_gives_its_answer_again(gcs_client, bucket):
    session = Session(gcs_client, bucket.blob("x"), if_generation_match=0)

    first = session.put("bytes 0-2/3", b"abc")
    again = session.put("bytes 0-2/3", b"abc")
    asked = session.put("bytes */3")

    assert [reply.status_code for reply in (first, again, asked)] == [200, 200, 200]
    assert first.json()["generation"] == again.json()["generation"]
    assert bucket.get_blob("x").generation == int(first.json()["generation"])


def test_cancelled_session_is_gone(gcs_client, bucket):
    session = Session(gcs_client, bucket.blob("x"))
    session.put(f"bytes 0-{CHUNK_BYTES - 1}/*", b"x" * CHUNK_BYTES)

    assert session.cancel().status_code == 499
    assert session.put("bytes */*").status_code in range(400, 500)
    assert not bucket.blob("x").exists()


@only_emulator
@pytest.mark.parametrize(
    ("content_range", "size"),
    [
        ("bytes 0-99/*", 100),
        (f"bytes {CHUNK_BYTES}-{2 * CHUNK_BYTES - 1}/*", CHUNK_BYTES),
        ("bytes 0-99/100", 99),
        ("bytes 0-99/50", 100),
        ("nonsense", 100),
    ],
)
def test_unlawful_chunk_is_refused(gcs_client, bucket, content_range, size):
    session = Session(gcs_client, bucket.blob("x"))

    assert session.put(content_range, b"x" * size).status_code == 400
    assert not bucket.blob("x").exists()


@pytest.mark.parametrize(("field", "value"), [("crc32c", WRONG_CRC32C), ("md5_hash", WRONG_MD5)])
def test_upload_with_a_wrong_hash_leaves_no_object(bucket, field, value):
    blob = bucket.blob("x")
    setattr(blob, field, value)

    with pytest.raises(BadRequest):
        blob.upload_from_string(b"data", checksum=None)

    assert not bucket.blob("x").exists()


def test_resumable_upload_with_a_wrong_hash_leaves_no_object(gcs_client, bucket):
    session = Session(gcs_client, bucket.blob("x"))

    reply = session.put("bytes 0-3/4", b"data", **{"x-goog-hash": f"crc32c={WRONG_CRC32C}"})

    assert reply.status_code == 400
    assert not bucket.blob("x").exists()


def test_ranges(bucket, noise):
    bucket.blob("x").upload_from_string(noise)
    blob = bucket.blob("x")

    assert blob.download_as_bytes(start=1000, end=1999) == noise[1000:2000]
    assert blob.download_as_bytes(start=len(noise) - 10) == noise[-10:]
    assert blob.download_as_bytes(start=-7) == noise[-7:]
    assert blob.download_as_bytes(start=len(noise) - 3, end=len(noise) + 100) == noise[-3:]


def test_range_past_the_end_cannot_be_satisfied(bucket):
    bucket.blob("x").upload_from_string(b"data")

    with pytest.raises(RequestRangeNotSatisfiable):
        bucket.blob("x").download_as_bytes(start=4, end=10)


def test_streamed_reader_follows_one_generation(bucket, noise):
    bucket.blob("x").upload_from_string(noise)

    with bucket.blob("x").open("rb", chunk_size=MIB) as stream:
        assert b"".join(iter(lambda: stream.read(300_000), b"")) == noise

    with bucket.get_blob("x").open("rb", chunk_size=MIB) as stream:
        stream.read(10)
        bucket.blob("x").upload_from_string(b"other")
        with pytest.raises(NotFound):
            stream.read(2 * MIB)


def test_parallel_ranged_download(bucket, noise, tmp_path):
    bucket.blob("x").upload_from_string(noise)

    transfer_manager.download_chunks_concurrently(
        bucket.blob("x"),
        str(tmp_path / "x"),
        chunk_size=2 * MIB,
        max_workers=3,
        worker_type=transfer_manager.THREAD,
    )

    assert (tmp_path / "x").read_bytes() == noise


def test_gzip_is_unpacked_for_callers_who_cannot(gcs_client, bucket):
    plain = b"a,b\n1,2\n" * 500_000
    packed = gzip.compress(plain[: len(plain) // 2]) + gzip.compress(plain[len(plain) // 2 :])
    blob = bucket.blob("x.csv")
    blob.content_encoding = "gzip"
    blob.upload_from_string(packed, content_type="text/csv")

    assert bucket.blob("x.csv").download_as_bytes(raw_download=True) == packed
    reply = gcs_client._http.get(
        bucket.get_blob("x.csv").media_link, headers={"accept-encoding": "identity"}
    )
    assert reply.content == plain
    assert reply.headers["x-goog-stored-content-encoding"] == "gzip"


def test_small_gzip_is_unpacked_by_the_client(bucket):
    blob = bucket.blob("x.csv")
    blob.content_encoding = "gzip"
    blob.upload_from_string(gzip.compress(b"a,b\n"), content_type="text/csv")

    assert bucket.blob("x.csv").download_as_bytes() == b"a,b\n"


@only_emulator
def test_memory_stays_flat_while_64_mib_go_in_and_out(gcs_session, bucket, noise):
    bucket.blob("warm").upload_from_string(noise)
    block = noise[:MIB]
    before_bytes = gcs_session.rss_bytes()
    peak_bytes = before_bytes

    with bucket.blob("x").open("wb", chunk_size=8 * MIB) as stream:
        for _ in range(64):
            stream.write(block)
            peak_bytes = max(peak_bytes, gcs_session.rss_bytes())
    with bucket.blob("x").open("rb", chunk_size=8 * MIB) as stream:
        while stream.read(MIB):
            peak_bytes = max(peak_bytes, gcs_session.rss_bytes())

    assert bucket.get_blob("x").size == 64 * MIB
    assert peak_bytes - before_bytes < 24 * MIB
