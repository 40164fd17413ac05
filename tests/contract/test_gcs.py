"""What Cloud Storage promises about objects, kept as Google's client sees it."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.api_core.exceptions import (
    BadRequest,
    Conflict,
    Forbidden,
    GoogleAPICallError,
    NotFound,
    NotModified,
    PreconditionFailed,
)
from google.cloud import storage
from google.cloud.storage.exceptions import InvalidResponse

from tests.contract.gcs_process import only_emulator

pytest_plugins = ("tests.contract.gcs_server",)

THREADS = 16
ROUNDS = 10


def put(bucket: storage.Bucket, name: str, data: bytes | str = b"data", **options) -> storage.Blob:
    blob = bucket.blob(name)
    blob.upload_from_string(data, **options)
    return blob


def names(client: storage.Client, bucket: storage.Bucket, **options) -> list[str]:
    return [blob.name for blob in client.list_blobs(bucket, **options)]


def race(contenders: int, attempt) -> int:
    """Run an attempt in many threads at once; return how many were not refused."""

    def is_winner(number: int) -> bool:
        try:
            attempt(number)
        except PreconditionFailed:
            return False
        return True

    with ThreadPoolExecutor(contenders) as pool:
        return sum(pool.map(is_winner, range(contenders)))


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


def test_second_writer_with_generation_zero_is_refused(bucket):
    put(bucket, "lock", b"first", if_generation_match=0)

    with pytest.raises(PreconditionFailed):
        put(bucket, "lock", b"second", if_generation_match=0)

    assert bucket.blob("lock").download_as_bytes() == b"first"


def test_deleted_object_counts_as_generation_zero(bucket):
    put(bucket, "lock").delete()

    put(bucket, "lock", b"again", if_generation_match=0)

    assert bucket.blob("lock").download_as_bytes() == b"again"


def test_write_on_a_stale_generation_is_refused(bucket):
    first = put(bucket, "row", b"1").generation
    second = put(bucket, "row", b"2", if_generation_match=first).generation

    with pytest.raises(PreconditionFailed):
        put(bucket, "row", b"3", if_generation_match=first)

    assert second > first
    assert bucket.blob("row").download_as_bytes() == b"2"


@pytest.mark.parametrize(
    "condition",
    [
        {"if_generation_match": 1},
        {"if_generation_not_match": 0},
        {"if_metageneration_match": 1},
    ],
    ids=str,
)
def test_write_that_wants_an_object_is_refused_without_one(bucket, condition):
    with pytest.raises(PreconditionFailed):
        put(bucket, "absent", **condition)

    assert not bucket.blob("absent").exists()


def test_write_is_refused_on_each_kind_of_condition(bucket):
    present = put(bucket, "x")
    generation = present.generation

    for condition in (
        {"if_generation_not_match": generation},
        {"if_metageneration_match": 2},
    ):
        with pytest.raises(PreconditionFailed):
            put(bucket, "x", b"other", **condition)

    assert bucket.get_blob("x").generation == generation


def test_only_one_of_many_creators_wins(bucket):
    winners = [
        race(THREADS, lambda n, r=r: put(bucket, f"lock-{r}", str(n), if_generation_match=0))
        for r in range(ROUNDS)
    ]

    assert winners == [1] * ROUNDS


def test_only_one_of_many_writers_on_the_same_generation_wins(bucket):
    winners = []
    generation = put(bucket, "row", b"start").generation

    for _ in range(ROUNDS):
        won = race(
            THREADS, lambda n, g=generation: put(bucket, "row", str(n), if_generation_match=g)
        )
        winners.append(won)
        generation = bucket.get_blob("row").generation

    assert winners == [1] * ROUNDS


def test_no_increment_is_lost_between_many_writers(bucket):
    put(bucket, "counter", b"0")

    def increment(_: int) -> None:
        while True:
            blob = bucket.blob("counter")
            value = int(blob.download_as_bytes())
            try:
                put(bucket, "counter", str(value + 1), if_generation_match=blob.generation)
            except PreconditionFailed:
                continue
            return

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(increment, range(24)))

    assert bucket.blob("counter").download_as_bytes() == b"24"


def test_chunked_writer_reports_a_refused_condition_as_invalid_response(bucket):
    put(bucket, "x", b"original")

    with (
        pytest.raises(InvalidResponse) as caught,
        bucket.blob("x").open("wb", if_generation_match=0) as stream,
    ):
        stream.write(b"other")

    assert caught.value.response.status_code == 412
    assert bucket.blob("x").download_as_bytes() == b"original"


def test_condition_is_checked_when_a_chunked_write_ends(bucket):
    stream = bucket.blob("x").open("wb", chunk_size=2**18, if_generation_match=0)
    stream.write(b"a" * 2**18)
    put(bucket, "x", b"faster")

    with pytest.raises(InvalidResponse) as caught:
        stream.close()

    assert caught.value.response.status_code == 412
    assert bucket.blob("x").download_as_bytes() == b"faster"


def test_read_with_conditions(bucket):
    generation = put(bucket, "x").generation

    assert bucket.blob("x").download_as_bytes(if_generation_match=generation) == b"data"
    with pytest.raises(PreconditionFailed):
        bucket.blob("x").download_as_bytes(if_generation_match=generation + 1)
    with pytest.raises(PreconditionFailed):
        bucket.blob("x").reload(if_generation_match=generation + 1)
    with pytest.raises(PreconditionFailed):
        bucket.blob("x").reload(if_metageneration_match=2)
    with pytest.raises(NotModified):
        bucket.blob("x").reload(if_generation_not_match=generation)


def test_read_with_etags(bucket):
    put(bucket, "x")
    found = bucket.get_blob("x")

    assert bucket.blob("x").download_as_bytes(if_etag_match=found.etag) == b"data"
    with pytest.raises(PreconditionFailed):
        bucket.blob("x").download_as_bytes(if_etag_match="other")
    with pytest.raises(NotModified):
        bucket.blob("x").reload(if_etag_not_match=found.etag)


def test_overwritten_generation_is_gone(bucket):
    first = put(bucket, "x", b"1").generation
    second = put(bucket, "x", b"2").generation

    with pytest.raises(NotFound):
        bucket.blob("x", generation=first).download_as_bytes()
    assert bucket.blob("x", generation=second).download_as_bytes() == b"2"


def test_delete_with_conditions(bucket):
    generation = put(bucket, "x").generation

    with pytest.raises(PreconditionFailed):
        bucket.blob("x").delete(if_generation_match=generation - 1)
    with pytest.raises(PreconditionFailed):
        bucket.blob("x").delete(if_metageneration_match=2)
    bucket.blob("x").delete(if_generation_match=generation)

    assert not bucket.blob("x").exists()


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


def test_patch_on_a_stale_metageneration_is_refused(bucket):
    blob = put(bucket, "x")
    blob.metadata = {"k": "1"}
    blob.patch(if_metageneration_match=1)

    blob.metadata = {"k": "2"}
    with pytest.raises(PreconditionFailed):
        blob.patch(if_metageneration_match=1)

    assert bucket.get_blob("x").metadata["k"] == "1"


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


def test_compose_with_conditions(bucket):
    part = put(bucket, "part")
    whole = put(bucket, "whole", b"original")

    with pytest.raises(PreconditionFailed):
        whole.compose([part], if_generation_match=0)
    with pytest.raises(PreconditionFailed):
        whole.compose([part], if_source_generation_match=[part.generation + 1])

    assert bucket.blob("whole").download_as_bytes() == b"original"


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


def test_copy_with_conditions(bucket):
    source = put(bucket, "source")
    put(bucket, "copy", b"original")

    with pytest.raises(PreconditionFailed):
        bucket.copy_blob(source, bucket, "copy", if_generation_match=0)
    with pytest.raises(PreconditionFailed):
        bucket.copy_blob(source, bucket, "copy", if_source_generation_match=source.generation + 1)
    with pytest.raises(NotFound):
        bucket.copy_blob(source, bucket, "copy", source_generation=source.generation + 1)

    assert bucket.blob("copy").download_as_bytes() == b"original"


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


def test_versioned_bucket_keeps_what_was_replaced(gcs_client, bucket):
    bucket.versioning_enabled = True
    bucket.patch()

    first = put(bucket, "x", b"1").generation
    second = put(bucket, "x", b"22").generation

    versions = list(gcs_client.list_blobs(bucket, versions=True))
    assert [(v.generation, v.size) for v in versions] == [(first, 1), (second, 2)]
    assert versions[0].time_deleted is not None
    assert bucket.blob("x", generation=first).download_as_bytes() == b"1"
    assert names(gcs_client, bucket) == ["x"]


def test_delete_in_a_versioned_bucket_archives(gcs_client, bucket):
    bucket.versioning_enabled = True
    bucket.patch()
    generation = put(bucket, "x", b"1").generation

    bucket.blob("x").delete()
    assert names(gcs_client, bucket) == []
    assert bucket.blob("x", generation=generation).download_as_bytes() == b"1"
    with pytest.raises(Conflict):
        bucket.delete()

    bucket.blob("x", generation=generation).delete()
    assert names(gcs_client, bucket, versions=True) == []
    bucket.delete()


def test_listing_is_in_byte_order_and_honest_about_pages(gcs_client, bucket):
    expected = sorted((f"l/{n % 3}/{n}" for n in range(25)), key=str.encode)
    for name in expected[::-1]:
        put(bucket, name)

    pages = [
        [blob.name for blob in page] for page in gcs_client.list_blobs(bucket, page_size=10).pages
    ]

    assert [len(page) for page in pages] == [10, 10, 5]
    assert [name for page in pages for name in page] == expected
    assert len(names(gcs_client, bucket, max_results=7)) == 7


def test_names_beyond_the_basic_plane_come_in_byte_order(gcs_client, bucket):
    for name in ("\U0001f388", "\uffee", "z"):
        put(bucket, name)

    assert names(gcs_client, bucket) == ["z", "\uffee", "\U0001f388"]


def test_delimiter_folds_names_into_prefixes(gcs_client, bucket):
    for name in ("a", "f/1", "f/2", "f/g/3", "h/4", "z"):
        put(bucket, name)

    top = gcs_client.list_blobs(bucket, delimiter="/")
    assert [blob.name for blob in top] == ["a", "z"]
    assert top.prefixes == {"f/", "h/"}

    folder = gcs_client.list_blobs(bucket, prefix="f/", delimiter="/")
    assert [blob.name for blob in folder] == ["f/1", "f/2"]
    assert folder.prefixes == {"f/g/"}


def test_prefixes_count_as_results_of_a_page(gcs_client, bucket):
    for folder in range(5):
        for name in range(30):
            put(bucket, f"{folder}/{name}")
    put(bucket, "9")

    listing = gcs_client.list_blobs(bucket, delimiter="/", page_size=2)
    sizes = [len(list(page)) + len(page.prefixes) for page in listing.pages]

    assert sizes == [2, 2, 2]
    assert listing.prefixes == {f"{folder}/" for folder in range(5)}


def test_offsets_and_globs_narrow_a_listing(gcs_client, bucket):
    for name in ("a/1.csv", "a/2.txt", "b/1.csv", "b/c/1.csv", "d.csv"):
        put(bucket, name)

    assert names(gcs_client, bucket, start_offset="b/", end_offset="d") == ["b/1.csv", "b/c/1.csv"]
    assert names(gcs_client, bucket, prefix="a/", start_offset="a/2") == ["a/2.txt"]
    assert names(gcs_client, bucket, match_glob="*.csv") == ["d.csv"]
    assert names(gcs_client, bucket, match_glob="b/**.csv") == ["b/1.csv", "b/c/1.csv"]
    assert names(gcs_client, bucket, match_glob="?/[12].{csv,txt}") == [
        "a/1.csv",
        "a/2.txt",
        "b/1.csv",
    ]
    folded = gcs_client.list_blobs(bucket, match_glob="a/*.txt", delimiter="/")
    assert (list(folded), folded.prefixes) == ([], {"a/"})


def test_batch_answers_each_request_on_its_own(gcs_client, bucket):
    for number in range(5):
        put(bucket, f"x/{number} ü")

    with gcs_client.batch():
        for number in range(4):
            bucket.blob(f"x/{number} ü").delete()
    assert names(gcs_client, bucket) == ["x/4 ü"]

    with gcs_client.batch(raise_exception=False) as batch:
        bucket.blob("missing").delete()
        bucket.blob("x/4 ü").delete()
    assert [response.status_code for response in batch._responses] == [404, 204]


def test_batched_patch_returns_the_resource(gcs_client, bucket):
    blob = put(bucket, "x")

    with gcs_client.batch():
        blob.metadata = {"ü": "🎈"}
        blob.patch()

    assert blob.metadata["ü"] == "🎈"
    assert bucket.get_blob("x").metadata["ü"] == "🎈"


def test_bucket_settings_are_merged(gcs_client, bucket):
    bucket.add_lifecycle_delete_rule(age=7)
    bucket.labels = {"a": "b"}
    bucket.patch()
    bucket.versioning_enabled = True
    bucket.patch(if_metageneration_match=2)

    found = gcs_client.get_bucket(bucket.name)
    assert [rule["condition"]["age"] for rule in found.lifecycle_rules] == [7]
    assert (found.labels, found.versioning_enabled) == ({"a": "b"}, True)
    assert found.metageneration == 3
    with pytest.raises(PreconditionFailed):
        found.patch(if_metageneration_match=2)


def test_buckets_are_listed_created_once_and_deleted_when_empty(gcs_client, bucket):
    assert bucket.name in [found.name for found in gcs_client.list_buckets(prefix=bucket.name)]
    with pytest.raises(Conflict):
        gcs_client.create_bucket(bucket.name)

    put(bucket, "x")
    with pytest.raises(Conflict):
        bucket.delete()
    bucket.blob("x").delete()
    bucket.delete()

    assert gcs_client.lookup_bucket(bucket.name) is None


@pytest.mark.parametrize("name", ["Upper", "ab", "goog-x", "a b", "a" * 64])
@only_emulator
def test_impossible_bucket_name_is_refused(gcs_client, name):
    with pytest.raises(BadRequest):
        gcs_client.create_bucket(name)


@only_emulator
def test_what_is_not_emulated_says_so(gcs_client, bucket):
    with pytest.raises(
        GoogleAPICallError, match=r"GET /storage/v1/b/.*/iam is not emulated"
    ) as caught:
        bucket.get_iam_policy()

    assert caught.value.code == 501
