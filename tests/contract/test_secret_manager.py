"""What Secret Manager promises, as Google's client sees it over REST and over gRPC."""

import uuid
from collections.abc import Iterator

import google_crc32c
import grpc
import pytest
from google.api_core.exceptions import (
    BadRequest,
    Conflict,
    FailedPrecondition,
    MethodNotImplemented,
    NotFound,
    ServerError,
)
from google.auth.credentials import AnonymousCredentials
from google.cloud.secretmanager import SecretManagerServiceClient
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
    SecretManagerServiceGrpcTransport,
)
from google.cloud.secretmanager_v1.types import SecretVersion

from tests.contract.pubsub_process import PROJECT, Process, control_plane

PARENT = f"projects/{PROJECT}"
State = SecretVersion.State


def rest_client(port: int) -> SecretManagerServiceClient:
    return SecretManagerServiceClient(
        transport="rest",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": f"http://127.0.0.1:{port}"},
    )


def grpc_client(port: int) -> SecretManagerServiceClient:
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    return SecretManagerServiceClient(transport=SecretManagerServiceGrpcTransport(channel=channel))


@pytest.fixture(scope="module")
def state_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("control")


@pytest.fixture(scope="module")
def server(state_dir) -> Iterator[tuple[Process, dict[str, int]]]:
    process, ports = control_plane(state_dir)
    process.start()
    yield process, ports
    process.stop()


@pytest.fixture(params=["rest", "grpc"])
def client(request, server) -> SecretManagerServiceClient:
    _, ports = server
    return (
        rest_client(ports["secrets"]) if request.param == "rest" else grpc_client(ports["pubsub"])
    )


def create(client: SecretManagerServiceClient, *payloads: bytes, **fields) -> str:
    """Create a secret with these versions and return its name."""
    secret = client.create_secret(
        parent=PARENT,
        secret_id=f"s{uuid.uuid4().hex[:12]}",
        secret={"replication": {"automatic": {}}, **fields},
    )
    for payload in payloads:
        client.add_secret_version(parent=secret.name, payload={"data": payload})
    return str(secret.name)


def access(client: SecretManagerServiceClient, name: str, version: object = "latest"):
    return client.access_secret_version(name=f"{name}/versions/{version}")


def test_payload_comes_back_with_its_checksum(client):
    payload = bytes(range(256))
    name = create(client, payload)

    reply = access(client, name)

    assert reply.name == f"{name}/versions/1"
    assert reply.payload.data == payload
    assert reply.payload.data_crc32c == google_crc32c.value(payload)


def test_latest_is_the_newest_version_and_older_ones_stay(client):
    name = create(client, b"one", b"two")

    assert access(client, name).payload.data == b"two"
    assert access(client, name, 1).payload.data == b"one"
    assert access(client, name).name == f"{name}/versions/2"


def test_secret_keeps_its_labels_and_time_of_creation(client):
    name = create(client, labels={"team": "data"})

    secret = client.get_secret(name=name)

    assert dict(secret.labels) == {"team": "data"}
    assert secret.create_time.year >= 2025
    assert "automatic" in secret.replication


def test_second_creation_of_the_same_name_is_refused(client):
    name = create(client)

    with pytest.raises(Conflict):
        client.create_secret(
            parent=PARENT,
            secret_id=name.split("/")[-1],
            secret={"replication": {"automatic": {}}},
        )


@pytest.mark.parametrize("secret_id", ["with space", "dot.dot", "x" * 256])
def test_name_outside_the_rules_is_refused(client, secret_id):
    with pytest.raises(BadRequest):
        client.create_secret(
            parent=PARENT, secret_id=secret_id, secret={"replication": {"automatic": {}}}
        )


def test_what_is_missing_is_not_found(client):
    empty = create(client)
    missing = f"{PARENT}/secrets/missing"

    with pytest.raises(NotFound):
        client.get_secret(name=missing)
    with pytest.raises(NotFound):
        client.add_secret_version(parent=missing, payload={"data": b"x"})
    with pytest.raises(NotFound):
        access(client, missing)
    with pytest.raises(NotFound):
        access(client, empty)
    with pytest.raises(NotFound):
        access(client, create(client, b"one"), 2)


def test_disabled_version_is_refused_until_it_is_enabled_again(client):
    name = create(client, b"one", b"two")
    version = f"{name}/versions/2"

    client.disable_secret_version(name=version)

    # Over REST the client tells every 400 the same.
    with pytest.raises(BadRequest, match="DISABLED"):
        access(client, name)
    assert access(client, name, 1).payload.data == b"one"
    client.enable_secret_version(name=version)
    assert access(client, name).payload.data == b"two"


def test_refusal_over_grpc_is_a_failed_precondition(server):
    _, ports = server
    client = grpc_client(ports["pubsub"])
    name = create(client, b"one")
    client.disable_secret_version(name=f"{name}/versions/1")

    with pytest.raises(FailedPrecondition):
        access(client, name)


def test_destroyed_version_is_gone_for_good(client, state_dir):
    name = create(client, b"a very recognisable payload")
    version = f"{name}/versions/1"

    destroyed = client.destroy_secret_version(name=version)

    assert destroyed.state == State.DESTROYED
    assert destroyed.destroy_time >= destroyed.create_time
    with pytest.raises(BadRequest, match="DESTROYED"):
        access(client, name)
    with pytest.raises(BadRequest, match="DESTROYED"):
        client.enable_secret_version(name=version)
    [file] = state_dir.glob(f"secrets/*{name.split('/')[-1]}.json")
    assert '"payloads": [""]' in file.read_text()


def test_versions_are_listed_newest_first_page_by_page(client):
    name = create(client, b"one", b"two", b"three")
    client.disable_secret_version(name=f"{name}/versions/2")

    pages = list(client.list_secret_versions(request={"parent": name, "page_size": 2}).pages)

    listed = [(each.name.split("/")[-1], each.state) for page in pages for each in page.versions]
    assert [len(page.versions) for page in pages] == [2, 1]
    assert listed == [("3", State.ENABLED), ("2", State.DISABLED), ("1", State.ENABLED)]
    assert client.get_secret_version(name=f"{name}/versions/latest").name == f"{name}/versions/3"


def test_secrets_of_one_project_are_listed(client):
    project = f"projects/p{uuid.uuid4().hex[:8]}"
    for secret_id in ("b", "a"):
        client.create_secret(
            parent=project, secret_id=secret_id, secret={"replication": {"automatic": {}}}
        )

    listed = [secret.name for secret in client.list_secrets(parent=project)]

    assert listed == [f"{project}/secrets/a", f"{project}/secrets/b"]


def test_deleted_secret_is_gone(client):
    name = create(client, b"x")

    client.delete_secret(name=name)

    with pytest.raises(NotFound):
        access(client, name)


def test_damaged_or_too_large_payload_is_refused(client):
    name = create(client)
    right = google_crc32c.value(b"data")

    client.add_secret_version(parent=name, payload={"data": b"data", "data_crc32c": right})

    with pytest.raises(BadRequest, match="CRC32C"):
        client.add_secret_version(parent=name, payload={"data": b"data", "data_crc32c": right + 1})
    with pytest.raises(BadRequest, match="65536"):
        client.add_secret_version(parent=name, payload={"data": b"x" * 65537})
    assert len(list(client.list_secret_versions(parent=name))) == 1


def test_what_is_not_emulated_is_refused_and_not_ignored(client):
    with pytest.raises((MethodNotImplemented, ServerError)):
        create(client, ttl={"seconds": 60})
    with pytest.raises((MethodNotImplemented, ServerError)):
        list(client.list_secrets(request={"parent": PARENT, "filter": "labels.a=b"}))


def test_files_are_readable_by_their_owner_alone(client, state_dir):
    create(client, b"x")

    files = list((state_dir / "secrets").iterdir())

    assert files
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert (state_dir / "secrets").stat().st_mode & 0o777 == 0o700


def test_secret_survives_a_kill(client, server):
    process, _ = server
    name = create(client, b"kept")

    process.kill()
    process.start()

    assert access(client, name).payload.data == b"kept"
