"""What survives bad days: lost replies, broken connections, and the emulator's own death."""

import subprocess
import threading
import time

import pytest
import requests
from google.api_core.exceptions import PreconditionFailed, ServiceUnavailable
from google.cloud import storage

from tests.contract.gcs_process import GcsProcess, new_client, only_emulator, wait_until

pytest_plugins = ("tests.contract.gcs_server",)
pytestmark = only_emulator

CHUNK_BYTES = 2**18


def assert_whole(client: storage.Client, state: GcsProcess) -> dict[str, bytes]:
    """Read every object, checksums compared; nothing else may be in the state directory."""
    blobs = list(client.list_blobs("state"))
    found = {blob.name: blob.download_as_bytes(checksum="crc32c") for blob in blobs}
    assert len(list((state.state_dir / "contents").iterdir())) == len(blobs)
    return found


def test_lost_reply_makes_a_conditional_write_look_refused(bucket, faults):
    faults.order(kind="drop_reply", method="POST", path_regex="ifGenerationMatch", count=1)

    with pytest.raises(PreconditionFailed):
        bucket.blob("lock").upload_from_string(b"mine", if_generation_match=0)

    assert faults.hits() == [1]
    assert bucket.blob("lock").download_as_bytes() == b"mine"


def test_lost_last_reply_of_a_chunked_write_is_healed_by_the_client(bucket, faults):
    faults.order(kind="drop_reply", method="PUT", path_regex="upload_id", skip=1, count=1)

    with bucket.blob("x").open("wb", chunk_size=CHUNK_BYTES, if_generation_match=0) as stream:
        stream.write(b"a" * CHUNK_BYTES + b"rest")

    assert faults.hits() == [1]
    assert bucket.blob("x").download_as_bytes() == b"a" * CHUNK_BYTES + b"rest"


def test_lost_reply_in_the_middle_of_a_chunked_write_is_healed(bucket, faults):
    faults.order(kind="drop_reply", method="PUT", path_regex="upload_id", skip=1, count=1)

    with bucket.blob("x").open("wb", chunk_size=CHUNK_BYTES) as stream:
        for letter in (b"a", b"b", b"c", b"d"):
            stream.write(letter * CHUNK_BYTES)

    expected = b"".join(letter * CHUNK_BYTES for letter in (b"a", b"b", b"c", b"d"))
    assert bucket.blob("x").download_as_bytes() == expected


def test_reset_connection_did_nothing(bucket, faults):
    faults.order(kind="reset", method="POST", count=1)

    with pytest.raises(requests.ConnectionError, match=r"reset by peer|without response"):
        bucket.blob("x").upload_from_string(b"data", retry=None)

    assert faults.hits() == [1]
    assert not bucket.blob("x").exists()


def test_status_is_answered_as_often_as_ordered(bucket, faults):
    faults.order(kind="status", status=503, method="GET", path_regex="/o/x", skip=1, count=1)
    bucket.blob("x").upload_from_string(b"data")

    assert bucket.blob("x").exists(retry=None)
    with pytest.raises(ServiceUnavailable):
        bucket.blob("x").reload(retry=None)
    bucket.blob("x").reload(retry=None)

    assert faults.hits() == [1]


def test_truncated_download_is_noticed_and_finished_by_the_client(bucket, faults):
    data = bytes(range(256)) * 4096
    bucket.blob("x").upload_from_string(data)
    faults.order(kind="truncate", method="GET", path_regex="alt=media", count=1)

    assert bucket.blob("x").download_as_bytes() == data
    assert faults.hits() == [1]


def test_truncated_download_without_retry_is_an_error(bucket, faults):
    bucket.blob("x").upload_from_string(b"data" * 1000)
    faults.order(kind="truncate", method="GET", path_regex="alt=media")

    with pytest.raises(requests.RequestException, match="IncompleteRead"):
        bucket.blob("x").download_as_bytes(retry=None)


def test_slow_answer_comes_late(bucket, faults):
    bucket.blob("x").upload_from_string(b"data")
    faults.order(kind="slow", method="GET", delay_s=0.2, count=1)
    started_at = time.monotonic()

    bucket.blob("x").reload()

    assert time.monotonic() - started_at >= 0.2


@pytest.mark.parametrize(
    "rule",
    [{"kind": "unheard-of"}, {"kind": "slow", "unknown": 1}, {"kind": "slow", "path_regex": "("}],
)
def test_rule_that_is_none_is_refused(faults, rule):
    with pytest.raises(requests.HTTPError, match="400"):
        faults.order(**rule)


def test_everything_is_there_after_a_restart(gcs_process):
    client = new_client(gcs_process.url)
    bucket = client.create_bucket("state")
    bucket.labels = {"k": "v"}
    bucket.patch()
    blob = bucket.blob("x ü")
    blob.metadata = {"run": "1"}
    blob.upload_from_string(b"data")

    assert gcs_process.stop() == 0
    gcs_process.start()

    found = client.get_bucket("state").get_blob("x ü")
    assert (found.generation, found.metadata["run"]) == (blob.generation, "1")
    assert found.download_as_bytes() == b"data"
    assert client.get_bucket("state").labels == {"k": "v"}
    with pytest.raises(PreconditionFailed):
        bucket.blob("x ü").upload_from_string(b"other", if_generation_match=0)


def test_kill_loses_nothing_acknowledged_and_shows_nothing_half_written(gcs_process):
    client = new_client(gcs_process.url)
    bucket = client.create_bucket("state")
    acknowledged: dict[str, bytes] = {}

    def write(writer: int) -> None:
        number = 0
        while True:
            name, data = f"{writer}/{number % 20}", f"{writer}:{number};".encode() * 20_000
            try:
                bucket.blob(name).upload_from_string(data, retry=None, timeout=5)
            except (ConnectionError, requests.RequestException):
                return
            acknowledged[name] = data
            number += 1

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(acknowledged) >= 60, what="some writes")
    gcs_process.kill()
    for thread in threads:
        thread.join()
    gcs_process.start()

    found = assert_whole(client, gcs_process)
    lost = {name for name, data in acknowledged.items() if name not in found}
    older = {
        name for name, data in acknowledged.items() if number_of(found[name]) < number_of(data)
    }
    assert (lost, older) == (set(), set())


def number_of(data: bytes) -> int:
    first, *others = set(data.split(b";")) - {b""}
    assert not others, "bytes of two writes in one object"
    return int(first.split(b":")[1])


def test_chunked_write_goes_on_after_a_kill(gcs_process):
    client = new_client(gcs_process.url)
    bucket = client.create_bucket("state")
    stream = bucket.blob("x").open("wb", chunk_size=CHUNK_BYTES, if_generation_match=0)
    stream.write(b"a" * CHUNK_BYTES)

    gcs_process.kill()
    gcs_process.start()
    stream.write(b"b" * CHUNK_BYTES + b"rest")
    stream.close()

    expected = b"a" * CHUNK_BYTES + b"b" * CHUNK_BYTES + b"rest"
    assert assert_whole(client, gcs_process) == {"x": expected}


def test_bytes_of_a_broken_upload_are_swept_at_the_next_start(gcs_process):
    client = new_client(gcs_process.url)
    bucket = client.create_bucket("state")
    bucket.blob("whole").upload_from_string(b"data")
    halves = iter([b"x" * 2**20])
    contents = gcs_process.state_dir / "contents"

    def body():
        yield next(halves)
        wait_until(lambda: len(list(contents.iterdir())) == 2, what="the first half is there")
        gcs_process.kill()
        yield b"x" * 2**20

    url = f"{gcs_process.url}/upload/storage/v1/b/state/o?uploadType=media&name=broken"
    with pytest.raises(requests.RequestException):
        requests.post(url, data=body(), timeout=5)
    gcs_process.start()

    assert assert_whole(client, gcs_process) == {"whole": b"data"}


def test_second_emulator_on_the_same_state_is_refused(gcs_process):
    second = GcsProcess(gcs_process.state_dir)

    result = subprocess.run(second.command(), capture_output=True, text=True, timeout=10)

    assert result.returncode == 2
    assert "another emulator uses" in result.stderr
