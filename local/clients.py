"""Clients of a local cloud: of its two databases, and of its functions as Pub/Sub calls them."""

from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from local.provision import SNOWFLAKE_USER
from local.pubsub.identity import PUSH_KEY, Identity
from local.topology import PUSH_ACCOUNT, address
from shared.secrets import Secrets


def connect_snowflake(secrets: Secrets, endpoint: str) -> Any:
    """Connect to Snowflake's stand-in with its own key pair; the session's time zone is UTC."""
    import snowflake.connector
    from cryptography.hazmat.primitives import serialization

    pem = secrets.get("snowflake-private-key").reveal()
    key = serialization.load_pem_private_key(pem, password=None).private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    host, _, port = endpoint.removeprefix("http://").partition(":")
    return snowflake.connector.connect(
        account="local",
        user=SNOWFLAKE_USER,
        authenticator="SNOWFLAKE_JWT",
        private_key=key,
        host=host,
        port=int(port),
        protocol="http",
        arrow_number_to_decimal=True,
        enable_server_session_keep_alive_auto_detection=False,
        session_parameters={"TIMEZONE": "UTC"},
    )


def connect_postgres(uri: str) -> Any:
    """Connect to the cloud's PostgreSQL."""
    import pg8000.dbapi

    parts = urlsplit(uri)
    return pg8000.dbapi.connect(
        user=parts.username or "",
        password=unquote(parts.password or ""),
        host=parts.hostname or "",
        port=parts.port or 5432,
        database=parts.path.lstrip("/"),
    )


def push_headers(described: dict[str, Any], function: str) -> dict[str, str]:
    """Return what a push of this cloud's Pub/Sub to a function carries."""
    token = _identity(Path(described["state_dir"]) / "control" / PUSH_KEY).token(
        PUSH_ACCOUNT, address(described["services"][function]["port"])
    )
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}


@cache
def _identity(path: Path) -> Identity:
    return Identity(path)
