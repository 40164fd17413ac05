"""Makes a local cloud what Terraform makes of a project: buckets, topics, subscriptions, jobs.

Everything goes through Google's own clients, and everything may be there already.
"""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from google.api_core.exceptions import AlreadyExists, Conflict, NotFound
from google.auth.credentials import AnonymousCredentials

from local import deployment
from local.sqlserver import CERTIFICATE
from local.topology import (
    FUNCTIONS,
    PREFIX,
    PROJECT,
    PUSH_ACCOUNT,
    SWEEP_JOB,
    Topology,
    address,
    topic,
)
from shared import callers, settings
from shared.config import model_files
from shared.config.connections import ProtectionKey
from shared.core.access import AccessKey, AccessList, Role, digest, key_id
from shared.core.messages import FINALIZE, SweepRequest
from shared.operations.tables import require_deployable
from shared.settings import BUCKETS
from shared.stage.envelope import KEY_SECRET, new_wrapping_key
from shared.wire import to_json
from shared.wiring import Services

ACK_DEADLINE_S = 600
"""Source: Pub/Sub, the longest a push may take."""

MIN_BACKOFF_S, MAX_BACKOFF_S = 1, 10
"""Shorter than in the cloud (10 s and 600 s): on a laptop somebody is watching."""

MAX_DELIVERY_ATTEMPTS = 5
"""Then the message goes to the dead-letter topic. Source: Pub/Sub allows 5 to 100."""

DEAD_LETTER = "dead-letter"
SWEEP_SCHEDULE = "*/5 * * * *"
SNOWFLAKE_USER = "SLUICE"


def provision(topology: Topology, config_dir: Path, environment: str) -> None:
    """Create everything that functions and command line expect to find.

    Raises:
        InvalidConfigError: the table files are wrong.
    """
    settings.adopt(topology.env)
    ports = topology.ports
    endpoints = deployment.Endpoints(
        snowflake=ports.snowflake,
        postgres=ports.postgres,
        sqlserver=ports.sqlserver if topology.has_sqlserver else None,
        bigquery=ports.bigquery if topology.has_bigquery else None,
    )
    tables = deployment.read(config_dir, environment, endpoints)
    models = model_files.load(config_dir, tables)
    # Threads that import one package at the same time may find half of it.
    for module in ("google.cloud.pubsub_v1", "google.cloud.storage"):
        import_module(module)
    with ThreadPoolExecutor() as pool:
        for job in (
            pool.submit(_topics_and_subscriptions, topology),
            pool.submit(_secrets, topology),
            pool.submit(_buckets),
        ):
            job.result()
    services = Services.build(settings.Settings.from_environment())
    require_deployable(services, tables, models)
    control = f"http://127.0.0.1:{topology.ports.control}"
    deployment.deploy(services.config, control, tables)
    services.models.deploy(models, settings.person())
    _sweep_job(control)


def _topics_and_subscriptions(topology: Topology) -> None:
    from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

    publisher, subscriber = PublisherClient(), SubscriberClient()
    for name in (*FUNCTIONS, DEAD_LETTER):
        _unless_there(publisher.create_topic, {"name": topic(name)})
    policy = {
        "dead_letter_topic": topic(DEAD_LETTER),
        "max_delivery_attempts": MAX_DELIVERY_ATTEMPTS,
    }
    requests = [
        {**_subscription(topology, name, to=name), "dead_letter_policy": policy}
        for name in FUNCTIONS
    ]
    # A dead letter has nowhere else to go: it comes back until the sweep has taken it in.
    requests.append(_subscription(topology, DEAD_LETTER, to="sweep"))
    for request in requests:
        # Ports may have changed since, so a subscription of an earlier start is pointed anew.
        if not _unless_there(subscriber.create_subscription, request):
            subscriber.modify_push_config(
                subscription=request["name"], push_config=request["push_config"]
            )


def _subscription(topology: Topology, name: str, *, to: str) -> dict[str, Any]:
    return {
        "name": f"projects/{PROJECT}/subscriptions/{PREFIX}-{name}",
        "topic": topic(name),
        "ack_deadline_seconds": ACK_DEADLINE_S,
        "push_config": {
            "push_endpoint": address(getattr(topology.ports, to)),
            "oidc_token": {"service_account_email": PUSH_ACCOUNT},
        },
        "retry_policy": {
            "minimum_backoff": {"seconds": MIN_BACKOFF_S},
            "maximum_backoff": {"seconds": MAX_BACKOFF_S},
        },
    }


def _unless_there(create: Any, request: dict[str, Any]) -> bool:
    try:
        create(request=request)
    except AlreadyExists:
        return False
    return True


def _buckets() -> None:
    from google.cloud.storage import Client

    client = Client(project=PROJECT, credentials=AnonymousCredentials())
    for name in BUCKETS:
        try:
            client.create_bucket(f"{PREFIX}-{name}")
        except Conflict:
            continue
    landing = client.bucket(f"{PREFIX}-landing")
    if not list(landing.list_notifications()):
        landing.notification(
            topic_name=f"{PREFIX}-ingest",
            topic_project=PROJECT,
            event_types=[FINALIZE],
            payload_format="JSON_API_V1",
        ).create()


def _secrets(topology: Topology) -> None:
    from google.cloud.secretmanager import SecretManagerServiceClient

    client = SecretManagerServiceClient(
        transport="rest",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": topology.env["SLUICE_SECRETS_ENDPOINT"]},
    )
    values: dict[str, Callable[[], bytes]] = {
        "postgres-password": topology.password.encode,
        "snowflake-private-key": lambda: _snowflake_key(topology.state_dir / "snowflake"),
        KEY_SECRET: new_wrapping_key,
        ProtectionKey().key_secret: new_wrapping_key,
        callers.SECRET: lambda: to_json(_access_list(topology.api_key)),
    }
    if topology.has_sqlserver:
        certificate = topology.state_dir / "sqlserver" / CERTIFICATE
        values[deployment.SQLSERVER_PASSWORD_SECRET] = topology.password.encode
        values[deployment.SQLSERVER_CA_SECRET] = certificate.read_bytes
    for name, make in values.items():
        parent = f"projects/{PROJECT}/secrets/{name}"
        try:
            client.access_secret_version(name=f"{parent}/versions/latest")
        except NotFound:
            _create_secret(client, name)
            client.add_secret_version(request={"parent": parent, "payload": {"data": make()}})


def _access_list(token: str) -> AccessList:
    """Let whoever started this cloud do everything in it."""
    key = AccessKey(
        id=key_id(token),
        role=Role.ADMIN,
        sha256=digest(token),
        note="made with this local cloud",
        created_at=datetime.now(UTC),
    )
    return AccessList(keys=(key,))


def _create_secret(client: Any, name: str) -> None:
    try:
        client.create_secret(
            parent=f"projects/{PROJECT}",
            secret_id=name,
            secret={"replication": {"automatic": {}}},
        )
    except (AlreadyExists, Conflict):
        return


def _snowflake_key(snowflake_dir: Path) -> bytes:
    """Make the key pair: the private half is the secret, the public one is Snowflake's to check."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    users = snowflake_dir / "users.json"
    partial = users.with_suffix(".partial")
    partial.write_text(json.dumps({SNOWFLAKE_USER: public.decode()}))
    partial.replace(users)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _sweep_job(control: str) -> None:
    job = {
        "schedule": SWEEP_SCHEDULE,
        "topic": topic("sweep"),
        "data": SweepRequest().encode().decode(),
    }
    deployment.put_job(control, SWEEP_JOB, job)
