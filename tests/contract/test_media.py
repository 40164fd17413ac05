"""Downloads: whole, exact, and gone on with where they broke; the emulator is told to fail."""

import uuid

import pytest
from google.cloud import storage as gcs

from shared.errors import StorageUnavailableError
from shared.storage import PIECE_BYTES, Storage
from tests.contract.gcs_process import Faults, GcsProcess, only_emulator

pytest_plugins = ("tests.contract.gcs_server",)
pytestmark = only_emulator

CONTENT = bytes(range(256)) * (3 * PIECE_BYTES // 256) + b"end"


@pytest.fixture
def storage(gcs_session: GcsProcess, monkeypatch: pytest.MonkeyPatch) -> Storage:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_session.url)
    return Storage("acme", gcs_session.url)


@pytest.fixture
def blob(bucket: gcs.Bucket) -> gcs.Blob:
    blob = bucket.blob(f"äé/a b+c%2F?#/{uuid.uuid4().hex}")
    blob.upload_from_string(CONTENT)
    return blob


def test_object_comes_in_chunks_of_one_size(storage, blob):
    chunks = list(storage.stream(blob.bucket.name, blob.name, blob.generation))

    assert [len(c) for c in chunks] == [PIECE_BYTES] * 3 + [3]
    assert b"".join(chunks) == CONTENT


def test_object_is_read_from_a_byte_on_in_pieces_as_small_as_wanted(storage, blob):
    start = len(CONTENT) - 10

    pieces = list(
        storage.stream(blob.bucket.name, blob.name, blob.generation, start=start, piece_bytes=4)
    )

    assert [len(piece) for piece in pieces] == [4, 4, 2]
    assert b"".join(pieces) == CONTENT[start:]


def test_empty_object_has_no_chunk(storage, bucket):
    blob = bucket.blob("empty")
    blob.upload_from_string(b"")

    assert list(storage.stream(bucket.name, "empty", blob.generation)) == []
    assert storage.download(bucket.name, "empty", blob.generation) == b""


def test_generation_that_is_gone_is_told(storage, blob):
    before = blob.generation
    blob.upload_from_string(b"later")

    with pytest.raises(FileNotFoundError):
        list(storage.stream(blob.bucket.name, blob.name, before))
    assert storage.download(blob.bucket.name, blob.name, before) is None


def test_object_that_is_stored_packed_stays_packed(storage, bucket):
    import gzip

    packed = gzip.compress(b"a,b\n1,2\n")
    blob = bucket.blob("packed")
    blob.content_encoding = "gzip"
    blob.upload_from_string(packed)

    assert storage.download(bucket.name, "packed", blob.generation) == packed


@pytest.mark.parametrize("kind", ["truncate", "reset", "status", "drop_reply"])
def test_broken_download_goes_on_where_it_broke(storage, blob, faults: Faults, kind):
    faults.order(kind=kind, method="GET", path_regex="/download/", count=2)

    assert storage.download(blob.bucket.name, blob.name, blob.generation) == CONTENT

    assert faults.hits() == [2]


def test_download_that_never_succeeds_is_unavailable(storage, blob, faults: Faults, monkeypatch):
    monkeypatch.setattr("shared.storage.failures.RETRY_TIMEOUT_S", 1.0)
    faults.order(kind="status", method="GET", path_regex="/download/")

    with pytest.raises(StorageUnavailableError):
        storage.download(blob.bucket.name, blob.name, blob.generation)


@pytest.mark.parametrize("is_broken", [False, True])
def test_byte_that_changed_on_its_way_is_found(storage, bucket, gcs_session, faults, is_broken):
    content = uuid.uuid4().bytes * (PIECE_BYTES // 8 + is_broken)
    blob = bucket.blob("flipped")
    blob.upload_from_string(content)
    kept = [p for p in gcs_session.state_dir.rglob("*") if p.is_file()]
    (file,) = [path for path in kept if path.stat().st_size == len(content)]
    with file.open("r+b") as stored:
        stored.write(bytes([content[0] ^ 1]))
    if is_broken:
        faults.order(kind="truncate", method="GET", path_regex="/download/", count=1)

    with pytest.raises(StorageUnavailableError, match="CRC32C"):
        storage.download(bucket.name, "flipped", blob.generation)
