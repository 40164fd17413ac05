"""What Cloud Storage promises to writers that race: who wins, and that the others are told."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from google.api_core.exceptions import (
    NotFound,
    NotModified,
    PreconditionFailed,
)
from google.cloud.storage.exceptions import InvalidResponse

from tests.contract.gcs_process import put

pytest_plugins = ("tests.contract.gcs_server",)

THREADS = 16
ROUNDS = 10


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
    stream.terminate()

    assert caught.value.response.status_code == 412
    assert bucket.blob("x").download_as_bytes() == b"original"


def test_condition_is_checked_when_a_chunked_write_ends(bucket):
    stream = bucket.blob("x").open("wb", chunk_size=2**18, if_generation_match=0)
    stream.write(b"a" * 2**18)
    put(bucket, "x", b"faster")

    with pytest.raises(InvalidResponse) as caught:
        stream.close()
    stream.terminate()

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


def test_delete_with_conditions(bucket):
    generation = put(bucket, "x").generation

    with pytest.raises(PreconditionFailed):
        bucket.blob("x").delete(if_generation_match=generation - 1)
    with pytest.raises(PreconditionFailed):
        bucket.blob("x").delete(if_metageneration_match=2)
    bucket.blob("x").delete(if_generation_match=generation)

    assert not bucket.blob("x").exists()


def test_patch_on_a_stale_metageneration_is_refused(bucket):
    blob = put(bucket, "x")
    blob.metadata = {"k": "1"}
    blob.patch(if_metageneration_match=1)

    blob.metadata = {"k": "2"}
    with pytest.raises(PreconditionFailed):
        blob.patch(if_metageneration_match=1)

    assert bucket.get_blob("x").metadata["k"] == "1"


def test_compose_with_conditions(bucket):
    part = put(bucket, "part")
    whole = put(bucket, "whole", b"original")

    with pytest.raises(PreconditionFailed):
        whole.compose([part], if_generation_match=0)
    with pytest.raises(PreconditionFailed):
        whole.compose([part], if_source_generation_match=[part.generation + 1])

    assert bucket.blob("whole").download_as_bytes() == b"original"


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
