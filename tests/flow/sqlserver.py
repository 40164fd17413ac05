"""Tables that go to SQL Server: the server beside a cloud, its secrets, a table's configuration."""

from collections.abc import Iterator
from typing import Any

import pytest

from shared.errors import InvalidConfigError
from shared.targets.sqlserver import drivers
from tests.contract.engines import Engine, SqlServerEngine
from tests.flow.cloud import Cloud

SECRETS = {"sqlserver-password": "flow-sqlserver-password", "sqlserver-ca": "flow-sqlserver-ca"}


@pytest.fixture(scope="session")
def server(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Start SQL Server beside the cloud, and give the cloud its password."""
    try:
        drivers.load()
    except InvalidConfigError as exc:
        pytest.skip(exc.message)
    with SqlServerEngine.started(tmp_path_factory.mktemp("flow-sqlserver")) as engine:
        for name, secret in SECRETS.items():
            keep(cloud, secret, engine.secrets.get(name).text())
        yield engine


def keep(cloud: Cloud, name: str, text: str) -> None:
    """Put a text into Secret Manager."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.secretmanager import SecretManagerServiceClient

    settings = cloud.services.settings
    client = SecretManagerServiceClient(
        transport="rest",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": settings.secrets_endpoint},
    )
    parent = f"projects/{settings.project}"
    secret = {"replication": {"automatic": {}}}
    client.create_secret(parent=parent, secret_id=name, secret=secret)
    version = {"parent": f"{parent}/secrets/{name}", "payload": {"data": text.encode()}}
    client.add_secret_version(request=version)


def configure(cloud: Cloud, server: Engine, name: str, **config: Any) -> str:
    """Deploy a table that goes to SQL Server."""
    reach = server.connections.model_dump()["sqlserver"]
    reach |= {"password_secret": SECRETS["sqlserver-password"]}
    reach |= {"ca_secret": SECRETS["sqlserver-ca"]} if reach["ca_secret"] else {}
    connections = cloud.connections().model_copy(
        update={"sqlserver": type(server.connections.sqlserver).model_validate(reach)}
    )
    config = {"postgres": None, "sqlserver": {"table": name}, **config}
    return cloud.configure(name, connections=connections, **config)
