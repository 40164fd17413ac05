"""Writes to Cloud Storage; the emulator answers."""

import pytest
from google.cloud import storage as gcs

from shared.errors import StorageUnavailableError
from shared.storage import Storage
from tests.contract.gcs_process import GcsProcess, only_emulator

pytest_plugins = ("tests.contract.gcs_server",)
pytestmark = only_emulator


@pytest.fixture
def storage(gcs_session: GcsProcess, monkeypatch: pytest.MonkeyPatch) -> Storage:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_session.url)
    return Storage("acme", gcs_session.url)


def test_copy_into_a_bucket_that_is_not_there_is_no_source_that_is_gone(
    storage: Storage, bucket: gcs.Bucket
) -> None:
    bucket.blob("file.csv").upload_from_string(b"a\n1\n")
    source = storage.info(bucket.name, "file.csv")
    assert source

    with pytest.raises(StorageUnavailableError, match="nowhere"):
        storage.copy(source, "nowhere", "file.csv")


def test_copy_of_a_generation_that_is_gone_says_so(storage: Storage, bucket: gcs.Bucket) -> None:
    blob = bucket.blob("file.csv")
    blob.upload_from_string(b"a\n1\n")
    source = storage.info(bucket.name, "file.csv")
    assert source
    blob.upload_from_string(b"a\n2\n")

    with pytest.raises(FileNotFoundError):
        storage.copy(source, bucket.name, "copy.csv")


def test_held_object_is_neither_deleted_nor_replaced_until_the_hold_is_taken_away(
    storage: Storage, bucket: gcs.Bucket
) -> None:
    blob = bucket.blob("part.parquet")
    blob.metadata = {"kept": "yes"}
    blob.upload_from_string(b"rows")
    [free] = storage.list(bucket.name, "part")

    storage.hold(free, "legal-hold")

    [held] = storage.list(bucket.name, "part")
    assert (held.is_held, held.metadata) == (True, {"kept": "yes", "held-for": "legal-hold"})
    with pytest.raises(StorageUnavailableError, match="hold"):
        storage.delete(held.bucket, held.name, held.generation)
    storage.hold(held, None)
    [released] = storage.list(bucket.name, "part")
    assert (released.is_held, released.metadata) == (False, {"kept": "yes"})
    storage.delete(released.bucket, released.name, released.generation)
    storage.hold(released, "legal-hold")


def test_note_on_an_object_changes_neither_its_bytes_nor_its_generation(
    storage: Storage, bucket: gcs.Bucket
) -> None:
    with storage.create(bucket.name, "part", "text/plain", {"a": "1", "b": "1"}) as stream:
        stream.write(b"bytes")

    storage.note(bucket.name, "part", stream.generation, {"b": "2", "c": "2"})

    info = storage.info(bucket.name, "part", stream.generation)
    assert info
    assert info.metadata == {"a": "1", "b": "2", "c": "2"}
    assert storage.download(bucket.name, "part", stream.generation) == b"bytes"


def test_note_on_a_generation_that_is_gone_says_so(storage: Storage, bucket: gcs.Bucket) -> None:
    blob = bucket.blob("part")
    blob.upload_from_string(b"1")
    gone = int(blob.generation)
    blob.upload_from_string(b"2")

    with pytest.raises(FileNotFoundError):
        storage.note(bucket.name, "part", gone, {"b": "2"})
    assert (bucket.get_blob("part").metadata or {}) == {}
