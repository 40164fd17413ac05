"""What Cloud Storage tells Pub/Sub about objects."""

import json
import queue
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path

import grpc
import pytest
from google.cloud import storage
from google.pubsub_v1.types import pubsub

from tests.contract.gcs_process import Faults, GcsProcess, new_client, only_emulator

pytestmark = only_emulator

TOPIC = "projects/test-project/topics/landing"


class Receiver:
    """The Publisher service of Pub/Sub, as far as publishing goes."""

    def __init__(self) -> None:
        self.received: queue.SimpleQueue[tuple[str, pubsub.PubsubMessage]] = queue.SimpleQueue()
        self.failures_left = 0
        self._server = grpc.server(futures.ThreadPoolExecutor(2))
        publish = grpc.unary_unary_rpc_method_handler(
            self._publish,
            request_deserializer=pubsub.PublishRequest.deserialize,
            response_serializer=pubsub.PublishResponse.serialize,
        )
        self._server.add_generic_rpc_handlers(
            [
                grpc.method_handlers_generic_handler(
                    "google.pubsub.v1.Publisher", {"Publish": publish}
                )
            ]
        )
        self.endpoint = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def next(self) -> pubsub.PubsubMessage:
        topic, message = self.received.get(timeout=10)
        assert topic == TOPIC
        return message

    def stop(self) -> None:
        self._server.stop(grace=None)

    def _publish(self, request: pubsub.PublishRequest, context: grpc.ServicerContext):
        if self.failures_left:
            self.failures_left -= 1
            context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        for message in request.messages:
            self.received.put((request.topic, message))
        return pubsub.PublishResponse(message_ids=["1" for _ in request.messages])


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.stop()


@pytest.fixture(scope="module")
def notifying(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GcsProcess]:
    state_dir: Path = tmp_path_factory.mktemp("notifying")
    process = GcsProcess(state_dir, notify_endpoint=receiver.endpoint)
    process.start()
    yield process
    assert process.stop() == 0


@pytest.fixture
def bucket(notifying: GcsProcess, receiver: Receiver, request) -> Iterator[storage.Bucket]:
    name = request.node.name.replace("_", "-").lower()[-50:].strip("-")
    yield new_client(notifying.url).create_bucket(name)
    assert receiver.received.empty(), "a message nobody asked for"


@pytest.fixture
def faults(notifying: GcsProcess) -> Iterator[Faults]:
    faults = Faults(notifying.url)
    yield faults
    faults.clear()


def notify(bucket: storage.Bucket, **options) -> str:
    options.setdefault("payload_format", "JSON_API_V1")
    notification = bucket.notification(
        topic_name="landing", topic_project="test-project", **options
    )
    notification.create()
    return str(notification.notification_id)


def put(bucket: storage.Bucket, name: str, data: bytes = b"data") -> storage.Blob:
    blob = bucket.blob(name)
    blob.upload_from_string(data)
    return blob


def test_configurations_are_created_listed_and_deleted(bucket):
    config_id = notify(bucket, event_types=["OBJECT_FINALIZE"], blob_name_prefix="in/")

    (listed,) = bucket.list_notifications()
    assert (listed.notification_id, listed.topic_name) == (config_id, "landing")
    assert (listed.event_types, listed.blob_name_prefix) == (["OBJECT_FINALIZE"], "in/")
    assert bucket.get_notification(config_id).payload_format == "JSON_API_V1"

    listed.delete()
    assert not listed.exists()
    put(bucket, "in/x")


def test_finalize_carries_the_object(bucket, receiver):
    config_id = notify(bucket, event_types=["OBJECT_FINALIZE"], custom_attributes={"team": "data"})

    blob = put(bucket, "in/ü x.csv")

    message = receiver.next()
    attributes = dict(message.attributes)
    assert attributes.pop("eventTime").endswith("Z")
    assert attributes == {
        "notificationConfig": f"projects/_/buckets/{bucket.name}/notificationConfigs/{config_id}",
        "eventType": "OBJECT_FINALIZE",
        "payloadFormat": "JSON_API_V1",
        "bucketId": bucket.name,
        "objectId": "in/ü x.csv",
        "objectGeneration": str(blob.generation),
        "team": "data",
    }
    resource = json.loads(message.data)
    assert (resource["name"], resource["generation"]) == ("in/ü x.csv", str(blob.generation))
    assert (resource["size"], resource["crc32c"]) == ("4", blob.crc32c)


def test_overwriting_tells_of_both_generations(bucket, receiver):
    first = put(bucket, "x")
    notify(bucket)

    second = put(bucket, "x")

    messages = {m.attributes["eventType"]: m.attributes for m in (receiver.next(), receiver.next())}
    assert messages["OBJECT_DELETE"]["objectGeneration"] == str(first.generation)
    assert messages["OBJECT_DELETE"]["overwrittenByGeneration"] == str(second.generation)
    assert messages["OBJECT_FINALIZE"]["objectGeneration"] == str(second.generation)
    assert messages["OBJECT_FINALIZE"]["overwroteGeneration"] == str(first.generation)


def test_archive_is_not_delete(bucket, receiver):
    bucket.versioning_enabled = True
    bucket.patch()
    blob = put(bucket, "x")
    notify(bucket)

    bucket.blob("x").delete()
    archived = receiver.next().attributes
    bucket.blob("x", generation=blob.generation).delete()
    deleted = receiver.next().attributes

    assert archived["eventType"] == "OBJECT_ARCHIVE"
    assert deleted["eventType"] == "OBJECT_DELETE"
    assert "overwrittenByGeneration" not in {**archived, **deleted}


def test_only_what_is_wanted_is_sent(bucket, receiver):
    notify(bucket, event_types=["OBJECT_METADATA_UPDATE"], blob_name_prefix="in/")
    other, wanted = put(bucket, "out/x"), put(bucket, "in/x")

    for blob in (other, wanted):
        blob.metadata = {"k": "v"}
        blob.patch()

    message = receiver.next()
    assert message.attributes["eventType"] == "OBJECT_METADATA_UPDATE"
    assert message.attributes["objectId"] == "in/x"
    assert json.loads(message.data)["metageneration"] == "2"


def test_message_without_payload(bucket, receiver):
    notify(bucket, payload_format="NONE")

    put(bucket, "x")

    message = receiver.next()
    assert (message.data, message.attributes["payloadFormat"]) == (b"", "NONE")


def test_refused_message_is_sent_again(bucket, receiver):
    notify(bucket)
    receiver.failures_left = 2

    put(bucket, "x")

    assert receiver.next().attributes["objectId"] == "x"
    assert receiver.failures_left == 0


def test_messages_are_dropped_and_doubled_on_demand(bucket, receiver, faults):
    notify(bucket)
    faults.order(kind="drop_notification", path_regex="/o/lost$")
    faults.order(kind="duplicate_notification", path_regex="/o/twice$")

    for name in ("lost", "twice", "once"):
        put(bucket, name)

    assert [receiver.next().attributes["objectId"] for _ in range(3)] == ["twice", "twice", "once"]
    assert faults.hits() == [1, 1]
