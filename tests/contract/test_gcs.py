"""What Cloud Storage promises about objects, kept as Google's client sees it."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.api_core.exceptions import (
    BadRequest,
    Forbidden,
    NotFound,
    PreconditionFailed,
)

from tests.contract.gcs_process import names, only_emulator, put

pytest_plugins = ("tests.contract.gcs_server",)


def test_small_object_comes_back_with_its_description(bucket):
    data = bytes(range(256)) + b"\r\n\n\r\x00--==\r\n--\r\n"

    blob = put(bucket, "folder/x.bin", data, content_type="application/x-thing")

    found = bucket.get_blob("folder/x.bin")
    assert found.download_as_bytes() == data
    assert (found.size, found.content_type) == (len(data), "application/x-thing")
    assert found.crc32c == blob.crc32c
    assert found.md5_hash
    assert found.metageneration == 1
    assert found.storage_class == "STANDARD"
    assert found.time_created.tzinfo is not None


def test_empty_object_is_an_object(bucket):
    put(bucket, "empty", b"")

    assert bucket.get_blob("empty").size == 0
    assert bucket.blob("empty").download_as_bytes() == b""


def test_generations_are_microseconds_and_only_grow(bucket):
    before_us = time.time_ns() // 1000

    generations = [put(bucket, "x").generation for _ in range(20)]

    assert generations == sorted(set(generations))
    assert before_us - 60e6 < generations[0] < before_us + 60e6


def test_no_two_writes_share_a_generation(bucket):
    with ThreadPoolExecutor(16) as pool:
        generations = list(pool.map(lambda n: put(bucket, str(n)).generation, range(160)))

    assert len(set(generations)) == 160


@pytest.mark.parametrize(
    "name",
    [
        "dir with space/ü é 🎈.csv",
        "a%2Fb.csv",
        "q?x=1&y#z",
        "tr/",
        "a+b",
        "100%",
        "//",
        "..x",
        "' \"",
    ],
)
def test_odd_names_are_kept_to_the_letter(gcs_client, bucket, name):
    put(bucket, name, name)

    assert bucket.blob(name).download_as_text() == name
    assert bucket.get_blob(name).name == name
    assert names(gcs_client, bucket) == [name]
    bucket.blob(name).delete()
    assert names(gcs_client, bucket) == []


@pytest.mark.parametrize("name", ["x" * 1025, "two\nlines", ".."])
def test_impossible_name_is_refused(bucket, name):
    with pytest.raises(BadRequest):
        put(bucket, name)


def test_what_is_missing_is_not_found(bucket):
    missing = bucket.blob("missing")

    with pytest.raises(NotFound):
        missing.download_as_bytes()
    with pytest.raises(NotFound):
        missing.delete()
    with pytest.raises(NotFound):
        missing.patch()
    assert not missing.exists()
    assert bucket.get_blob("missing") is None


def test_object_in_a_missing_bucket_is_not_found(gcs_client):
    blob = gcs_client.bucket(f"missing-{uuid.uuid4().hex}").blob("x")

    with pytest.raises(NotFound):
        blob.upload_from_string(b"data")


def test_overwritten_generation_is_gone(bucket):
    first = put(bucket, "x", b"1").generation
    second = put(bucket, "x", b"2").generation

    with pytest.raises(NotFound):
        bucket.blob("x", generation=first).download_as_bytes()
    assert bucket.blob("x", generation=second).download_as_bytes() == b"2"


def test_patch_changes_what_it_names_and_counts(bucket):
    blob = bucket.blob("x")
    blob.metadata = {"run": "1", "kept": "yes", "removed": "soon"}
    blob.cache_control = "no-store"
    blob.upload_from_string("x", content_type="text/csv")

    blob.metadata = {"run": "2", "removed": None}
    blob.patch()

    found = bucket.get_blob("x")
    assert {key: found.metadata.get(key) for key in ("run", "kept", "removed")} == {
        "run": "2",
        "kept": "yes",
        "removed": None,
    }
    assert (found.content_type, found.cache_control) == ("text/csv", "no-store")
    assert (found.generation, found.metageneration) == (blob.generation, 2)
    assert found.updated > found.time_created


def test_update_replaces_custom_metadata(bucket):
    blob = bucket.blob("x")
    blob.metadata = {"old": "1"}
    blob.upload_from_string("x")

    blob.reload()
    blob.metadata = {"new": "2"}
    blob.update()

    assert "old" not in bucket.get_blob("x").metadata
    assert bucket.get_blob("x").metadata["new"] == "2"


@pytest.mark.parametrize("hold", ["temporary_hold", "event_based_hold"])
def test_held_object_is_neither_deleted_nor_overwritten(bucket, hold):
    blob = put(bucket, "x")
    setattr(blob, hold, True)
    blob.patch()

    with pytest.raises(Forbidden):
        bucket.blob("x").delete()
    with pytest.raises(Forbidden):
        put(bucket, "x", b"other")

    setattr(blob, hold, False)
    blob.patch()
    bucket.blob("x").delete()


def test_compose_joins_and_keeps_a_checksum(bucket):
    parts = [put(bucket, f"part-{n}", f"part{n}|") for n in range(3)]
    whole = bucket.blob("whole")
    whole.content_type = "text/csv"

    whole.compose(parts, if_generation_match=0)

    found = bucket.get_blob("whole")
    assert found.download_as_text() == "part0|part1|part2|"
    assert found.component_count == 3
    assert found.md5_hash is None
    assert found.crc32c == put(bucket, "same", "part0|part1|part2|").crc32c
    assert found.content_type == "text/csv"


def test_compose_of_too_many_is_refused(bucket):
    part = put(bucket, "part")

    with pytest.raises(BadRequest):
        bucket.blob("whole").compose([part] * 33)


def test_copy_keeps_bytes_and_metadata_under_a_new_generation(bucket):
    source = bucket.blob("source")
    source.metadata = {"run": "1"}
    source.upload_from_string(b"data", content_type="text/csv")

    copy = bucket.copy_blob(source, bucket, "copy", if_generation_match=0)

    assert (copy.metadata["run"], copy.content_type) == ("1", "text/csv")
    assert copy.generation > source.generation
    source.delete()
    assert bucket.blob("copy").download_as_bytes() == b"data"


def test_rewrite_within_a_class_is_done_at_once(bucket):
    source = put(bucket, "source", b"x" * 1000)

    result = bucket.blob("copy").rewrite(source, if_generation_match=0)

    assert result == (None, 1000, 1000)
    with pytest.raises(PreconditionFailed):
        bucket.blob("copy").rewrite(source, if_generation_match=0)


@only_emulator
def test_rewrite_to_another_class_takes_several_calls(bucket):
    source = put(bucket, "source", b"x" * (40 * 2**20), checksum=None)
    copy = bucket.blob("copy")
    copy.storage_class = "NEARLINE"

    token, rewritten_bytes, total_bytes = copy.rewrite(source)
    assert (rewritten_bytes, total_bytes) == (16 * 2**20, 40 * 2**20)
    assert not bucket.blob("copy").exists()
    calls = 1
    while token:
        token, rewritten_bytes, total_bytes = copy.rewrite(source, token=token)
        calls += 1

    assert calls == 3
    assert bucket.get_blob("copy").storage_class == "NEARLINE"
    assert bucket.get_blob("copy").crc32c == source.crc32c


@only_emulator
def test_rewrite_token_is_good_for_its_own_rewrite_only(bucket):
    source = put(bucket, "source", b"x" * (17 * 2**20), checksum=None)
    copy, other = bucket.blob("copy"), bucket.blob("other")
    copy.storage_class = other.storage_class = "NEARLINE"
    token, _, _ = copy.rewrite(source)

    with pytest.raises(BadRequest):
        other.rewrite(source, token=token)
