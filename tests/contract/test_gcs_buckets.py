"""What Cloud Storage promises about buckets: listings, versions, settings, batches."""

import pytest
from google.api_core.exceptions import (
    BadRequest,
    Conflict,
    GoogleAPICallError,
    PreconditionFailed,
)

from tests.contract.gcs_process import names, only_emulator, put

pytest_plugins = ("tests.contract.gcs_server",)


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
