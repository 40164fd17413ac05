"""How sources and targets are reached, as an environment file says it."""

from collections.abc import Collection, Iterable
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from shared.config.base import StrictModel
from shared.secrets import SECRET_NAME

BIGQUERY_PROJECT = r"^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$"
"""Source: Resource Manager, "Creating and managing projects": project ID."""

SNOWFLAKE_NAME = r"^[A-Za-z_][A-Za-z0-9_$]{0,254}$"
"""A name that needs no quotes. Source: Snowflake, "Identifier requirements"."""

SecretName = Annotated[str, Field(pattern=f"^{SECRET_NAME}$")]
"""Name of a secret; behind a colon perhaps the version to use, else it is the newest."""


class SnowflakeConnection(StrictModel):
    """How to reach Snowflake; key pair only, the private key stays in Secret Manager."""

    account: str
    """The account, as in ``account.snowflakecomputing.com``."""
    user: str
    """Who logs in, by key pair."""
    private_key_secret: SecretName = "snowflake-private-key"  # noqa: S105 - a secret's name, not a secret
    """Secret with the private key, PEM."""
    role: str | None = None
    """The session's role; absent: the user's own."""
    warehouse: str | None = None
    """What computes; absent: the user's own."""
    storage_integration: str | None = Field(default=None, pattern=SNOWFLAKE_NAME)
    """By what Snowflake writes into the staging bucket; needed by ``strategy: unload``."""
    host: str | None = None
    """Another host than the account's."""
    port: int | None = Field(default=None, ge=1, le=65535)
    """Another port than the protocol's."""
    protocol: Literal["https", "http"] = "https"
    """``http`` is for stand-ins."""


class PostgresConnection(StrictModel):
    """How to reach PostgreSQL: a Cloud SQL instance, or a host and port."""

    instance: str | None = None
    """Cloud SQL connection name, ``project:region:instance``."""
    host: str | None = None
    """Instead of ``instance``: a host, with ``port``."""
    port: int = Field(default=5432, ge=1, le=65535)
    """Of ``host``."""
    database: str = "postgres"
    """What to connect to."""
    user: str = "sluice"
    """Who logs in."""
    password_secret: SecretName = "postgres-password"  # noqa: S105 - a secret's name, not a secret
    """Secret with the password."""
    max_connections: int = Field(default=40, ge=4)
    """Connections that all functions together may hold; Terraform limits their instances by it."""

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if (self.instance is None) == (self.host is None):
            raise ValueError("give either instance (Cloud SQL) or host, not both or neither")
        return self


class SqlServerConnection(StrictModel):
    """How to reach SQL Server: any host, by the private address of a Cloud SQL instance too."""

    host: str = Field(min_length=1)
    """The server."""
    port: int = Field(default=1433, ge=1, le=65535)
    """Of ``host``."""
    database: str = "sluice"
    """What to connect to."""
    user: str = "sluice"
    """Who logs in."""
    password_secret: SecretName = "sqlserver-password"  # noqa: S105 - a secret's name, not a secret
    """Secret with the password."""
    driver: Literal["microsoft", "freetds"] = "microsoft"
    """Whose ODBC driver is used; see docs/targets.md."""
    tls: Literal["verify", "unverified", "off"] = "verify"
    """Whether the server must prove who it is; ``unverified`` encrypts for whoever answers."""
    ca_secret: SecretName | None = None
    """Secret with the certificates (PEM) to trust in place of the system's."""
    certificate_host: str | None = None
    """Name in the server's certificate, where it is not ``host``."""
    max_connections: int = Field(default=40, ge=4)
    """Connections that all functions together may hold; Terraform limits their instances by it."""

    @model_validator(mode="after")
    def _can_be_verified(self) -> Self:
        if self.driver == "freetds" and self.tls == "verify":
            raise ValueError(
                "driver freetds cannot be told to verify a certificate; write tls: unverified, or "
                "use driver microsoft"
            )
        return self


class BigQueryConnection(StrictModel):
    """How to reach BigQuery: with the function's own identity, so no secret is needed."""

    project: str = Field(pattern=BIGQUERY_PROJECT)
    """The project that runs and pays for jobs; tables are in it unless they say otherwise."""
    location: str = Field(min_length=1, max_length=64)
    """Where the datasets are, ``EU`` or ``europe-west1``; a job stays in one location."""
    endpoint: str | None = Field(default=None, pattern=r"^https?://[^/]+$")
    """Another server than Google's, such as an emulator; plain HTTP gets no credentials."""


class ProtectionKey(StrictModel):
    """Which key hashes and tokenizes protected columns.

    The version is pinned, never the latest: another key makes other hashes of the same values.
    """

    key_secret: str = Field(default="protection-key", pattern=r"^[A-Za-z0-9_-]{1,255}$")
    """Secret with the key of protected columns; see docs/tables.md#protected-columns."""
    key_version: int = Field(default=1, ge=1)
    """The version that is used, whatever is newer: another key makes other hashes."""


class Connections(StrictModel):
    """One per kind of source or target, and the key of protected columns."""

    snowflake: SnowflakeConnection | None = None
    postgres: PostgresConnection | None = None
    sqlserver: SqlServerConnection | None = None
    bigquery: BigQueryConnection | None = None
    protection: ProtectionKey = ProtectionKey()
    """Which key hashes and tokenizes protected columns."""

    def only(self, kinds: Collection[str]) -> Self:
        """Return these without the sources and targets of other kinds."""
        others = type(self).model_fields.keys() - {*kinds, "protection"}
        return self.model_copy(update=dict.fromkeys(others))

    @classmethod
    def together(cls, several: Iterable[Self]) -> Self:
        """Return all that several tables of one environment have."""
        found = {kind: reach for each in several for kind, reach in each if reach is not None}
        return cls.model_validate(found)
